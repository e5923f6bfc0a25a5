import type { Db } from '../database/connect.ts'
import { isUniqueViolation } from '../database/sql-state.ts'
import { DomainError } from '../errors.ts'
import { insertTier, type TierRow, updateTier } from './fund-sql.ts'

export type NewTier = Pick<TierRow, 'tierCode' | 'tierName' | 'contributionAmount' | 'benefitAmount'>

/** @throws DomainError `tier-code-taken` */
export async function addTier({ db }: { db: Db }, tier: NewTier): Promise<TierRow> {
  try {
    return await insertTier(db, tier)
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new DomainError('tier-code-taken', `There is a tier ${tier.tierCode} already.`, [], {
      cause: error,
    })
  }
}

/**
 * Changes a tier's name or amounts. Cycles that are started keep the amount they were started with.
 *
 * @throws DomainError `tier-not-found`
 */
export async function changeTier(
  { db }: { db: Db },
  tierId: string,
  changes: Partial<Omit<NewTier, 'tierCode'>>,
): Promise<TierRow> {
  const tier = await updateTier(db, tierId, changes)
  if (!tier) throw new DomainError('tier-not-found', 'There is no such tier.')
  return tier
}
