import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import { type CreationProgress, readCreationProgress } from '../../src/cycles/creation-progress.ts'
import { type CycleView, requireCycle } from '../../src/cycles/cycle-sql.ts'
import { type CycleProof, proveCycle } from '../../src/cycles/prove-cycle.ts'
import { countDeadPending } from '../../src/operations/operation-sql.ts'
import { runAlmoner } from '../support/almoner-process.ts'
import { seeded } from '../support/random.ts'
import type { Fault } from './faults.ts'
import { patiently } from './patiently.ts'
import { judgePayments, payMeanwhile } from './pay-meanwhile.ts'
import type { PreviousVersion } from './previous-version.ts'
import type { World } from './world.ts'

export interface Outcome {
  readonly fault: string
  readonly queue: string
  readonly seed: number
  /** How much was created when it struck; undefined before the cycle was started. */
  readonly struckAtPercent: number | undefined
  /** From the moment in which everything ran again until the cycle was Active, or payments were answered; undefined when that never was. */
  readonly recoveredMs: number | undefined
  /** Members without a contribution, and with more than one; or payments that were answered, and are not there or are there twice. */
  readonly lost: number
  readonly doubled: number
  /** Payments that were answered meanwhile. */
  readonly payments: number
  /** What did not hold, in sentences. */
  readonly broken: readonly string[]
}

const timeLimitMs = 120_000

/** One cycle, struck once, and everything that must hold of it afterwards. */
export async function tryFault(
  world: World,
  fault: Fault,
  options: { seed: number; previousVersion: PreviousVersion | undefined; tierCode?: string },
): Promise<Outcome> {
  const { seed, ...rest } = options
  const random = seeded(seed)
  const broken: string[] = []
  const outcome = (cycle?: StruckCycle): Outcome => ({
    fault: fault.name,
    queue: world.queueName,
    seed,
    struckAtPercent: cycle?.struckAtPercent,
    recoveredMs: cycle?.recoveredMs,
    lost: cycle?.lost ?? 0,
    doubled: cycle?.doubled ?? 0,
    payments: cycle?.payments ?? 0,
    broken,
  })
  const late = new AbortController()
  try {
    return await Promise.race([
      struckCycle(world, fault, { ...rest, random, broken, signal: late.signal }).then(outcome),
      wait(timeLimitMs, undefined, { ref: false }).then(() => {
        throw new Error(`I6: it did not end within ${timeLimitMs / 1000} s`)
      }),
    ])
  } catch (error) {
    broken.push(error instanceof Error ? error.message : String(error))
    return outcome()
  } finally {
    late.abort()
  }
}

interface StruckCycle {
  readonly struckAtPercent: number | undefined
  readonly recoveredMs: number
  readonly lost: number
  readonly doubled: number
  readonly payments: number
}

async function struckCycle(
  world: World,
  fault: Fault,
  trial: {
    random: () => number
    previousVersion: PreviousVersion | undefined
    tierCode?: string
    broken: string[]
    signal: AbortSignal
  },
): Promise<StruckCycle> {
  const { random, previousVersion, tierCode, broken, signal } = trial
  const claimId = await patiently(() => world.nextDeath(tierCode))
  let allRunsAt = performance.now()
  let undo = async () => {}
  let cycleId = ''
  let struckAtPercent: number | undefined
  const strike = async (cycle?: CycleView) => {
    const result = await fault.strike({ world, random, cycle, previousVersion })
    undo = result?.undo ?? undo
    cycleId = result?.insteadCycleId ?? cycleId
    allRunsAt = performance.now()
  }

  if (fault.at === 'before') await strike()
  const [started] = await Promise.all([
    world.startCycle(claimId),
    fault.at === 'start' ? strike() : undefined,
  ])
  cycleId = started.cycleId
  const hidden = await world.ask('GET', `/api/contribution-cycles/${cycleId}/contributions`)
  // It may have become Active since; then it says so.
  if (hidden.status !== 409 && (await statusOf(world, cycleId)) === 'Initializing') {
    broken.push(`I9: its contributions were shown with ${hidden.status} before it was Active`)
  }
  if (fault.at === 'middle') {
    const share = random() * 0.8
    const reached = ({ status, progress }: CreationProgress) =>
      status !== 'Initializing' || (progress.total > 0 && progress.processed >= share * progress.total)
    while (!reached(await patiently(() => readCreationProgress(world.db, cycleId)))) await wait(10)
    await liveOn(world, random)
    struckAtPercent = (await patiently(() => readCreationProgress(world.db, cycleId))).progress.percentage
    await strike(started)
  }

  let goesOnAt = await untilActive(world, cycleId, broken, signal)
  let payments = { lost: 0, doubled: 0, answered: 0 }
  if (fault.at === 'payments') {
    const payers = await payMeanwhile(world, cycleId, random)
    await payers.answered(20)
    await liveOn(world, random)
    await strike(started)
    goesOnAt = await payers.answered(1)
    await payers.answered(20)
    await undo()
    payments = await judgePayments(world, await payers.stop(), broken)
  } else await undo()
  const { missing, doubled } = await judge(world, { cycleId, claimId }, broken)
  return {
    struckAtPercent,
    recoveredMs: Math.max(0, goesOnAt - allRunsAt),
    lost: missing + payments.lost,
    doubled: doubled + payments.doubled,
    payments: payments.answered,
  }
}

