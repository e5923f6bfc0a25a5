import type { AnnounceDeps } from '../events/announce.ts'
import { differences } from '../events/event-rules.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import { isCurrency } from '../platform/values/money.ts'
import { claimCodePrefix, isTimeZone } from './fund-rules.ts'
import { type FundRow, findFund, hasAmounts, updateFund } from './fund-sql.ts'

/**
 * Changes the fund. What has been started keeps what it was started with: currency and zone are frozen on each cycle.
 *
 * @throws DomainError `invalid-input`, and `fund-in-use` for another currency once amounts are kept
 */
export async function changeFund(
  { db, announce }: AnnounceDeps,
  { changes, actor }: { changes: Partial<FundRow>; actor: Actor },
): Promise<FundRow> {
  const { currency, timeZone } = changes
  if (currency !== undefined && !isCurrency(currency)) {
    throw new DomainError(
      'invalid-input',
      `"${currency}" is not an ISO 4217 currency code, such as USD or INR.`,
    )
  }
  if (timeZone !== undefined && !isTimeZone(timeZone)) {
    throw new DomainError('invalid-input', `"${timeZone}" is not a time zone, such as Asia/Kolkata.`)
  }
  if (changes.cycleCodePrefix === claimCodePrefix) {
    throw new DomainError('invalid-input', `"${claimCodePrefix}" begins the codes of claims.`, [
      { pointer: '/cycleCodePrefix', detail: 'must not be that of claims' },
    ])
  }
  if (Object.keys(changes).length === 0) return findFund(db)
  return db.transaction().execute(async (tx) => {
    const fund = await findFund(tx)
    if (currency !== undefined && currency !== fund.currency && (await hasAmounts(tx))) {
      throw new DomainError(
        'fund-in-use',
        `Amounts are kept in ${fund.currency} already; in ${currency} they would mean something else.`,
      )
    }
    const changed = await updateFund(tx, changes)
    await announce(tx, {
      eventName: 'FundChanged',
      subject: null,
      actor,
      payload: differences(fund, changed),
    })
    return changed
  })
}
