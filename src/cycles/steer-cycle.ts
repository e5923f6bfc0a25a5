import type { AnnounceDeps } from '../events/announce.ts'
import type { EventName } from '../events/event-sql.ts'
import type { Tx } from '../platform/database/connect.ts'
import { type Engine, wakeJob } from '../platform/jobs/engine.ts'
import { insertJob } from '../platform/jobs/job-sql.ts'
import { cancelJob, pauseJob, resumeJob, retryJob } from '../platform/jobs/steer-job.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import { creationJobKind } from './create-contributions.ts'
import type { CycleStatus } from './cycle-rules.ts'
import { type CycleView, moveCycle, requireCycle } from './cycle-sql.ts'
import { removeContributions } from './remove-contributions.ts'

export interface SteerDeps extends AnnounceDeps {
  readonly engine: Engine
}

export interface SteerInput {
  readonly cycleId: string
  readonly actor: Actor
}

/**
 * Pauses the creation of a cycle's contributions. When this has returned, no more of them are written.
 *
 * @throws DomainError `cycle-not-found`, `cycle-state`, `job-state`
 */
export async function pauseCycle(deps: SteerDeps, input: SteerInput): Promise<CycleView> {
  return steer(deps, input, ['Initializing'], 'ContributionCyclePaused', (tx, jobId) => pauseJob(tx, jobId))
}

/** @throws DomainError `cycle-not-found`, `cycle-state`, `job-state` */
export async function resumeCycle(deps: SteerDeps, input: SteerInput): Promise<CycleView> {
  const cycle = await steer(deps, input, ['Initializing'], 'ContributionCycleResumed', (tx, jobId) =>
    resumeJob(tx, jobId),
  )
  return wake(deps, cycle, cycle.jobId, creationJobKind)
}

/**
 * Tries again what failed; contributions that are there stay.
 *
 * @throws DomainError `cycle-not-found`, `cycle-state`
 */
export async function retryCycle(deps: SteerDeps, input: SteerInput): Promise<CycleView> {
  const cycle = await steer(deps, input, ['Failed'], 'ContributionCycleRetried', async (tx, jobId) => {
    await retryJob(tx, jobId)
    await moveCycle(tx, input.cycleId, ['Failed'], 'Initializing')
  })
  return wake(deps, cycle, cycle.jobId, creationJobKind)
}

/**
 * Gives up a cycle that is not Active. When this has returned it is Cancelled, nothing is written for it any more, and
 * its claim may get a new cycle; the contributions it had got are removed in the background.
 *
 * @throws DomainError `cycle-not-found`, `cycle-state`
 */
export async function cancelCycle(deps: SteerDeps, input: SteerInput): Promise<CycleView> {
  let removalJobId: string | null = null
  const cycle = await steer(
    deps,
    input,
    ['Initializing', 'Failed'],
    'ContributionCycleCancelled',
    async (tx, creationJobId) => {
      await cancelJob(deps.engine, tx, creationJobId)
      removalJobId = await insertJob(tx, {
        jobKind: removeContributions.name,
        subject: input.cycleId,
        params: { creationJobId },
        createdBy: input.actor.name,
      })
    },
  )
  return wake(deps, cycle, removalJobId, removeContributions.name)
}

async function steer(
  deps: SteerDeps,
  { cycleId, actor }: SteerInput,
  from: readonly CycleStatus[],
  eventName: EventName,
  move: (tx: Tx, jobId: string) => Promise<void>,
): Promise<CycleView> {
  return deps.db.transaction().execute(async (tx) => {
    const cycle = await requireCycle(tx, cycleId)
    if (cycle.jobId === null || !from.includes(cycle.cycleStatus)) {
      throw new DomainError(
        'cycle-state',
        `Cycle ${cycle.cycleCode} is ${cycle.cycleStatus}; this needs it to be ${from.join(' or ')}.`,
      )
    }
    await move(tx, cycle.jobId)
    await deps.announce(tx, { eventName, subject: cycleId, actor, payload: { cycleCode: cycle.cycleCode } })
    return requireCycle(tx, cycleId)
  })
}

async function wake(
  deps: SteerDeps,
  cycle: CycleView,
  jobId: string | null,
  jobKind: string,
): Promise<CycleView> {
  if (jobId !== null) await wakeJob(deps.engine, { jobId, jobKind })
  return cycle
}
