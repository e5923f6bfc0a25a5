import { setTimeout as wait } from 'node:timers/promises'
import type { BackendFactory, IQueueBackend, Job } from 'bullmq'
import {
  BrokerAwayError,
  type Consumer,
  type Message,
  type MessageHandler,
  type Queue,
  type QueueLog,
  type Report,
  readMessage,
} from './queue.ts'

export type BullMq = typeof import('bullmq')

/** What differs between the stores BullMQ can keep its messages in; all else in this file is common to them. */
export interface Backend<B extends IQueueBackend, Connection> {
  readonly factory: BackendFactory<B, Connection>
  readonly sending: Connection
  readonly consuming: Connection
  /** The prefix of BullMQ's names in the store. */
  readonly prefix?: string
  close(): Promise<void>
}

/** A queue whose messages a dashboard can show. */
export interface BullMqQueue extends Queue {
  readonly bullmqQueue: import('bullmq').Queue
}

const queueName = 'contributions'

/** A message, but for the name, which is that of BullMQ's job. */
type Data = Pick<Message, 'id' | 'sentAt'>

/** Two tries again, 2 s and 4 s after the failures. A failed job is a dead letter; of those, and of
 * the completed ones that a dashboard shows, only the last are kept. */
const messageOptions = {
  attempts: 3,
  backoff: { type: 'exponential', delay: 2_000 },
  removeOnComplete: { count: 100 },
  removeOnFail: { count: 1_000 },
}

const lowPriority = 10

/** After this time the sender gets an error. */
const answerTimeoutMs = 10_000
const stopTimeoutMs = 5_000

/**
 * A consumer renews the locks of its messages every 5 s. The messages of one that was killed are free 10 s after
 * its last renewal, are marked by one check and given out by the next. A message is not to blame for the process
 * it was in, so only one that was lost a hundred times is a dead letter, lest it kill consumers for ever.
 */
const consumerOptions = {
  lockDuration: 10_000,
  stalledInterval: 5_000,
  maxStalledCount: 100,
  runRetryDelay: 500,
}

export async function openBullMqQueue<B extends IQueueBackend, Connection>(
  bullmq: BullMq,
  log: QueueLog,
  backend: Backend<B, Connection>,
): Promise<BullMqQueue> {
  const queue = new bullmq.Queue<Data, void, string, Data, void, string, B, Connection>(
    queueName,
    { connection: backend.sending, defaultJobOptions: messageOptions, ...prefixOf(backend) },
    backend.factory,
  )
  const consumers = new Set<Promise<Consumer>>()
  let closing: Promise<void> | undefined
  const tell = tellChanges(log)
  queue.on('error', (error) => tell(error, 'The queue reports an error'))

  const close = async () => {
    await Promise.allSettled([...consumers].map(async (consumer) => (await consumer).stop()))
    await inTime(queue.close(), stopTimeoutMs).catch(() => {})
    await backend.close()
  }
  // After close, promises of BullMQ never settle.
  const assertOpen = () => {
    if (closing !== undefined) throw new Error('The queue is closed')
  }

  try {
    await queue.waitUntilReady()
  } catch (error) {
    await close()
    throw refusal('The queue cannot be opened', error)
  }

  return {
    bullmqQueue: queue as unknown as import('bullmq').Queue,
    async send(messages) {
      assertOpen()
      const jobs = messages.map(({ name, id, priority, sentAt }) => ({
        name,
        data: { id, sentAt },
        // BullMQ takes messages without a priority first.
        opts: priority === 'low' ? { priority: lowPriority } : {},
      }))
      const [first] = jobs
      if (first === undefined) return
      // Alone, a message is stored without the temporary tables that a bulk needs.
      await inTime<unknown>(
        jobs.length === 1 ? queue.add(first.name, first.data, first.opts) : queue.addBulk(jobs),
      )
    },
    async consume(handle, options) {
      assertOpen()
      const consumer = startConsumer(bullmq, log, backend, handle, options.concurrency)
      consumers.add(consumer)
      return consumer
    },
    async depth() {
      assertOpen()
      const asked = queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed')
      const { waiting = 0, prioritized = 0, active = 0, delayed = 0, failed = 0 } = await inTime(asked)
      return { waiting: waiting + prioritized, active, delayed, dead: failed }
    },
    close() {
      closing ??= close()
      return closing
    },
  }
}

