import type { Approval } from '../approvals/approval-sql.ts'
import { approve, type Matter, requestApproval, withdrawRequest } from '../approvals/two-persons.ts'
import type { Announce, AnnounceDeps, AnnouncedEvent } from '../events/announce.ts'
import type { EventName } from '../events/event-sql.ts'
import type { Tx } from '../platform/database/connect.ts'
import { wakeJob } from '../platform/jobs/engine.ts'
import { insertJob } from '../platform/jobs/job-sql.ts'
import type { Actor } from '../platform/values/actor.ts'
import type { Clock } from '../platform/values/clock.ts'
import { DomainError } from '../platform/values/errors.ts'
import { demandAgain, lockDeaths } from './contribution-sql.ts'
import { type CycleView, findCyclesOfClaim, lockCycle, moveCycle, requireCycle } from './cycle-sql.ts'
import { removeContributions } from './remove-contributions.ts'
import type { SteerDeps } from './steer-cycle.ts'

/** How long after it has become Active a cycle can be revoked. */
const revocableHours = 24

type RevokeDeps = AnnounceDeps & { readonly clock: Clock }

/**
 * Asks for an Active cycle to be given up that should never have begun, which needs another person to agree. It can be for a day, while
 * nothing is paid.
 *
 * @throws DomainError `cycle-not-found`, `cycle-state`, `approval-requested`
 */
export async function requestRevocation(
  { db, announce, clock }: RevokeDeps,
  { cycleId, reason, actor }: { cycleId: string; reason: string; actor: Actor },
): Promise<Approval> {
  return db.transaction().execute(async (tx) => {
    const cycle = requireRevocable(await requireCycle(tx, cycleId), clock)
    const asked = await requestApproval(tx, matterOf(cycle), { reason, actor })
    await tell(tx, announce, 'ContributionCycleRevocationRequested', cycle, actor)
    return asked
  })
}

/** @throws DomainError `cycle-not-found`, `approval-not-requested` */
export async function withdrawRevocation(
  { db, announce }: AnnounceDeps,
  { cycleId, actor }: { cycleId: string; actor: Actor },
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const cycle = await requireCycle(tx, cycleId)
    await withdrawRequest(tx, matterOf(cycle), actor)
    await tell(tx, announce, 'ContributionCycleRevocationWithdrawn', cycle, actor)
  })
}

/**
 * Gives up an Active cycle. It is Cancelled, its claim may get a new one, and its contributions are removed in the background.
 *
 * @throws DomainError `cycle-not-found`, `cycle-state`, `approval-not-requested`, `own-request`, `approval-void`
 */
export async function revokeCycle(
  deps: SteerDeps & { readonly clock: Clock },
  { cycleId, actor }: { cycleId: string; actor: Actor },
): Promise<CycleView> {
  const { cycle, jobId } = await deps.db.transaction().execute(async (tx) => {
    // Who is paying for it comes first, and then there is something paid.
    await lockCycle(tx, cycleId)
    const before = requireRevocable(await requireCycle(tx, cycleId), deps.clock)
    const { reason, requestedBy } = await approve(tx, matterOf(before), actor)
    const removalJobId = await giveUp(tx, deps.announce, before, { reason, requestedBy, actor })
    return { cycle: await requireCycle(tx, cycleId), jobId: removalJobId }
  })
  await wakeJob(deps.engine, { jobId, jobKind: removeContributions.name })
  return cycle
}

/**
 * A death was none: the cycle that collects for it is given up, and the member is asked again for what was waived.
 *
 * @throws DomainError `claim-has-cycle` while the cycle's contributions are being created, `cycle-state` when something is paid
 */
export async function undoDeathInCycles(
  tx: Tx,
  { subject, actor, payload }: AnnouncedEvent,
  announce: Announce,
): Promise<void> {
  const { deceasedMemberId, reason, requestedBy } = payload as {
    deceasedMemberId: string
    reason: string
    requestedBy: string
  }
  await lockDeaths(tx)
  for (const { cycleId } of await findCyclesOfClaim(tx, subject as string)) {
    await lockCycle(tx, cycleId)
    const cycle = await requireCycle(tx, cycleId)
    if (cycle.cycleStatus !== 'Active') {
      throw new DomainError(
        'claim-has-cycle',
        `Cycle ${cycle.cycleCode} is ${cycle.cycleStatus}: cancel it first, or wait until it is Active.`,
      )
    }
    await giveUp(tx, announce, requireUnpaid(cycle), { reason, requestedBy, actor })
  }
  await demandAgain(tx, deceasedMemberId)
}

async function giveUp(
  tx: Tx,
  announce: Announce,
  { cycleId, cycleCode, jobId }: CycleView,
  { actor, ...why }: { reason: string; requestedBy: string; actor: Actor },
): Promise<string> {
  await moveCycle(tx, cycleId, ['Active'], 'Cancelled', why.reason)
  const removalJobId = await insertJob(tx, {
    jobKind: removeContributions.name,
    subject: cycleId,
    params: { creationJobId: jobId },
    createdBy: actor.name,
  })
  await announce(tx, {
    eventName: 'ContributionCycleRevoked',
    subject: cycleId,
    actor,
    payload: { cycleCode, ...why },
  })
  return removalJobId
}

function requireRevocable(cycle: CycleView, clock: Clock): CycleView {
  const { cycleCode, cycleStatus, activatedAt } = cycle
  if (cycleStatus !== 'Active') {
    throw new DomainError('cycle-state', `Cycle ${cycleCode} is ${cycleStatus}; this needs it to be Active.`)
  }
  if (clock.now().getTime() - Date.parse(activatedAt ?? '') > revocableHours * 3_600_000) {
    throw new DomainError(
      'cycle-state',
      `Cycle ${cycleCode} has been Active for more than ${revocableHours} hours: members have been asked for it.`,
    )
  }
  return requireUnpaid(cycle)
}

function requireUnpaid(cycle: CycleView): CycleView {
  if (cycle.collectedAmount === 0 && cycle.paidMembers === 0) return cycle
  throw new DomainError('cycle-state', `Something is paid for cycle ${cycle.cycleCode} already.`)
}

/** Whoever approves has seen that it is Active, and how many are asked for how much. */
function matterOf({ cycleId, cycleStatus, totalMembers, contributionAmount }: CycleView): Matter {
  return {
    kind: 'revoke-cycle',
    subject: cycleId,
    content: { cycleStatus, totalMembers, contributionAmount },
  }
}

async function tell(
  tx: Tx,
  announce: Announce,
  eventName: EventName,
  { cycleId, cycleCode }: CycleView,
  actor: Actor,
): Promise<void> {
  await announce(tx, { eventName, subject: cycleId, actor, payload: { cycleCode } })
}
