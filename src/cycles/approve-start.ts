import type { z } from 'zod'
import type { Approval } from '../approvals/approval-sql.ts'
import {
  approve,
  type Matter,
  requestApproval,
  requireRequest,
  withdrawRequest,
} from '../approvals/two-persons.ts'
import { requireClaim } from '../claims/claim-sql.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import type { Tx } from '../platform/database/connect.ts'
import type { Actor } from '../platform/values/actor.ts'
import { askedStartSchema } from './cycle-api.ts'
import type { CycleView } from './cycle-sql.ts'
import {
  checkStart,
  type StartDeps,
  type StartInput,
  type StartOrder,
  wakeCycle,
  writeStart,
} from './start-cycle.ts'

/**
 * Asks for a start that goes too far for one person, which needs another to agree. Whoever is in good standing now is asked, however
 * long the other takes.
 *
 * @throws DomainError as `startCycle` does, but for the limit; and `approval-requested`
 */
export async function requestStart(
  deps: AnnounceDeps & Pick<StartDeps, 'inlineMemberLimit'>,
  { reason, actor, ...input }: StartInput & { reason: string; actor: Actor },
): Promise<Approval> {
  return deps.db.transaction().execute(async (tx) => {
    const order = await checkStart(tx, deps, input)
    const asked = await requestApproval(tx, matterOf(order, input), { reason, actor })
    await deps.announce(tx, {
      eventName: 'ContributionCycleStartRequested',
      subject: input.claimId,
      actor,
      payload: {
        claimCode: order.claim.claimCode,
        contributionAmount: order.contributionAmount,
        totalMembers: order.eligibleMembers,
        reason,
      },
    })
    return asked
  })
}

/** @throws DomainError `claim-not-found`, `approval-not-requested` */
export async function withdrawStart(
  { db, announce }: AnnounceDeps,
  { claimId, actor }: { claimId: string; actor: Actor },
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const { claimCode } = await requireClaim(tx, claimId)
    await withdrawRequest(tx, { kind: 'start-cycle', subject: claimId }, actor)
    await announce(tx, {
      eventName: 'ContributionCycleStartWithdrawn',
      subject: claimId,
      actor,
      payload: { claimCode },
    })
  })
}

/**
 * Starts the cycle that another person has asked for, as it was asked for.
 *
 * @throws DomainError as `startCycle` does, but for the limit; and `approval-not-requested`, `own-request`, `approval-void`
 */
export async function approveStart(
  deps: StartDeps,
  input: { claimId: string; actor: Actor },
): Promise<CycleView> {
  const cycle = await deps.db.transaction().execute((tx) => openAskedCycle(deps, tx, input))
  await wakeCycle(deps.engine, cycle)
  return cycle
}

/** The part of it that is one transaction, as `openCycle` is of a start. The caller wakes the cycle. */
export async function openAskedCycle(
  deps: Omit<StartDeps, 'db'>,
  tx: Tx,
  { claimId, actor }: { claimId: string; actor: Actor },
): Promise<CycleView> {
  await requireClaim(tx, claimId)
  const { content } = await requireRequest(tx, { kind: 'start-cycle', subject: claimId })
  const { contributionAmount, isApportioned, ...start } = askedStartSchema.parse(content)
  const input = {
    ...start,
    claimId,
    contributionAmount: isApportioned ? ('apportion' as const) : contributionAmount,
  }
  const order = await checkStart(tx, deps, input)
  const asked = await approve(tx, matterOf(order, input), actor)
  return writeStart(deps, tx, {
    order,
    cycleDuration: start.cycleDuration,
    actor,
    asked: { requestedBy: asked.requestedBy, reason: asked.reason },
  })
}

/** Whoever approves has seen how many are asked for how much, and by what that is measured. */
function matterOf(order: StartOrder, { cycleDuration, strategy }: StartInput): Matter {
  const { claim, tier, roster } = order
  return {
    kind: 'start-cycle',
    subject: claim.claimId,
    content: {
      contributionAmount: order.contributionAmount,
      isApportioned: order.isApportioned,
      cycleDuration,
      eligibleAsOf: roster.eligibleAsOf,
      strategy,
      eligibleMembers: order.eligibleMembers,
      expectedAmount: order.expectedAmount,
      targetAmount: claim.benefitAmount,
      tierAmount: tier.contributionAmount,
    } satisfies z.infer<typeof askedStartSchema>,
  }
}
