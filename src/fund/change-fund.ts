import type { AnnounceDeps } from '../events/announce.ts'
import { differences } from '../events/event-rules.ts'
import type { Actor } from '../platform/values/actor.ts'
import { type Currency, currencyOf } from '../platform/values/currency-rules.ts'
import { DomainError } from '../platform/values/errors.ts'
import { convertDecimals, formatAmount } from '../platform/values/money-rules.ts'
import { claimCodePrefix, isTimeZone } from './fund-rules.ts'
import { type FundRow, findFund, hasAmounts, holdFund, updateFund } from './fund-sql.ts'

export type FundChanges = Partial<Omit<FundRow, 'currencyExponent'>>

/**
 * Changes the fund. What has been started keeps what it was started with: currency and zone are frozen on each cycle.
 *
 * @param changes `roundingStep` is in the currency that the fund has afterwards; without one the step keeps its meaning
 * @throws DomainError `invalid-input`, `fund-in-use` for another currency once amounts are kept, and `fund-needs-approval` when one
 *   person would let herself approve her own claims; whoever has the machine may
 */
export async function changeFund(
  { db, announce }: AnnounceDeps,
  { changes, actor }: { changes: FundChanges; actor: Actor },
): Promise<FundRow> {
  const { currency, timeZone } = changes
  const chosen = currency === undefined ? undefined : currencyOf(currency)
  if (currency !== undefined && !chosen) {
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
    const fund = await holdFund(tx, 'update')
    if (changes.selfApproval === true && !fund.selfApproval && actor.role !== 'operator') {
      throw new DomainError(
        'fund-needs-approval',
        'Nobody alone lets herself approve her own claims: ask for it, and another admin approves. Where there is no other, whoever runs the server sets it there: almoner fund set --self-approval yes',
      )
    }
    const isNew = chosen !== undefined && chosen.currency !== fund.currency
    if (isNew && (await hasAmounts(tx))) {
      throw new DomainError(
        'fund-in-use',
        `Amounts are kept in ${fund.currency} already; in ${chosen.currency} they would mean something else.`,
      )
    }
    const roundingStep = changes.roundingStep ?? (isNew ? stepIn(chosen, fund) : undefined)
    if (isNew && roundingStep === undefined) {
      const step = formatAmount(fund.roundingStep, fund)
      throw new DomainError(
        'invalid-input',
        `Apportioned amounts are in steps of ${step}, which ${chosen.currency} cannot say: choose another step along with the currency.`,
        [{ pointer: '/roundingStep', detail: 'must be given with this currency' }],
      )
    }
    const changed = await updateFund(tx, {
      ...changes,
      ...(isNew && chosen),
      ...(roundingStep !== undefined && { roundingStep }),
    })
    const { before, after } = differences(fund, changed)
    await announce(tx, {
      eventName: 'FundChanged',
      subject: null,
      actor,
      payload: { before, after: { ...after, ...(isNew && chosen) } },
    })
    return changed
  })
}

/** The rounding step in another currency: the same amount. The smallest step, which rounds nothing, stays the smallest. */
function stepIn(currency: Currency, fund: FundRow): number | undefined {
  return fund.roundingStep === 1 ? 1 : convertDecimals(fund.roundingStep, fund, currency)
}
