import type { BackendFactory, IQueueBackend, Job, PgPool, PostgresQueueBackend } from 'bullmq'
import type { Pool } from 'pg'
import type { Consumer, Message, MessageHandler, Queue } from './queue.ts'

/** The part of a pino logger that the driver needs. */
export interface QueueLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** What differs between the stores BullMQ can keep its messages in; all else in this file is common to them. */
interface Backend<B extends IQueueBackend, Connection> {
  readonly factory: BackendFactory<B, Connection>
  readonly sending: Connection
  readonly consuming: Connection
  close(): Promise<void>
}

type BullMq = typeof import('bullmq')

const queueName = 'contributions'
const schema = 'bullmq'

/** Two tries again, 2 s and 4 s after the failures. A failed job is a dead letter; only the last are kept. */
const messageOptions = {
  attempts: 3,
  backoff: { type: 'exponential', delay: 2_000 },
  removeOnComplete: true,
  removeOnFail: { count: 1_000 },
}

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

const silent: QueueLog = { info: () => {}, warn: () => {} }

/**
 * Opens the queue on the application's own database (schema `bullmq`), over at most four connections. BullMQ's
 * migrations run only in `migratePostgresQueue`; without them, or without the database, this rejects.
 */
export async function openPostgresQueue(options: {
  readonly url: string
  readonly log?: QueueLog
}): Promise<Queue> {
  const bullmq = await import('bullmq')
  const log = options.log ?? silent
  const pool = await createPool(options.url)
  return openQueue(bullmq, log, {
    factory: bullmq.createPostgresBackend as BackendFactory<PostgresQueueBackend, PgPool>,
    sending: pool as PgPool,
    consuming: patientPool(bullmq, pool, log),
    close: () => pool.end(),
  })
}

/** Creates BullMQ's schema or brings it up to date. Safe to run twice, and by two processes at once. */
export async function migratePostgresQueue(url: string): Promise<void> {
  const { runMigrations } = await import('bullmq')
  const pool = await createPool(url)
  pool.on('error', () => {})
  try {
    const client = await pool.connect()
    try {
      await runMigrations(client, schema)
    } finally {
      client.release()
    }
  } catch (error) {
    throw failure('The schema of the queue cannot be created', error)
  } finally {
    await pool.end()
  }
}

/**
 * BullMQ could open connections by itself, but `patientPool` needs them before BullMQ does. A consumer keeps one of
 * the four for LISTEN: one opening serves up to three consumers, and is meant for one.
 */
async function createPool(url: string): Promise<Pool> {
  const { default: pg } = await import('pg')
  return new pg.Pool({
    connectionString: url,
    application_name: 'almoner queue',
    options: `-c search_path=${schema}`,
    max: 4,
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
  })
}

/**
 * A consumer's view of the pool, in which every trouble with the server is one of BullMQ's own connection errors:
 * those it repeats after `runRetryDelay`. Of pg's errors it knows only ECONNREFUSED as such. After any other it
 * fetches again at once, without end, and gives a message again that was done but could not be marked so.
 */
function patientPool(bullmq: BullMq, pool: Pool, log: QueueLog): PgPool {
  // BullMQ's own refusals and faults in the data are about one message: repeating the statement cannot help.
  const isAnswer = (error: unknown) => /^(BM|22|23)/.test((error as { code?: string }).code ?? '')
  let lost = false
  const patient = async <T>(attempt: Promise<T>): Promise<T> => {
    try {
      const result = await attempt
      if (lost) log.info({}, 'The consumer has its queue back')
      lost = false
      return result
    } catch (error) {
      if (isAnswer(error)) throw error
      if (!lost) log.warn({ err: error }, 'The consumer cannot reach its queue and keeps trying')
      lost = true
      throw new bullmq.ConnectionClosedError(reason(error), error as Error)
    }
  }
  return {
    connect: () => patient(pool.connect()),
    query: (text, values) => patient(pool.query(text, values as unknown[])),
    end: () => pool.end(),
    on: () => pool,
    removeAllListeners: () => pool,
  } as PgPool
}

async function openQueue<B extends IQueueBackend, Connection>(
  bullmq: BullMq,
  log: QueueLog,
  backend: Backend<B, Connection>,
): Promise<Queue> {
  const queue = new bullmq.Queue<{ id: string }, void, string, { id: string }, void, string, B, Connection>(
    queueName,
    { connection: backend.sending, defaultJobOptions: messageOptions },
    backend.factory,
  )
  const consumers = new Set<Promise<Consumer>>()
  let closing: Promise<void> | undefined
  queue.on('error', (error) => log.warn({ err: error }, 'The queue reports an error'))

  const close = async () => {
    await Promise.allSettled([...consumers].map(async (consumer) => (await consumer).stop()))
    await queue.close()
    await backend.close()
  }
  // BullMQ never settles what it is asked once it is closed.
  const assertOpen = () => {
    if (closing !== undefined) throw new Error('The queue is closed')
  }

  try {
    await queue.waitUntilReady()
  } catch (error) {
    await close()
    throw failure('The queue cannot be opened', error)
  }

  return {
    async send(messages) {
      assertOpen()
      const jobs = messages.map(({ name, id }) => ({ name, data: { id } }))
      const [first] = jobs
      if (first === undefined) return
      // Alone, a message is stored without the temporary tables that a bulk needs.
      await (jobs.length === 1 ? queue.add(first.name, first.data) : queue.addBulk(jobs))
    },
    async consume(handle, options) {
      assertOpen()
      const consumer = startConsumer(bullmq, log, backend, handle, options.concurrency)
      consumers.add(consumer)
      return consumer
    },
    async depth() {
      assertOpen()
      const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'failed')
      const { waiting = 0, active = 0, delayed = 0, failed = 0 } = counts
      return { waiting, active, delayed, dead: failed }
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

  const processJob = async (job: Job<{ id: string }, void>, token?: string) => {
    // A message that was being fetched when the consumer was stopped is put back, untouched.
    if (stopped.signal.aborted) {
      await job.moveToWait(token)
      throw new bullmq.WaitingError()
    }
    await handle({ name: job.name, id: job.data.id }, stopped.signal)
  }

  const worker = new bullmq.Worker<{ id: string }, void, string, B, object, Connection>(
    queueName,
    processJob as never,
    { ...consumerOptions, connection: backend.consuming, concurrency, autorun: false },
    backend.factory,
  )
  worker.on('error', (error) => log.warn({ err: error }, 'The consumer of the queue reports an error'))
  worker.on('stalled', (jobId) => log.warn({ jobId }, 'A message was lost by its consumer and is sent again'))
  worker.on('failed', (job, error) =>
    log.warn(
      { err: error, message: messageOf(job), tries: job?.attemptsMade },
      'A message could not be handled',
    ),
  )

  try {
    await worker.waitUntilReady()
  } catch (error) {
    await worker.close()
    throw failure('The queue cannot be consumed', error)
  }
  worker.run().catch((error) => log.warn({ err: error }, 'The consumer of the queue has ended'))

  return {
    async stop() {
      // In this order, so that nothing is fetched in place of what the handlers put down.
      const closed = worker.close()
      stopped.abort()
      await closed
    },
  }
}

function messageOf(job: Job<{ id: string }, void> | undefined): Message | undefined {
  return job && { name: job.name, id: job.data.id }
}

function failure(what: string, error: unknown): Error {
  return new Error(`${what}: ${reason(error)}`, { cause: error })
}

/** A host with several addresses is refused with an error that has a code, and no message. */
function reason(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string }
  return message || code || String(error)
}
