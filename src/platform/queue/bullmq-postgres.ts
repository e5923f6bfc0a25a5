import type { BackendFactory, PgPool, PostgresQueueBackend } from 'bullmq'
import type { Pool } from 'pg'
import { type BullMq, type BullMqQueue, openBullMqQueue, reason, refusal } from './bullmq.ts'
import type { QueueLog } from './queue.ts'

const schema = 'bullmq'

/**
 * Opens the queue on the application's own database (schema `bullmq`), over at most four connections. BullMQ's
 * migrations run only in `migratePostgresQueue`; without them, or without the database, this rejects.
 */
export async function openPostgresQueue(options: {
  readonly url: string
  readonly log: QueueLog
}): Promise<BullMqQueue> {
  const bullmq = await import('bullmq')
  const { log } = options
  const pool = await createPool(options.url)
  return openBullMqQueue(bullmq, log, {
    factory: bullmq.createPostgresBackend as BackendFactory<PostgresQueueBackend, PgPool>,
    sending: pool as PgPool,
    consuming: poolWithConnectionErrors(bullmq, pool, log),
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
    throw refusal('The schema of the queue cannot be created', error)
  } finally {
    await pool.end()
  }
}

/**
 * BullMQ could open connections by itself, but `poolWithConnectionErrors` needs them before BullMQ does. A consumer keeps one of
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
function poolWithConnectionErrors(bullmq: BullMq, pool: Pool, log: QueueLog): PgPool {
  // BullMQ's own refusals and faults in the data are about one message: repeating the statement cannot help.
  const isAnswer = (error: unknown) => /^(BM|22|23)/.test((error as { code?: string }).code ?? '')
  let lost = false
  const translated = async <T>(attempt: Promise<T>): Promise<T> => {
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
    connect: () => translated(pool.connect()),
    query: (text, values) => translated(pool.query(text, values as unknown[])),
    end: () => pool.end(),
    on: () => pool,
    removeAllListeners: () => pool,
  } as PgPool
}
