import fc from 'fast-check'
import { sql } from 'kysely'
import pino from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { crashingDatabase } from '../../test/support/crashing-database.ts'
import { approveDeath, registerTier } from '../../test/support/fund-fixture.ts'
import { createLoopQueue } from '../../test/support/loop-queue.ts'
import { seeded } from '../../test/support/random.ts'
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database.ts'
import { announceTo } from '../events/announce.ts'
import { notifyAgents } from '../notices/notify-agents.ts'
import { cycleSubscriptions } from '../notices/tell-of-cycle.ts'
import { tokenHandler } from '../platform/jobs/advance-job.ts'
import { createEngine } from '../platform/jobs/engine.ts'
import type { JobKind } from '../platform/jobs/job-kind.ts'
import { sweep } from '../platform/jobs/sweep.ts'
import { operator } from '../platform/values/actor.ts'
import { systemClock } from '../platform/values/clock.ts'
import { createContributions } from './create-contributions.ts'
import { readCreationProgress } from './creation-progress.ts'
import { requireCycle } from './cycle-sql.ts'
import { proveCycle } from './prove-cycle.ts'
import { removeContributions } from './remove-contributions.ts'
import { startCycle } from './start-cycle.ts'
import { pauseCycle, resumeCycle, retryCycle } from './steer-cycle.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase(20)
})
afterAll(() => database.drop())

test('I1–I4, I6–I8, I10: a cycle is created exactly once, whatever the queue, the processes and the register do', {
  timeout: 240_000,
}, async () => {
  let round = 0
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        seed: fc.integer(),
        members: fc.integer({ min: 1, max: 4000 }),
        crashes: fc.constantFrom(0, 0.005, 0.03),
        dropped: fc.constantFrom(0, 0.3, 0.9),
        mishaps: fc.constantFrom(0, 0.1),
        strategy: fc.constantFrom('queued' as const, 'hybrid' as const),
      }),
      async (world) => {
        round += 1
        await createAndCheck(`T${round}`, world)
      },
    ),
    { numRuns: 25, endOnFailure: true },
  )
})

