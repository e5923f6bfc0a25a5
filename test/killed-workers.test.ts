import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'
import { readCreationProgress } from '../src/cycles/creation-progress.ts'
import { requireCycle } from '../src/cycles/cycle-sql.ts'
import { proveCycle } from '../src/cycles/prove-cycle.ts'
import { startCycle } from '../src/cycles/start-cycle.ts'
import { createLog } from '../src/log.ts'
import { type Application, openApplication } from '../src/main.ts'
import { type AlmonerProcess, startAlmoner } from './almoner-process.ts'
import { approveDeath, registerTier } from './fund-fixture.ts'
import { createTestDatabase, type TestDatabase } from './test-database.ts'

const members = 300_000

let database: TestDatabase
let app: Application
const workers = new Set<AlmonerProcess>()

beforeAll(async () => {
  database = await createTestDatabase()
  const config = readConfig({ DATABASE_URL: database.url, LOG_LEVEL: 'silent' }, false)
  app = await openApplication(config, createLog({ level: 'silent', format: 'json' }), 'almoner test')
  await registerTier(app.db, { members: members + 10 })
  await sql`vacuum (analyze) members, standings`.execute(app.db)
})
afterAll(async () => {
  await Promise.all([...workers].map((worker) => worker.end('SIGKILL')))
  await app.close()
  await database.drop()
})

/** Makes each chunk take a while, so that there is a middle to interfere in. */
async function slowDown(seconds: number): Promise<void> {
  await sql`
    create or replace function slow_down() returns trigger language plpgsql as $$
    begin perform pg_sleep(${sql.lit(seconds)}); return null; end $$`.execute(app.db)
  await sql`
    create or replace trigger slow_down before insert on member_contributions
    for each statement execute function slow_down()`.execute(app.db)
}

async function startWorker(): Promise<AlmonerProcess> {
  const worker = startAlmoner(['worker'], { DATABASE_URL: database.url })
  workers.add(worker)
  void worker.exited.then(() => workers.delete(worker))
  await worker.says('The worker is ready.')
  return worker
}

let deaths = 0
async function start() {
  deaths += 1
  const claim = await approveDeath(app.db, { number: deaths })
  const order = { claimId: claim.claimId, cycleDuration: 15, strategy: 'queued' as const, actor: 'treasurer' }
  return startCycle(app, order)
}

/** Watches until it is over; `each` is called with every look and may interfere. */
async function untilActive(cycleId: string, each: (processed: number) => Promise<void> = async () => {}) {
  for (;;) {
    const { status, progress } = await readCreationProgress(app.db, cycleId)
    expect(status).not.toBe('Failed')
    if (status === 'Active') break
    await each(progress.processed)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const cycle = await requireCycle(app.db, cycleId)
  expect(await proveCycle(app.db, cycle)).toMatchObject({ holds: true })
  const { rows } = await sql`select from events
    where subject = ${cycleId} and event_name = 'ContributionCycleActivated'`.execute(app.db)
  expect(rows).toHaveLength(1)
  return cycle
}

/** Takes everything out of the queue, as a flushed or exchanged broker would. */
async function emptyQueue(): Promise<void> {
  const { rows } = await sql<{ tables: string }>`
    select string_agg(format('%I.%I', schemaname, tablename), ', ') as tables from pg_tables
    where schemaname = 'bullmq' and tablename not like '%migration%'`.execute(app.db)
  await sql.raw(`truncate ${rows[0]?.tables}`).execute(app.db)
}

test('I6: a cycle becomes Active by itself, however often the worker is killed and the queue emptied', {
  timeout: 240_000,
}, async () => {
  await slowDown(0.1)
  const { cycleId } = await start()
  let worker = await startWorker()
  let kills = 0
  let killAt = 0
  await untilActive(cycleId, async (processed) => {
    if (kills === 8 || processed < killAt) return
    await worker.end('SIGKILL')
    kills += 1
    // The next one lives until some more rows are in: in the middle of a chunk, wherever that is.
    killAt = processed + Math.floor(Math.random() * 30_000)
    if (kills % 2 === 0) await emptyQueue()
    worker = await startWorker()
  })
  expect(kills).toBeGreaterThanOrEqual(4)
  await worker.end('SIGTERM')
})

test('a worker that is asked to stop finishes its chunk, and another goes on', {
  timeout: 120_000,
}, async () => {
  await slowDown(0.1)
  const { cycleId } = await start()
  const first = await startWorker()
  const second = await startWorker()
  let stopped: Promise<number | null> | undefined
  await untilActive(cycleId, async (processed) => {
    if (processed > 0) stopped ??= first.end('SIGTERM')
  })
  expect(await stopped).toBe(0)
  expect(await second.end('SIGTERM')).toBe(0)
})

test('a small cycle started while a large one runs does not wait for it', { timeout: 120_000 }, async () => {
  await slowDown(0.1)
  await registerTier(app.db, { tierCode: 'S', members: 301 })
  const worker = await startWorker()
  const large = await start()
  const claim = await approveDeath(app.db, { tierCode: 'S' })
  const small = await startCycle(app, {
    claimId: claim.claimId,
    cycleDuration: 15,
    strategy: 'queued',
    actor: 'treasurer',
  })
  const [largeDone, smallDone] = await Promise.all([untilActive(large.cycleId), untilActive(small.cycleId)])
  expect(smallDone.totalMembers).toBe(300)
  expect(Date.parse(smallDone.activatedAt ?? '')).toBeLessThan(Date.parse(largeDone.activatedAt ?? ''))
  await worker.end('SIGTERM')
})
