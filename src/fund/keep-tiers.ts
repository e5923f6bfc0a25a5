import type { AnnounceDeps } from '../events/announce.ts'
import { differences } from '../events/event-rules.ts'
import { isRestricted, isUniqueViolation } from '../platform/database/sql-state.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import { takenCode } from '../platform/values/text-rules.ts'
import { deleteTier, findTier, holdFund, insertTier, lockTier, type TierRow, updateTier } from './fund-sql.ts'

export type NewTier = Pick<TierRow, 'tierCode' | 'tierName' | 'contributionAmount' | 'benefitAmount'>

/** @throws DomainError `tier-code-taken` */
export async function addTier(
  { db, announce }: AnnounceDeps,
  { actor, ...tier }: NewTier & { actor: Actor },
): Promise<TierRow> {
  try {
    return await db.transaction().execute(async (tx) => {
      await holdFund(tx, 'share')
      const twin = await findTier(tx, { tierCode: tier.tierCode })
      if (twin) throw tierCodeTaken(tier.tierCode, twin.tierCode)
      const added = await insertTier(tx, tier)
      await announce(tx, {
        eventName: 'TierAdded',
        subject: added.tierId,
        actor,
        payload: { after: added },
      })
      return added
    })
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw tierCodeTaken(tier.tierCode, tier.tierCode)
  }
}

function tierCodeTaken(tierCode: string, taken: string): DomainError {
  return new DomainError('tier-code-taken', `There is a tier ${takenCode(tierCode, taken)}.`)
}

/**
 * Changes a tier's name or amounts, or retires it: no member comes into it any more. Cycles that are started keep the amount they
 * were started with.
 *
 * @throws DomainError `tier-not-found`
 */
export async function changeTier(
  { db, announce }: AnnounceDeps,
  {
    tierId,
    changes,
    actor,
  }: {
    tierId: string
    changes: Partial<Omit<NewTier, 'tierCode'>> & { isRetired?: boolean }
    actor: Actor
  },
): Promise<TierRow> {
  return db.transaction().execute(async (tx) => {
    await holdFund(tx, 'share')
    const before = await lockTier(tx, tierId)
    if (!before) throw new DomainError('tier-not-found', 'There is no such tier.')
    const after = await updateTier(tx, tierId, changes)
    const { tierCode } = after
    await announce(tx, {
      eventName: 'TierChanged',
      subject: tierId,
      actor,
      payload: { tierCode, ...differences(before, after) },
    })
    return after
  })
}

/**
 * Removes a tier that was never used.
 *
 * @throws DomainError `tier-not-found`, `tier-in-use`
 */
export async function removeTier(
  { db, announce }: AnnounceDeps,
  { tierId, actor }: { tierId: string; actor: Actor },
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const before = await lockTier(tx, tierId)
    if (!before) throw new DomainError('tier-not-found', 'There is no such tier.')
    try {
      await deleteTier(tx, tierId)
    } catch (error) {
      if (!isRestricted(error)) throw error
      const detail = `Tier ${before.tierCode} is used, or was: it can be retired, and not removed.`
      throw new DomainError('tier-in-use', detail, [], { cause: error })
    }
    await announce(tx, { eventName: 'TierRemoved', subject: tierId, actor, payload: { before } })
  })
}
