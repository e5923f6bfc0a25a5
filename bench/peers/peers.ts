/** The usual ways to create the contributions of a cycle, each on the usual schema. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Queue } from 'bullmq'
import { and, asc, eq } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import PgBoss from 'pg-boss'
import { startRedisServer } from '../../test/support/brokers/redis-server.ts'
import { contributionOf, contributions, cycles, members, setUp } from './usual-schema.ts'

export interface Peer {
  /** Makes everything as it was before the first round. */
  settle(): Promise<void>
  /** Creates the contributions. */
  create(): Promise<void>
  countRows(): Promise<number>
  close(): Promise<void>
}

const pageRows = 500

async function openUsualDatabase(url: string, memberCount: number) {
  const pool = new pg.Pool({ connectionString: url })
  await pool.query(setUp(memberCount))
  await pool.query('vacuum (analyze)')
  const db = drizzle({ client: pool })
  const [order] = await db.select().from(cycles)
  if (order === undefined) throw new Error('there is no cycle')
  /** The members of the tier, page after page, as the usual service reads them. */
  async function* pages() {
    for (let offset = 0; ; offset += pageRows) {
      const page = await db
        .select()
        .from(members)
        .where(and(eq(members.tierId, order?.tierId as string), eq(members.memberStatus, 'Active')))
        .orderBy(asc(members.memberId))
        .limit(pageRows)
        .offset(offset)
      if (page.length > 0)
        yield page.map(({ memberId }) => contributionOf(order as typeof order & object, memberId))
      if (page.length < pageRows) return
    }
  }
  return {
    db,
    pages,
    async settle() {
      await pool.query('truncate contributions')
      await pool.query('checkpoint')
    },
    async countRows() {
      return db.$count(contributions)
    },
    close: () => pool.end(),
  }
}

/** The ORM: pages of 500 by offset, each inserted by one statement. */
export async function openDrizzle(url: string, memberCount: number): Promise<Peer> {
  const { db, pages, ...usual } = await openUsualDatabase(url, memberCount)
  return {
    ...usual,
    async create() {
      for await (const page of pages()) await db.insert(contributions).values(page)
    },
  }
}

/** A worker process of its own, which tells when it has done so many jobs. */
async function startPeerWorker(kind: 'bullmq' | 'pg-boss', queueUrl: string, url: string) {
  const file = fileURLToPath(new URL(`./${kind}-worker.ts`, import.meta.url))
  const worker: ChildProcess = fork(file, [queueUrl, url])
  const ended = once(worker, 'exit')
  await once(worker, 'message')
  return {
    async untilDone(jobs: number) {
      const done = once(worker, 'message')
      worker.send(jobs)
      const failed = ended.then(() => Promise.reject(new Error(`the worker of ${kind} has ended`)))
      failed.catch(() => {})
      await Promise.race([done, failed])
    },
    async stop() {
      worker.kill('SIGKILL')
      await ended
    },
  }
}

/** One BullMQ job a member, on a Redis that writes its log to disk every second, as BullMQ advises. */
export async function openBullMq(url: string, memberCount: number): Promise<Peer> {
  const { db: _, pages, ...usual } = await openUsualDatabase(url, memberCount)
  const redis = await startRedisServer({ appendfsync: 'everysec' })
  const queue = new Queue('contributions', { connection: { url: redis.url } })
  const worker = await startPeerWorker('bullmq', redis.url, url)
  return {
    ...usual,
    async create() {
      const done = worker.untilDone(memberCount)
      for await (const page of pages()) {
        const opts = { attempts: 3, removeOnComplete: true }
        await queue.addBulk(page.map((data) => ({ name: 'create', data, opts })))
      }
      await done
    },
    async close() {
      await worker.stop()
      await queue.close()
      await redis.stop()
      await usual.close()
    },
  }
}

/** One pg-boss job a member, in the same database. */
export async function openPgBoss(url: string, memberCount: number): Promise<Peer> {
  const { db, pages, ...usual } = await openUsualDatabase(url, memberCount)
  const boss = new PgBoss(url)
  boss.on('error', () => {})
  await boss.start()
  await boss.createQueue('contributions')
  const worker = await startPeerWorker('pg-boss', url, url)
  return {
    ...usual,
    async settle() {
      await db.execute('truncate pgboss.job')
      await usual.settle()
    },
    async create() {
      const done = worker.untilDone(memberCount)
      for await (const page of pages()) {
        await boss.insert(page.map((data) => ({ name: 'contributions', data, retryLimit: 2 })))
      }
      await done
    },
    async close() {
      await worker.stop()
      await boss.stop({ graceful: false })
      await usual.close()
    },
  }
}
