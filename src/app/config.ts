import { z } from 'zod'
import type { Channel } from '../notices/notice-rules.ts'
import type { HoldLimits } from '../platform/jobs/hold-rules.ts'
import { assertQueueUrl } from '../platform/queue/open-queue.ts'

/** Whether and where to serve, work and keep data: the whole environment, checked once. */
export interface Config {
  /** Undefined: the embedded PostgreSQL. */
  readonly databaseUrl: string | undefined
  /** Undefined: the application's own database. */
  readonly queueUrl: string | undefined
  /** Undefined: the usual place of the operating system. */
  readonly dataDir: string | undefined
  readonly host: string
  readonly port: number
  /** Where browsers find the API; without it, where it listens. */
  readonly publicUrl: string
  /** Files, if the API uses TLS itself. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined
  /** Proxies that are trusted to give the client's address. */
  readonly trustedProxies: readonly string[]
  /** Undefined: the one in the database. */
  readonly secret: string | undefined
  /** Undefined: no mail is sent. */
  readonly mail: { readonly url: string; readonly from: string } | undefined
  /** Gateways that take short messages; undefined: none are sent. */
  readonly textGateways: { readonly sms: string | undefined; readonly whatsapp: string | undefined }
  /** How many are sent a minute at most, by all processes together; undefined: as many as are taken. */
  readonly perMinute: Readonly<Record<Channel, number | undefined>>
  readonly requestsPerMinute: number
  /** Where this process serves its metrics and health; undefined: only an API does, with a key. */
  readonly metrics: { readonly host: string; readonly port: number } | undefined
  /** Whether spans are sent; OpenTelemetry's own variables say where to. */
  readonly isTraced: boolean
  /** IP addresses of one's own network that webhooks may reach. */
  readonly webhookAddresses: readonly string[]
  /** Whether the dashboard of the queue is read-only. */
  readonly queueBoard: 'read-only' | 'writable'
  readonly workerConcurrency: number
  readonly jobLanes: number
  /** Upper limit for all processes together; undefined: there is none. */
  readonly rowsPerSecond: number | undefined
  /** Above these limits large work waits for the database to recover. */
  readonly holdLimits: HoldLimits
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

const loopback = ['127.0.0.1', '::1', 'localhost']

const httpUrl = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:\/\/[^/?#@]+\/?$/.test(text), {
    error: 'must be a URL such as https://fund.example.org',
  })
  .transform((text) => new URL(text).origin)

/** An address or a network, in the format of proxy-addr. */
const proxyAddress = z.union([
  z.ipv4(),
  z.ipv6(),
  z.cidrv4(),
  z.cidrv6(),
  z.enum(['loopback', 'uniquelocal']),
])

const proxies = z
  .string()
  .transform((text) => text.split(',').map((one) => one.trim()))
  .refine((list) => list.every((one) => proxyAddress.safeParse(one).success), {
    error: 'must be addresses or networks such as 10.0.0.0/8, with commas between them',
  })

const addresses = z
  .string()
  .transform((text) => text.split(',').map((one) => one.trim()))
  .refine((list) => list.every((one) => z.union([z.ipv4(), z.ipv6()]).safeParse(one).success), {
    error: 'must be IP addresses such as 10.0.0.7, with commas between them',
  })

const environment = z.object({
  DATABASE_URL: url(['postgres', 'postgresql'], 'postgres://user:password@host/database').optional(),
  QUEUE_URL: queueUrl.optional(),
  ALMONER_DATA_DIR: z.string().optional(),
  HOST: z.string().default('127.0.0.1'),
  PORT: wholeNumber(0, 65_535).default(3000),
  PUBLIC_URL: httpUrl.optional(),
  TLS_CERT_FILE: z.string().optional(),
  TLS_KEY_FILE: z.string().optional(),
  TRUSTED_PROXY: proxies.optional(),
  ALMONER_SECRET: z.string().min(32, { error: 'must have 32 characters or more' }).optional(),
  SMTP_URL: url(['smtp', 'smtps'], 'smtp://user:password@host:587').optional(),
  MAIL_FROM: z.string().optional(),
  SMS_URL: url(['https', 'http'], 'https://user:password@gateway.example.org/sms').optional(),
  WHATSAPP_URL: url(['https', 'http'], 'https://user:password@gateway.example.org/whatsapp').optional(),
  EMAIL_PER_MINUTE: wholeNumber(1, 1_000_000).optional(),
  SMS_PER_MINUTE: wholeNumber(1, 1_000_000).optional(),
  WHATSAPP_PER_MINUTE: wholeNumber(1, 1_000_000).optional(),
  WEBHOOK_PER_MINUTE: wholeNumber(1, 1_000_000).optional(),
  WEBHOOK_ADDRESSES: addresses.optional(),
  METRICS_PORT: wholeNumber(0, 65_535).optional(),
  METRICS_HOST: z.string().default('127.0.0.1'),
  OTEL_EXPORTER_OTLP_ENDPOINT: url(['http', 'https'], 'http://collector:4318').optional(),
  REQUESTS_PER_MINUTE: wholeNumber(1, 1_000_000).default(3000),
  QUEUE_BOARD: oneOf(['read-only', 'writable']).default('read-only'),
  WORKER_CONCURRENCY: wholeNumber(1, 100).default(5),
  JOB_LANES: wholeNumber(1, 100).default(2),
  ROWS_PER_SECOND: wholeNumber(500, 10_000_000).optional(),
  HOLD_REPLICATION_LAG_MB: wholeNumber(1, 1_000_000).default(256),
  HOLD_LOCK_WAITS: wholeNumber(1, 10_000).default(20),
  HOLD_CHECKPOINT_SECONDS: wholeNumber(1, 3600).default(30),
  INLINE_MEMBER_LIMIT: wholeNumber(0, 1_000_000).default(1000),
  CREATION_STRATEGY: oneOf(['queued', 'inline', 'hybrid']).default('hybrid'),
  LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  LOG_FORMAT: oneOf(['pretty', 'json']).optional(),
})

