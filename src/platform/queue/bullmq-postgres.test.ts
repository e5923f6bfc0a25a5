import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import { describe, expect, inject, test } from 'vitest'
import { startPostgresServer } from '../../../test/support/brokers/postgres-server.ts'
import { urlOfDatabase } from '../database/embedded-server.ts'
import { bullMqContract } from './bullmq.contract.ts'
import { migratePostgresQueue, openPostgresQueue } from './bullmq-postgres.ts'
import { queueContract } from './queue.contract.ts'
import type { Message } from './queue.ts'

const silent = { info() {}, warn() {} }

/** A database of its own for one test. */
async function createDatabase(serverUrl = inject('serverUrl')) {
  const name = `queue_${randomBytes(6).toString('hex')}`
  const admin = new pg.Client(serverUrl)
  await admin.connect()
  await admin.query(`create database ${name}`)
  const cutConnections = async () => {
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
  }
  return {
    url: urlOfDatabase(serverUrl, name),
    cutConnections,

    async lockOut() {
      await admin.query(`alter database ${name} allow_connections false`)
      await cutConnections()
    },
    async letIn() {
      await admin.query(`alter database ${name} allow_connections true`)
    },
    async drop() {
      await admin.query(`drop database ${name} with (force)`)
      await admin.end()
    },
  }
}

queueContract(
  'PostgreSQL',
  async () => {
    const database = await createDatabase()
    await migratePostgresQueue(database.url)
    return {
      url: database.url,
      open: (log) => openPostgresQueue({ url: database.url, log }),
      poison: () => poison(database.url),
      interrupt: database.cutConnections,
      tearDown: database.drop,
    }
  },
  async () => {
    const server = await startPostgresServer()
    await migratePostgresQueue(server.url)
    return {
      ...server,
      open: (log) => openPostgresQueue({ url: server.url, log }),
      poison: () => poison(server.url),
      interrupt: async () => {},
      tearDown: server.stop,
    }
  },
)

bullMqContract('PostgreSQL', async () => {
  const database = await createDatabase()
  await migratePostgresQueue(database.url)
  return {
    open: () => openPostgresQueue({ url: database.url, log: silent }),
    tearDown: database.drop,
  }
})

/** A job such as any other user of BullMQ may add. */
async function poison(url: string): Promise<void> {
  const { Queue, createPostgresBackend } = await import('bullmq')
  const pool = new pg.Pool({ connectionString: url, options: '-c search_path=bullmq' })
  const queue = new Queue('contributions', { connection: pool as never }, createPostgresBackend as never)
  await queue.add('advance-job', { jobId: 7 }, { attempts: 3 })
  await queue.close()
  await pool.end()
}

describe('opening the queue on PostgreSQL', () => {
  test('a server that does not answer is refused, in a sentence', async () => {
    const url = 'postgres://postgres@127.0.0.1:1/postgres'
    await expect(openPostgresQueue({ url, log: silent })).rejects.toThrow(
      /^The queue cannot be opened: .*ECONNREFUSED/,
    )
    await expect(migratePostgresQueue(url)).rejects.toThrow(/^The schema of the queue .*ECONNREFUSED/)
  })

  test('an invalid address is refused, in a sentence', async () => {
    await expect(openPostgresQueue({ url: 'postgres://[', log: silent })).rejects.toThrow(
      /^The queue cannot be opened: /,
    )
  })

  test('a database without the schema is refused, and the schema may be created twice', async () => {
    const database = await createDatabase()
    try {
      await expect(openPostgresQueue({ url: database.url, log: silent })).rejects.toThrow(
        /"bullmq" is not initialized/,
      )
      await Promise.all([migratePostgresQueue(database.url), migratePostgresQueue(database.url)])
      await migratePostgresQueue(database.url)
      const queue = await openPostgresQueue({ url: database.url, log: silent })
      await queue.close()
    } finally {
      await database.drop()
    }
  })
})

describe('a consumer on PostgreSQL whose database is away for a second', () => {
  test('logs it, tries a few times, not thousands, and does nothing twice', async () => {
    const database = await createDatabase()
    await migratePostgresQueue(database.url)
    const warnings: string[] = []
    const log = { info: () => {}, warn: (_fields: object, message: string) => warnings.push(message) }
    const queue = await openPostgresQueue({ url: database.url, log })
    try {
      const taken: string[] = []
      let reached = () => {}
      const hundred = new Promise<void>((resolve) => {
        reached = resolve
      })
      const handle = async (message: Message) => {
        taken.push(message.id)
        if (taken.length === 100) reached()
        await setTimeout(5)
      }
      // Only a consumer that knows of more work is eager to fetch.
      await queue.send(Array.from({ length: 500 }, (_, index) => ({ name: 'token', id: `${index}` })))
      await queue.consume(handle, { concurrency: 5 })
      await hundred
      await database.lockOut()
      await setTimeout(1_000)
      await database.letIn()
      await expect
        .poll(() => queue.depth(), { timeout: 30_000 })
        .toEqual({ waiting: 0, active: 0, delayed: 0, dead: 0 })
      expect(warnings.length).toBeLessThan(20)
      expect(warnings).toContain('The consumer cannot reach its queue and keeps trying')
      expect(warnings).toContain('The consumer of the queue reports an error')
      expect(taken.length).toBe(500)
    } finally {
      await queue.close()
      await database.drop()
    }
  })
})