async function createAndCheck(
  tierCode: string,
  world: {
    seed: number
    members: number
    crashes: number
    dropped: number
    mishaps: number
    strategy: 'queued' | 'hybrid'
  },
): Promise<void> {
  const { db } = database
  const random = seeded(world.seed)
  const queue = createLoopQueue(() => ({
    copies: random() < world.dropped ? 0 : random() < 0.3 ? 3 : 1,
    delayMs: random() * 20,
  }))
  const announce = announceTo([cycleSubscriptions])
  const creation = createContributions({ announce }) as JobKind
  const kinds: JobKind[] = [
    {
      ...creation,
      async run(tx, job, chunk) {
        const rows = await creation.run(tx, job, chunk)
        if (random() < world.mishaps) throw new Error('a mishap')
        return rows
      },
    },
    removeContributions as JobKind,
    notifyAgents({ announce }) as JobKind,
  ]
  const log = pino({ level: 'silent' })
  const steady = createEngine({ db, queue, kinds, log, sliceMs: 30 })
  const engine = { ...steady, db: crashingDatabase(database.pool, () => random() < world.crashes) }
  await queue.consume(tokenHandler(engine), { concurrency: 5 })

  await registerTier(db, { tierCode, members: world.members + 1 })
  const claim = await approveDeath(db, { tierCode })
  const register = keepWriting(tierCode, random)
  // Started while others have written to the register and not committed yet: the cycle has to wait for them.
  await register.midway
  const deps = { db, announce, engine: steady, clock: systemClock, inlineMemberLimit: 1000 }
  const order = {
    claimId: claim.claimId,
    cycleDuration: 15,
    strategy: world.strategy,
    actor: operator('treasurer'),
  }
  let started: { cycleId: string } | undefined
  while (!started) {
    // Inline, a mishap is the request's own: nothing of it stays, and the treasurer clicks again.
    started = await startCycle(deps, order).catch((error: Error) => {
      expect(error.message).toBe('a mishap')
      return undefined
    })
    const cycles = await db
      .selectFrom('contributionCycles')
      .select('cycleId')
      .where('claimId', '=', claim.claimId)
      .execute()
    expect(cycles).toHaveLength(started ? 1 : 0)
  }
  const { cycleId } = started

  let highest = 0
  for (;;) {
    const { status, progress } = await readCreationProgress(db, cycleId)
    expect(progress.percentage).toBeGreaterThanOrEqual(highest)
    expect(progress.percentage === 100).toBe(status === 'Active')
    highest = progress.percentage
    if (status === 'Active') break
    if (status === 'Failed') {
      const { rows } = await sql<{ attempts: number }>`
        select attempts from job_chunks join contribution_cycles using (job_id)
        where cycle_id = ${cycleId} and chunk_status = 'Failed'`.execute(db)
      expect(rows.every((row) => row.attempts === 3)).toBe(true)
      expect(rows.length).toBeGreaterThan(0)
      await retryCycle(deps, { cycleId, actor: operator('treasurer') })
    } else if (random() < 0.1) {
      const paused = await pauseCycle(deps, { cycleId, actor: operator('treasurer') }).catch(() => undefined)
      if (paused) await resumeCycle(deps, { cycleId, actor: operator('treasurer') })
    }
    // Rests of 2 and 4 seconds are for the world outside; here they end at once.
    await sql`update job_chunks set not_before = null where chunk_status = 'Pending' and not_before is not null`.execute(
      db,
    )
    await sweep(steady, 0)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await register.stop()
  await queue.close()

  const cycle = await requireCycle(db, cycleId)
  expect(await proveCycle(db, cycle.cycleId)).toMatchObject({
    holds: true,
    doubled: 0,
    missing: 0,
    unexpected: 0,
  })
  const { rows } = await sql<{ activations: number; deadPending: number; roster: number }>`
    select
      (select count(*) from events
        where subject = ${cycleId} and event_name = 'ContributionCycleActivated') as activations,
      (select count(*) from member_contributions mc join members m using (member_id)
        where mc.cycle_id = ${cycleId} and m.member_status = 'Deceased'
          and mc.contribution_status = 'Pending') as dead_pending,
      -- Said once more, and differently: by the register's history and not by eligible_members.
      (select count(distinct s.member_id) from standings s join contribution_cycles c on c.cycle_id = ${cycleId}
        where s.tier_id = c.tier_id and tstzrange(s.valid_from, s.valid_to) @> c.eligible_as_of
          and s.member_id <> c.deceased_member_id) as roster`.execute(db)
  expect(rows[0]).toEqual({ activations: 1, deadPending: 0, roster: cycle.totalMembers })
}

/** Members join, are suspended, change tier, come back and die, in transactions that are held open a while. */
function keepWriting(
  tierCode: string,
  random: () => number,
): { midway: Promise<void>; stop(): Promise<void> } {
  const { db } = database
  let stopped = false
  let enter: () => void = () => {}
  const midway = new Promise<void>((resolve) => {
    enter = resolve
  })
  async function write(): Promise<void> {
    const { tierId: elsewhere } = await db
      .insertInto('tiers')
      .values({ tierCode: `${tierCode}-other-${crypto.randomUUID().slice(0, 8)}`, tierName: 'Other' })
      .returning('tierId')
      .executeTakeFirstOrThrow()
    while (!stopped) {
      const number = String(2 + Math.floor(random() * 300)).padStart(8, '0')
      const code = `M-${tierCode}-${number}`
      const choice = random()
      await db.transaction().execute(async (tx) => {
        if (choice < 0.3) {
          await sql`
            insert into members (member_code, full_name, tier_id, joined_on)
            select 'N-' || gen_random_uuid()::text::varchar(20), 'New', tier_id, '2026-01-01'
            from tiers where tier_code = ${tierCode}`.execute(tx)
        } else if (choice < 0.5) {
          await sql`update members set member_status = 'Suspended'
            where member_code = ${code} and member_status = 'Active'`.execute(tx)
        } else if (choice < 0.7) {
          await sql`update members set member_status = 'Active'
            where member_code = ${code} and member_status = 'Suspended'`.execute(tx)
        } else if (choice < 0.85) {
          await sql`update members set tier_id = ${elsewhere} where member_code = ${code}`.execute(tx)
        } else {
          await sql`update members set member_status = 'Deceased' where member_code = ${code}`.execute(tx)
        }
        enter()
        await new Promise((resolve) => setTimeout(resolve, random() * 60))
      })
    }
  }
  const writers = [write(), write(), write()]
  return {
    midway,
    async stop() {
      stopped = true
      await Promise.all(writers)
    },
  }
}
