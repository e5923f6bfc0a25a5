import type { AnnounceDeps } from '../events/announce.ts'
import type { Tx } from '../platform/database/connect.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import { lockDeaths } from './contribution-sql.ts'
import { type CycleView, holdCycles, requireCycle } from './cycle-sql.ts'
import {
  type ContributionRow,
  endWaiver,
  findLiveWaiver,
  insertWaiver,
  lockContribution,
  setContributionStatus,
} from './waiver-sql.ts'

interface WaiveInput {
  readonly cycleId: string
  readonly memberId: string
  readonly reason: string
  readonly actor: Actor
}

/**
 * Lets a member off what is still owed of a contribution: a waiver, or a write-off of what was asked for in vain. What is paid of it stays.
 *
 * @throws DomainError `cycle-not-found`, `cycle-not-active`, `contribution-not-found`, and `contribution-state` when nothing is owed
 */
export async function waiveContribution(
  { db, announce }: AnnounceDeps,
  { cycleId, memberId, reason, actor }: WaiveInput,
): Promise<CycleView> {
  return db.transaction().execute(async (tx) => {
    const { cycle, contribution } = await holdContribution(tx, cycleId, memberId)
    const { contributionStatus, contributionAmount, paidAmount, memberCode } = contribution
    if (contributionStatus !== 'Pending' && contributionStatus !== 'Failed') {
      throw new DomainError(
        'contribution-state',
        `The contribution of ${memberCode} to ${cycle.cycleCode} is ${contributionStatus}: nothing is owed.`,
      )
    }
    const waiverKind = contributionStatus === 'Pending' ? 'Waiver' : 'WriteOff'
    const amount = contributionAmount - paidAmount
    await insertWaiver(tx, { cycleId, memberId, waiverKind, reason, amount, waivedBy: actor.name })
    await setContributionStatus(tx, contribution, 'Waived')
    await announce(tx, {
      eventName: 'ContributionWaived',
      subject: cycleId,
      actor,
      payload: { cycleCode: cycle.cycleCode, memberId, waiverKind, amount, reason },
    })
    return requireCycle(tx, cycleId)
  })
}

/**
 * Asks again for what was waived by hand.
 *
 * @throws DomainError `cycle-not-found`, `cycle-not-active`, `contribution-not-found`, `contribution-state` when nobody has waived it, and
 *   `member-deceased`
 */
export async function undoWaiver(
  { db, announce }: AnnounceDeps,
  { cycleId, memberId, reason, actor }: WaiveInput,
): Promise<CycleView> {
  return db.transaction().execute(async (tx) => {
    // Whoever dies meanwhile is not asked again.
    await lockDeaths(tx)
    const { cycle, contribution } = await holdContribution(tx, cycleId, memberId)
    const waiver = await findLiveWaiver(tx, contribution)
    if (!waiver) {
      throw new DomainError(
        'contribution-state',
        `Nobody has waived the contribution of ${contribution.memberCode} to ${cycle.cycleCode}.`,
      )
    }
    if (contribution.isDeceased) {
      throw new DomainError('member-deceased', `${contribution.memberCode} has died and is not asked again.`)
    }
    await endWaiver(tx, waiver.waiverId, actor.name, reason)
    await setContributionStatus(tx, contribution, waiver.waiverKind === 'Waiver' ? 'Pending' : 'Failed')
    await announce(tx, {
      eventName: 'ContributionWaiverUndone',
      subject: cycleId,
      actor,
      payload: { cycleCode: cycle.cycleCode, memberId, reason },
    })
    return requireCycle(tx, cycleId)
  })
}

async function holdContribution(
  tx: Tx,
  cycleId: string,
  memberId: string,
): Promise<{ cycle: CycleView; contribution: ContributionRow }> {
  await holdCycles(tx, [cycleId])
  const cycle = await requireCycle(tx, cycleId)
  if (cycle.cycleStatus !== 'Active') {
    throw new DomainError(
      'cycle-not-active',
      `Cycle ${cycle.cycleCode} is ${cycle.cycleStatus}: what it asks for cannot change.`,
    )
  }
  const contribution = await lockContribution(tx, cycleId, memberId)
  if (!contribution) {
    throw new DomainError(
      'contribution-not-found',
      `Cycle ${cycle.cycleCode} does not ask this member for anything.`,
    )
  }
  return { cycle, contribution }
}
