import type { Logger } from 'pino'
import type { Db } from '../database/connect.ts'
import type { Message, Queue } from '../queue/queue.ts'
import type { JobKind } from './job-kind.ts'

/** What the engine's functions work with. */
export interface Engine {
  readonly db: Db
  readonly queue: Queue
  readonly kinds: ReadonlyMap<string, JobKind>
  readonly log: Logger
  /** How many tokens of one job circulate, and so how many of its chunks are worked on at once. */
  readonly lanes: number
  /** How long a token is held before it goes to the back of the queue, so that other jobs get their turn. */
  readonly sliceMs: number
  /** Why nothing more may be written at the moment; undefined: continue. */
  readonly holdReason: () => Promise<string | undefined>
  /** Upper limit for all processes together; undefined: there is none. */
  readonly rowsPerSecond: number | undefined
}

export function createEngine(options: {
  readonly db: Db
  readonly queue: Queue
  readonly kinds: readonly JobKind[]
  readonly log: Logger
  readonly lanes?: number
  readonly sliceMs?: number
  readonly holdReason?: () => Promise<string | undefined>
  readonly rowsPerSecond?: number | undefined
}): Engine {
  const kinds = new Map(options.kinds.map((kind) => [kind.name, kind]))
  if (kinds.size < options.kinds.length) throw new Error('Two kinds of jobs have one name.')
  return {
    db: options.db,
    queue: options.queue,
    kinds,
    log: options.log,
    lanes: options.lanes ?? 2,
    sliceMs: options.sliceMs ?? 2000,
    holdReason: options.holdReason ?? (async () => undefined),
    rowsPerSecond: options.rowsPerSecond,
  }
}

/** The name of the queue message that says "somebody advance this job". */
export const tokenName = 'advance-job'

/** The fields of a job that its tokens need. */
export interface JobRef {
  readonly jobId: string
  readonly jobKind: string
}

export function tokens(engine: Pick<Engine, 'kinds'>, job: JobRef, count: number): Message[] {
  const priority = engine.kinds.get(job.jobKind)?.priority
  const sentAt = Date.now()
  return Array.from({ length: count }, () => ({ name: tokenName, id: job.jobId, priority, sentAt }))
}

/** A request that has started a cycle waits this long for an unreachable broker. */
const sendTimeoutMs = 500

/**
 * Sends tokens. Called after the commit that made the work: before it, a worker might look too early. A token that
 * cannot be sent is only logged, for the work is in the database and the sweep will find it; nor is a broker waited for
 * that does not answer.
 */
export async function wakeJob(
  engine: Pick<Engine, 'queue' | 'kinds' | 'log'>,
  job: JobRef,
  count = 1,
): Promise<void> {
  const sending = engine.queue.send(tokens(engine, job, count)).catch((error: unknown) => {
    engine.log.warn({ jobId: job.jobId, err: error }, 'the queue took no token; the sweep will find the job')
  })
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, sendTimeoutMs)
  })
  await Promise.race([sending, timeout])
  clearTimeout(timer)
}

/** @throws Error when this version does not know the job's kind: a newer version has made it */
export function kindOf(engine: Pick<Engine, 'kinds'>, jobKind: string): JobKind {
  const kind = engine.kinds.get(jobKind)
  if (!kind) throw new Error(`No job kind "${jobKind}" is known to this version of Almoner.`)
  return kind
}
