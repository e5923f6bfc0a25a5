import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPostgresServer } from '../support/brokers/postgres-server.ts'
import { registerTier } from '../support/fund-fixture.ts'
import { openWorkedFund, type WorkedFund } from '../support/worked-fund.ts'

let fund: WorkedFund
beforeAll(async () => {
  fund = await openWorkedFund({ members: 60_010 })
})
afterAll(() => fund.close())

/** Takes everything out of the queue, as a flushed or exchanged broker would. */
async function emptyQueue(): Promise<void> {
  const { db } = fund.app
  const { rows } = await sql<{ tables: string }>`
    select string_agg(format('%I.%I', schemaname, tablename), ', ') as tables from pg_tables
    where schemaname = 'bullmq' and tablename not like '%migration%'`.execute(db)
  await sql.raw(`truncate ${rows[0]?.tables}`).execute(db)
}

/** How many chunks are being written at this moment, by whichever worker. */
async function countChunksInHand({ app }: WorkedFund): Promise<number> {
  const { rows } =
    await sql`select from pg_stat_activity where datname = current_database() and state = 'active'
    and query like '%insert into member_contributions%' and pid <> pg_backend_pid()`.execute(app.db)
  return rows.length
}

test('I6: a cycle becomes Active by itself, however often the worker is killed and the queue emptied', {
  timeout: 240_000,
}, async () => {
  await fund.slowDown(0.1)
  const { cycleId } = await fund.startCycle()
  let worker = await fund.startWorker()
  let kills = 0
  let killAt = 0
  await fund.untilActive(cycleId, async (processed) => {
    if (kills === 8 || processed < killAt) return
    await worker.end('SIGKILL')
    kills += 1
    // The next one lives until some more rows are in: in the middle of a chunk, wherever that is.
    killAt = processed + Math.floor(Math.random() * 6_000)
    if (kills % 2 === 0) await emptyQueue()
    worker = await fund.startWorker()
  })
  expect(kills).toBeGreaterThanOrEqual(4)
  await worker.end('SIGTERM')
})

test.each([0, 1, 2])(
  'three workers share a cycle, and number %i goes on when the others are killed',
  {
    timeout: 120_000,
  },
  async (survivor) => {
    await fund.slowDown(0.2)
    // With one message in hand each, three chunks at once are three workers at work.
    const env = { WORKER_CONCURRENCY: '1', JOB_LANES: '3' }
    const workers = await Promise.all([0, 1, 2].map(() => fund.startWorker(env)))
    const { cycleId } = await fund.startCycle()
    let atWorkTogether = 0
    let killed = false
    await fund.untilActive(cycleId, async () => {
      atWorkTogether = Math.max(atWorkTogether, await countChunksInHand(fund))
      if (killed || atWorkTogether < 3) return
      killed = true
      await Promise.all(workers.map((worker, index) => index !== survivor && worker.end('SIGKILL')))
    })
    expect({ atWorkTogether, killed }).toEqual({ atWorkTogether: 3, killed: true })
    await workers[survivor]?.end('SIGTERM')
  },
)

test('a worker that is asked to stop finishes its chunk, and another continues', {
  timeout: 120_000,
}, async () => {
  await fund.slowDown(0.1)
  const { cycleId } = await fund.startCycle()
  const first = await fund.startWorker()
  const second = await fund.startWorker()
  let stopped: Promise<number | null> | undefined
  await fund.untilActive(cycleId, async (processed) => {
    if (processed > 0) stopped ??= first.end('SIGTERM')
  })
  expect(await stopped).toBe(0)
  expect(await second.end('SIGTERM')).toBe(0)
})

test('a worker whose chunk does not end still exits, and another does the chunk', {
  timeout: 120_000,
}, async () => {
  // A server of its own: while a transaction is open, no cycle of any database of its server is planned.
  const server = await startPostgresServer()
  const alone = await openWorkedFund({ members: 1_001, databaseUrl: server.url })
  try {
    await alone.slowDown(300)
    const { cycleId } = await alone.startCycle()
    const stuck = await alone.startWorker()
    await expect.poll(() => countChunksInHand(alone), { timeout: 20_000 }).toBeGreaterThan(0)
    const askedAt = performance.now()
    expect(await stuck.end('SIGTERM')).toBe(1)
    expect(performance.now() - askedAt).toBeLessThan(30_000)
    expect(stuck.output.stderr).toContain('left to others')
    await alone.slowDown(0)
    const worker = await alone.startWorker()
    await alone.untilActive(cycleId)
    await worker.end('SIGTERM')
  } finally {
    await alone.close()
    await server.stop()
  }
})

test('a small cycle started while a large one runs does not wait for it', { timeout: 120_000 }, async () => {
  await fund.slowDown(0.1)
  await registerTier(fund.app.db, { tierCode: 'S', members: 301 })
  const worker = await fund.startWorker()
  const large = await fund.startCycle()
  const small = await fund.startCycle('S')
  const [largeDone, smallDone] = await Promise.all([
    fund.untilActive(large.cycleId),
    fund.untilActive(small.cycleId),
  ])
  expect(smallDone.totalMembers).toBe(300)
  expect(Date.parse(smallDone.activatedAt ?? '')).toBeLessThan(Date.parse(largeDone.activatedAt ?? ''))
  await worker.end('SIGTERM')
})