/** Looks until the cycle is Active, and whether its progress ever goes back; returns when that was. */
async function untilActive(
  world: World,
  cycleId: string,
  broken: string[],
  signal: AbortSignal,
): Promise<number> {
  let highest = 0
  for (;;) {
    signal.throwIfAborted()
    const { status, progress, jobError } = await patiently(() => readCreationProgress(world.db, cycleId))
    if (progress.percentage < highest) broken.push(`I7: from ${highest} % back to ${progress.percentage} %`)
    if ((progress.percentage === 100) !== (status === 'Active'))
      broken.push(`I7: ${progress.percentage} % while ${status}`)
    highest = progress.percentage
    if (status === 'Active') return performance.now()
    // None of these faults is a fault of the work: there is no reason to give it up.
    if (status !== 'Initializing') throw new Error(`I8: the cycle is ${status}: ${jobError}`)
    await wait(20)
  }
}

/** What must hold when the cycle is Active. */
async function judge(
  world: World,
  ids: { cycleId: string; claimId: string },
  broken: string[],
): Promise<CycleProof> {
  const { db } = world
  const proof = await patiently(() => proveCycle(db, ids.cycleId))
  if (!proof.holds) broken.push(`I1–I3: ${JSON.stringify(proof)}`)
  const { rows } = await sql<{ activations: number; live: number }>`
    select
      (select count(*) from events
        where subject = ${ids.cycleId} and event_name = 'ContributionCycleActivated') as activations,
      (select count(*) from contribution_cycles
        where claim_id = ${ids.claimId} and cycle_status <> 'Cancelled') as live`.execute(db)
  if (rows[0]?.activations !== 1) broken.push(`I4: activated ${rows[0]?.activations} times`)
  if (rows[0]?.live !== 1) broken.push(`the claim has ${rows[0]?.live} live cycles`)
  const dead = await countDeadPending(db)
  if (dead > 0) broken.push(`I10: ${dead} contributions are asked of the dead`)
  return proof
}

/** What `almoner doctor` finds wrong; it proves every cycle there is. */
export async function askDoctor(world: World): Promise<string[]> {
  const doctor = await runAlmoner(['--json', 'doctor'], { ...world.env, LOG_LEVEL: 'error' })
  return doctor.code === 0 ? [] : [`almoner doctor: ${doctor.stdout}${doctor.stderr}`.trim()]
}

/** The register changes: one member dies, one is suspended, one comes back and one joins while the cycle is created. */
async function liveOn(world: World, random: () => number): Promise<void> {
  const code = () => `M-A-${String(1_000 + Math.floor(random() * 1_000)).padStart(8, '0')}`
  await patiently(() =>
    world.db.transaction().execute(async (tx) => {
      await sql`update members set member_status = 'Deceased' where member_code = ${code()}`.execute(tx)
      for (const [from, to] of [
        ['Active', 'Suspended'],
        ['Suspended', 'Active'],
      ]) {
        await sql`
          update members set member_status = ${to} where member_code = ${code()} and member_status = ${from}
        `.execute(tx)
      }
      await sql`
        insert into members (member_code, full_name, tier_id, joined_on)
        select 'N-' || left(gen_random_uuid()::text, 20), 'New', tier_id, '2026-01-01' from tiers
        where tier_code = 'A'`.execute(tx)
    }),
  )
}

async function statusOf(world: World, cycleId: string): Promise<string> {
  return (await patiently(() => requireCycle(world.db, cycleId))).cycleStatus
}