async function startConsumer<B extends IQueueBackend, Connection>(
  bullmq: BullMq,
  log: QueueLog,
  backend: Backend<B, Connection>,
  handle: MessageHandler,
  concurrency: number,
): Promise<Consumer> {
  const stopped = new AbortController()
  const inHand = new Set<Promise<void>>()
  const tell = tellChanges(log)

  const processJob = async (job: Job<Data, void>, token?: string) => {
    // A message that was being fetched when the consumer was stopped is put back, untouched.
    if (stopped.signal.aborted) {
      await job.moveToWait(token)
      throw new bullmq.WaitingError()
    }
    let shown = Promise.resolve()
    const report = (report: Report) => {
      shown = shown.then(() => show(job, report))
    }
    const handling = handle(messageOf(bullmq, job), { signal: stopped.signal, report })
    inHand.add(handling)
    await handling.finally(() => inHand.delete(handling))
  }

  const worker = new bullmq.Worker<Data, void, string, B, object, Connection>(
    queueName,
    processJob as never,
    { ...consumerOptions, connection: backend.consuming, concurrency, autorun: false, ...prefixOf(backend) },
    backend.factory,
  )
  worker.on('error', (error) => tell(error, 'The consumer of the queue reports an error'))
  worker.on('stalled', (jobId) => log.warn({ jobId }, 'A message was lost by its consumer and is sent again'))
  worker.on('failed', (job, error) => {
    const what = { err: error, name: job?.name, data: job?.data, tries: job?.attemptsMade }
    log.warn(
      what,
      job?.finishedOn ? 'A message is a dead letter now' : 'A message could not be handled; it comes again',
    )
  })

  try {
    await worker.waitUntilReady()
  } catch (error) {
    await worker.close()
    throw refusal('The queue cannot be consumed', error)
  }
  worker.run().catch((error) => log.warn({ err: error }, 'The consumer of the queue has ended'))

  return {
    async stop() {
      // In this order, so that nothing new is fetched when the handlers stop.
      const closed = worker.close()
      stopped.abort()
      await Promise.allSettled(inHand)
      // Only the broker can mark them as done: an unreachable broker cannot, and delivers them again later.
      await inTime(closed, stopTimeoutMs).catch((error) =>
        tell(error, 'The consumer was stopped without its broker'),
      )
    },
  }
}

/** @throws Error when it takes too long; the call may still succeed later */
async function inTime<Result>(asked: Promise<Result>, limitMs = answerTimeoutMs): Promise<Result> {
  const late = new AbortController()
  const limit = wait(limitMs, undefined, { signal: late.signal }).then(() => {
    throw new Error(`The broker has not answered for ${limitMs / 1000} s`)
  })
  try {
    return await Promise.race([asked, limit])
  } finally {
    limit.catch(() => {})
    late.abort()
    asked.catch(() => {})
  }
}

/** Warns of an error, but not again and again of the same: an unreachable broker is tried every few seconds. */
function tellChanges(log: QueueLog): (error: unknown, what: string) => void {
  let last: string | undefined
  return (error, what) => {
    const said = `${what}: ${reason(error)}`
    if (said !== last) log.warn({ err: error }, what)
    last = said
  }
}

function prefixOf(backend: { readonly prefix?: string }): { prefix?: string } {
  return backend.prefix === undefined ? {} : { prefix: backend.prefix }
}

/** @throws UnrecoverableError for an invalid message: trying again cannot help */
function messageOf(bullmq: BullMq, job: Job): Message {
  try {
    return readMessage({ ...job.data, name: job.name })
  } catch (error) {
    throw new bullmq.UnrecoverableError((error as Error).message)
  }
}

/** A lost report changes only the dashboard: the facts are in the database. */
async function show(job: Job, { percentage, lines }: Report): Promise<void> {
  await Promise.allSettled([job.updateProgress(percentage), job.log(lines.join('\n'))])
}

const networkCodes = ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'ENOENT', '57P03']

/** The error of opening the queue: the broker is unreachable, or refuses us. */
export function refusal(what: string, error: unknown): Error {
  const away = networkCodes.includes((error as { code?: string }).code ?? '')
  return new (away ? BrokerAwayError : Error)(`${what}: ${reason(error)}`, { cause: error })
}

/** A host with several addresses is refused with an error that has a code, and no message. */
export function reason(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string }
  return message || code || String(error)
}