/** A rule between variables: the wrong one, and what is wrong with it. */
function faultsBetween(env: NodeJS.ProcessEnv): string[] {
  const isSet = (variable: string) => env[variable] !== undefined
  const together = (one: string, other: string) =>
    isSet(one) === isSet(other)
      ? []
      : [`${isSet(one) ? other : one} must be set too, with ${isSet(one) ? one : other}`]
  const isReached = isSet('HOST') && !loopback.includes(env.HOST as string)
  return [
    ...together('TLS_CERT_FILE', 'TLS_KEY_FILE'),
    ...together('SMTP_URL', 'MAIL_FROM'),
    ...(isReached && !isSet('TLS_CERT_FILE') && !isSet('TRUSTED_PROXY')
      ? [
          `HOST must be ${loopback.join(', ')}, unless TLS_CERT_FILE and TLS_KEY_FILE are set, or TRUSTED_PROXY because a proxy speaks TLS`,
        ]
      : []),
    ...(isSet('TRUSTED_PROXY') && !env.PUBLIC_URL?.startsWith('https://')
      ? ['PUBLIC_URL must be the https address of the proxy, for TRUSTED_PROXY is set']
      : []),
  ]
}

/** The environment cannot be used as it is; the message names every variable that is wrong, and how. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/**
 * @param isTerminal whether a person reads the log; decides LOG_FORMAT when it is not set
 * @throws ConfigError
 */
export function readConfig(env: NodeJS.ProcessEnv, isTerminal = process.stderr.isTTY): Config {
  // Shells and compose files write an empty variable for "not set".
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const { success, data, error } = environment.safeParse(set)
  const faults = [
    ...(error?.issues ?? []).map((issue) => `${issue.path.join('.')} ${issue.message}`),
    ...faultsBetween(set),
  ]
  if (!success || faults.length > 0) {
    throw new ConfigError(
      `The configuration is not usable:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    )
  }
  return {
    databaseUrl: data.DATABASE_URL,
    queueUrl: data.QUEUE_URL,
    dataDir: data.ALMONER_DATA_DIR,
    host: data.HOST,
    port: data.PORT,
    publicUrl: data.PUBLIC_URL ?? addressOf(data),
    tls:
      data.TLS_CERT_FILE !== undefined && data.TLS_KEY_FILE !== undefined
        ? { certFile: data.TLS_CERT_FILE, keyFile: data.TLS_KEY_FILE }
        : undefined,
    trustedProxies: data.TRUSTED_PROXY ?? [],
    secret: data.ALMONER_SECRET,
    mail:
      data.SMTP_URL !== undefined && data.MAIL_FROM !== undefined
        ? { url: data.SMTP_URL, from: data.MAIL_FROM }
        : undefined,
    textGateways: { sms: data.SMS_URL, whatsapp: data.WHATSAPP_URL },
    perMinute: {
      email: data.EMAIL_PER_MINUTE,
      sms: data.SMS_PER_MINUTE,
      whatsapp: data.WHATSAPP_PER_MINUTE,
      webhook: data.WEBHOOK_PER_MINUTE,
    },
    webhookAddresses: data.WEBHOOK_ADDRESSES ?? [],
    metrics:
      data.METRICS_PORT === undefined ? undefined : { host: data.METRICS_HOST, port: data.METRICS_PORT },
    isTraced: data.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined,
    requestsPerMinute: data.REQUESTS_PER_MINUTE,
    queueBoard: data.QUEUE_BOARD,
    workerConcurrency: data.WORKER_CONCURRENCY,
    jobLanes: data.JOB_LANES,
    rowsPerSecond: data.ROWS_PER_SECOND,
    holdLimits: {
      replicationLagMb: data.HOLD_REPLICATION_LAG_MB,
      lockWaits: data.HOLD_LOCK_WAITS,
      checkpointSeconds: data.HOLD_CHECKPOINT_SECONDS,
    },
    inlineMemberLimit: data.INLINE_MEMBER_LIMIT,
    creationStrategy: data.CREATION_STRATEGY,
    logLevel: data.LOG_LEVEL,
    logFormat: data.LOG_FORMAT ?? (isTerminal ? 'pretty' : 'json'),
  }
}

function addressOf(env: { HOST: string; PORT: number; TLS_CERT_FILE?: string | undefined }): string {
  const host = env.HOST.includes(':') ? `[${env.HOST}]` : env.HOST
  return `${env.TLS_CERT_FILE === undefined ? 'http' : 'https'}://${host}:${env.PORT}`
}
