import { type Selectable, sql } from 'kysely'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { Fund, Tiers } from '../platform/database/schema.ts'
import { codeRule } from '../platform/values/text-rules.ts'
import { yearlyCode } from './fund-rules.ts'

export type FundRow = Omit<Selectable<Fund>, 'onlyRow'>
export type TierRow = Selectable<Tiers>

const fundColumns = [
  'name',
  'currency',
  'currencyExponent',
  'timeZone',
  'cycleCodePrefix',
  'roundingStep',
  'selfApproval',
  'startLimitPercent',
  'noticeLanguage',
  'agentChannels',
  'memberChannels',
  'paymentLimit',
  'importStatusLimitPercent',
] as const

export async function findFund(db: Db): Promise<FundRow> {
  return db.selectFrom('fund').select(fundColumns).executeTakeFirstOrThrow()
}

export async function updateFund(tx: Tx, changes: Partial<FundRow>): Promise<FundRow> {
  return tx.updateTable('fund').set(changes).returning(fundColumns).executeTakeFirstOrThrow()
}

/**
 * The fund as it stays until the transaction ends. Whoever writes an amount reads it, and whoever changes the currency waits for
 * them, or they for him: an amount of one currency is never kept in another.
 */
export async function holdFund(tx: Tx, lock: 'share' | 'update'): Promise<FundRow> {
  const query = tx.selectFrom('fund').select(fundColumns)
  return (lock === 'share' ? query.forShare() : query.forUpdate()).executeTakeFirstOrThrow()
}

/** Whether any amount is stored: another currency would change its meaning. */
export async function hasAmounts(db: Db): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    select exists (select from claims)
      or exists (select from tiers where contribution_amount is not null or benefit_amount is not null)
      or exists (select from payments) as found
  `.execute(db)
  return rows[0]?.found === true
}

/**
 * The next code of this prefix in this year. The counter's row stays locked until the transaction ends, so numbers
 * have no gaps: a start that is refused gives its number back.
 */
export async function takeCode(tx: Tx, prefix: string, year: number): Promise<string> {
  const { rows } = await sql<{ lastNumber: number }>`
    insert into code_counters (prefix, year, last_number) values (${prefix}, ${year}, 1)
    on conflict (prefix, year) do update set last_number = code_counters.last_number + 1
    returning last_number`.execute(tx)
  return yearlyCode(prefix, year, (rows[0] as { lastNumber: number }).lastNumber)
}

export async function insertTier(
  db: Db,
  tier: Pick<TierRow, 'tierCode' | 'tierName' | 'contributionAmount' | 'benefitAmount'>,
): Promise<TierRow> {
  return db.insertInto('tiers').values(tier).returningAll().executeTakeFirstOrThrow()
}

/** Since when a tier or an agent is retired; one that was retired before keeps its time. */
export function retirement(isRetired: boolean) {
  return { retiredAt: isRetired ? sql<string>`coalesce(retired_at, now())` : null }
}

export async function updateTier(
  db: Db,
  tierId: string,
  {
    isRetired,
    ...changes
  }: Partial<Pick<TierRow, 'tierName' | 'contributionAmount' | 'benefitAmount'>> & { isRetired?: boolean },
): Promise<TierRow> {
  return db
    .updateTable('tiers')
    .set({ ...changes, ...(isRetired !== undefined && retirement(isRetired)) })
    .where('tierId', '=', tierId)
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** @throws the error of the trigger while the tier is used, or was */
export async function deleteTier(tx: Tx, tierId: string): Promise<void> {
  await tx.deleteFrom('tiers').where('tierId', '=', tierId).execute()
}

/** The tier before a change, locked until the transaction ends. */
export async function lockTier(tx: Tx, tierId: string): Promise<TierRow | undefined> {
  return tx.selectFrom('tiers').selectAll().where('tierId', '=', tierId).forUpdate().executeTakeFirst()
}

/** By its key, or by its code, written in capitals or not, with leading zeros or without. */
export async function findTier(
  db: Db,
  key: { tierId: string } | { tierCode: string },
): Promise<TierRow | undefined> {
  const query = db.selectFrom('tiers').selectAll()
  return 'tierId' in key
    ? query.where('tierId', '=', key.tierId).executeTakeFirst()
    : query
        .where(sql<boolean>`code_key(tier_code) = code_key(${codeRule.tidy(key.tierCode)})`)
        .orderBy(sql`tier_code <> ${key.tierCode}`)
        .limit(1)
        .executeTakeFirst()
}

/** A page of tiers by code, after the given one. */
export async function findTiers(db: Db, page: { after?: string; limit: number }): Promise<TierRow[]> {
  let query = db.selectFrom('tiers').selectAll().orderBy('tierCode').limit(page.limit)
  if (page.after !== undefined) query = query.where('tierCode', '>', page.after)
  return query.execute()
}
