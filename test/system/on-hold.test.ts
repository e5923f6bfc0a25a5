import { sql } from 'kysely'
import pg from 'pg'
import { afterEach, expect, test } from 'vitest'
import { findJob } from '../../src/platform/jobs/job-sql.ts'
import { type ReplicatedPostgres, startReplicatedPostgres } from '../support/brokers/replicated-postgres.ts'
import { openWorkedFund, type WorkedFund } from '../support/worked-fund.ts'

let fund: WorkedFund | undefined
let servers: ReplicatedPostgres | undefined
afterEach(async () => {
  await fund?.close()
  await servers?.stop()
  fund = servers = undefined
})

const holdOf = async ({ app }: WorkedFund, jobId: string | null) =>
  (await findJob(app.db, jobId as string))?.holdReason

const countWritten = async ({ app }: WorkedFund) =>
  (await sql<{ count: number }>`select count(*) from member_contributions`.execute(app.db)).rows[0]?.count

test('a creation waits for a replica that has fallen behind, says so, and goes on by itself', {
  timeout: 120_000,
}, async () => {
  servers = await startReplicatedPostgres()
  fund = await openWorkedFund({
    members: 60_001,
    databaseUrl: servers.url,
    env: { HOLD_REPLICATION_LAG_MB: '2' },
  })
  await servers.setReplaying(false)
  const worker = await fund.startWorker({ LOG_FORMAT: 'json' })
  // It is looked at once a second.
  await fund.slowDown(0.5)
  const { cycleId, jobId } = await fund.startCycle()
  await expect
    .poll(() => holdOf(fund as WorkedFund, jobId), { timeout: 30_000 })
    .toMatch(/^the replica standby is \d+ MB behind \(limit 2 MB\)$/)
  await worker.says('the job is on hold because the replica standby is')
  await fund.slowDown(0)
  // The sweep looks again and again, and nothing is written meanwhile.
  const looks = () => worker.output.stderr.split('is on hold because').length
  const untilLooked = async () => {
    const before = looks()
    await expect.poll(looks, { timeout: 30_000 }).toBeGreaterThan(before)
  }
  // The other lane may have had a chunk in hand when the hold began. It is written long before the next look.
  await untilLooked()
  const written = await countWritten(fund)
  expect(written).toBeLessThan(60_000)
  await untilLooked()
  expect(await countWritten(fund)).toBe(written)

  await servers.setReplaying(true)
  await fund.untilActive(cycleId)
  expect(await holdOf(fund, jobId)).toBeNull()
  expect(await countWritten(fund)).toBe(60_000)
})

test('a creation waits while others wait for locks', { timeout: 60_000 }, async () => {
  fund = await openWorkedFund({ members: 10_001, env: { HOLD_LOCK_WAITS: '1' } })
  const sessions = await Promise.all(
    [1, 2, 3].map(async () => {
      const session = new pg.Client(fund?.databaseUrl)
      await session.connect()
      return session
    }),
  )
  const [holder, ...waiters] = sessions as [pg.Client, ...pg.Client[]]
  await holder.query('begin; lock table row_pace')
  const waiting = waiters.map((waiter) => waiter.query('select from row_pace'))
  // Who has waited for less than a second does not count, and the cycle must not be done before that.
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  await fund.startWorker()
  const { cycleId, jobId } = await fund.startCycle()
  await expect
    .poll(() => holdOf(fund as WorkedFund, jobId), { timeout: 20_000 })
    .toBe('2 sessions wait for a lock (limit 1)')
  expect(await countWritten(fund)).toBe(0)
  await holder.query('rollback')
  await fund.untilActive(cycleId)
  await Promise.all(waiting)
  await Promise.all(sessions.map((session) => session.end()))
})
