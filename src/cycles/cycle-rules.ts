/** The states of cycles and contributions, and the arithmetic of a cycle. Pure. */
import { Temporal } from 'temporal-polyfill'
import { localDate } from '../fund/fund-rules.ts'
import type { Currency } from '../platform/values/currency-rules.ts'
import { formatAmount } from '../platform/values/money-rules.ts'

/** From each state the states a cycle may move to. The check constraint and docs/states.md say the same. */
export const cycleMoves = {
  // contributions created · could not be created · cancelled before that
  Initializing: ['Active', 'Failed', 'Cancelled'],
  // retried · given up
  Failed: ['Initializing', 'Cancelled'],
  // the collecting is over, with or without a shortfall · it should never have begun, and nothing is paid yet
  Active: ['Completed', 'Cancelled'],
  Completed: [],
  Cancelled: [],
} as const

export type CycleStatus = keyof typeof cycleMoves

export const contributionMoves = {
  // paid · not paid when the final notice had run out · the member died, or the fund let it go
  Pending: ['Paid', 'Failed', 'Waived'],
  // paid late · put back to be tried · given up
  Failed: ['Paid', 'Pending', 'Waived'],
  // the payment was never true · and the member has died meanwhile
  Paid: ['Pending', 'Waived'],
  // the death for which it was waived was none, or the waiver was undone · and it had been given up
  Waived: ['Pending', 'Failed'],
} as const

export type ContributionStatus = keyof typeof contributionMoves

export const strategies = ['queued', 'inline', 'hybrid'] as const

export type Strategy = (typeof strategies)[number]

export const minDurationDays = 1
export const maxDurationDays = 365
export const defaultDurationDays = 15

/** Which way a cycle is created: `hybrid` takes the request's own transaction for small cycles. */
export function strategyFor(
  strategy: Strategy,
  members: number,
  inlineMemberLimit: number,
): 'inline' | 'queued' {
  if (strategy !== 'hybrid') return strategy
  return members <= inlineMemberLimit ? 'inline' : 'queued'
}

export const beyondReasons = ['total', 'amount'] as const

/** A figure of a start that one person may not ask for alone, and the largest that one may. Minor units. */
export interface Beyond {
  readonly reason: (typeof beyondReasons)[number]
  readonly figure: number
  readonly limit: number
}

/** The most that one person may ask for alone, in minor units. */
export interface Limits {
  readonly total: number
  /** Of each member; null where the tier has no amount of its own. */
  readonly amount: number | null
}

/**
 * A nought too many asks everybody for ten times as much. The total is measured by what the family is to receive, and the amount by
 * what the tier asks as a rule.
 *
 * @param limitPercent how far the total may go beyond the target
 */
export function limitsOf(targetAmount: number, tierAmount: number | null, limitPercent: number): Limits {
  const total = targetAmount + Math.floor((targetAmount * limitPercent) / 100)
  return { total: Math.min(total, Number.MAX_SAFE_INTEGER), amount: tierAmount }
}

/** Where a start goes too far for one person. */
export function beyondLimit(
  { contributionAmount, members }: { readonly contributionAmount: number; readonly members: number },
  { total, amount }: Limits,
): Beyond[] {
  const figures: Beyond[] = [
    { reason: 'total', figure: contributionAmount * members, limit: total },
    { reason: 'amount', figure: contributionAmount, limit: amount ?? contributionAmount },
  ]
  return figures.filter(({ figure, limit }) => figure > limit)
}

/** What goes too far, in sentences, and what to do about it. */
export function sayBeyond(beyond: readonly Beyond[], currency: Currency): string {
  const amount = (minor: number) => formatAmount(minor, currency)
  const sentences = beyond.map(({ reason, figure, limit }) =>
    reason === 'total'
      ? `It would ask for ${amount(figure)} in all, where one person starts up to ${amount(limit)}.`
      : `Each member would owe ${amount(figure)}, where the tier’s own amount is ${amount(limit)}.`,
  )
  return `${sentences.join(' ')} Ask for it with a reason: another person has to approve it.`
}

export interface CollectingPeriod {
  /** Local dates of the fund, `YYYY-MM-DD`. */
  readonly startDate: string
  readonly deadline: string
  /** The instant the deadline's day is over in the fund's zone. */
  readonly deadlineAt: string
}

/**
 * A contribution is due until the end of the deadline's day where the fund is, however long that day is: the end is
 * the next day's first instant, so it is right on the days a zone changes its clocks too.
 *
 * @param durationDays whole days from the start date to the deadline
 */
export function collectingPeriod(now: Date, timeZone: string, durationDays: number): CollectingPeriod {
  const startDate = localDate(now, timeZone)
  const deadline = Temporal.PlainDate.from(startDate).add({ days: durationDays })
  return {
    startDate,
    deadline: deadline.toString(),
    deadlineAt: deadline.add({ days: 1 }).toZonedDateTime(timeZone).toInstant().toString(),
  }
}
