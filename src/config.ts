import { z } from 'zod'
import { assertQueueUrl } from './queue/open-queue.ts'

/** Whether and where to serve, work and keep data: the whole environment, checked once. */
export interface Config {
  /** Undefined: the embedded PostgreSQL. */
  readonly databaseUrl: string | undefined
  /** Undefined: the application's own database. */
  readonly queueUrl: string | undefined
  /** Undefined: the place the operating system has for it. */
  readonly dataDir: string | undefined
  readonly host: string
  readonly port: number
  /** Whether the dashboard of the queue only shows. */
  readonly queueBoard: 'read-only' | 'writable'
  readonly workerConcurrency: number
  readonly jobLanes: number
  readonly inlineMemberLimit: number
  readonly creationStrategy: 'queued' | 'inline' | 'hybrid'
  readonly logLevel: string
  readonly logFormat: 'pretty' | 'json'
}

const url = (protocols: string[], example: string) =>
  z
    .string()
    .refine((text) => protocols.some((protocol) => text.startsWith(`${protocol}:`)) && URL.canParse(text), {
      error: `must be a URL such as ${example}`,
    })

const queueUrl = z.string().superRefine((text, context) => {
  try {
    assertQueueUrl(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: `cannot be used: ${(error as Error).message}` })
  }
})

const wholeNumber = (from: number, to: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number from ${from} to ${to}`)
    .transform(Number)
    .refine((value) => value >= from && value <= to, {
      error: `must be a whole number from ${from} to ${to}`,
    })

const oneOf = <const Words extends readonly [string, ...string[]]>(words: Words) =>
  z.enum(words, { error: `must be one of ${words.join(', ')}` })

// Until there is access control, whoever reaches the port may do anything: so only this machine reaches it.
const loopback = z.string().refine((host) => ['127.0.0.1', '::1', 'localhost'].includes(host), {
  error: 'must be 127.0.0.1, ::1 or localhost: there is no access control yet',
})

const environment = z.object({
  DATABASE_URL: url(['postgres', 'postgresql'], 'postgres://user:password@host/database').optional(),
  QUEUE_URL: queueUrl.optional(),
  ALMONER_DATA_DIR: z.string().optional(),
  HOST: loopback.default('127.0.0.1'),
  PORT: wholeNumber(0, 65_535).default(3000),
  QUEUE_BOARD: oneOf(['read-only', 'writable']).default('read-only'),
  WORKER_CONCURRENCY: wholeNumber(1, 100).default(5),
  JOB_LANES: wholeNumber(1, 100).default(2),
  INLINE_MEMBER_LIMIT: wholeNumber(0, 1_000_000).default(1000),
  CREATION_STRATEGY: oneOf(['queued', 'inline', 'hybrid']).default('hybrid'),
  LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  LOG_FORMAT: oneOf(['pretty', 'json']).optional(),
})

/** The environment cannot be used as it is; the message names every variable that is wrong, and how. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/**
 * @param isTerminal whether a person reads the log; decides LOG_FORMAT when it is not set
 * @throws ConfigError
 */
export function readConfig(env: NodeJS.ProcessEnv, isTerminal = process.stderr.isTTY): Config {
  // An empty variable is how a shell or a compose file says "not set".
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const { success, data, error } = environment.safeParse(set)
  if (!success) {
    const faults = error.issues.map((issue) => `  ${issue.path.join('.')} ${issue.message}`)
    throw new ConfigError(`The configuration is not usable:\n${faults.join('\n')}`)
  }
  return {
    databaseUrl: data.DATABASE_URL,
    queueUrl: data.QUEUE_URL,
    dataDir: data.ALMONER_DATA_DIR,
    host: data.HOST,
    port: data.PORT,
    queueBoard: data.QUEUE_BOARD,
    workerConcurrency: data.WORKER_CONCURRENCY,
    jobLanes: data.JOB_LANES,
    inlineMemberLimit: data.INLINE_MEMBER_LIMIT,
    creationStrategy: data.CREATION_STRATEGY,
    logLevel: data.LOG_LEVEL,
    logFormat: data.LOG_FORMAT ?? (isTerminal ? 'pretty' : 'json'),
  }
}
