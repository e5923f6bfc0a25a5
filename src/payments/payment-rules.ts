/** States of payments, and what a payment is for. Pure. */

export const paymentMethods = ['Cash', 'Bank', 'MobileMoney', 'Cheque'] as const

export type PaymentMethod = (typeof paymentMethods)[number]

/** From each state the states a payment may move to. The check constraint and docs/states.md say the same. */
export const paymentMoves = {
  // taken back at once by whoever recorded it · it was never true
  Posted: ['Voided', 'Reversed'],
  Voided: [],
  Reversed: [],
} as const

export type PaymentStatus = keyof typeof paymentMoves

/**
 * The largest payment, in minor units, whatever the fund takes. Sums of the ledger have to stay safe integers, also after a wrong entry
 * was reversed: both movements stay in the sums of debit and credit.
 */
export const maxPayment = 10_000_000_000_000

/** For so long whoever recorded a payment takes it back without a reason. */
export const voidSeconds = 30

/** A contribution that is still owed. */
export interface OpenContribution {
  readonly cycleId: string
  /** Minor units that are still owed, more than 0. */
  readonly owed: number
  /** `YYYY-MM-DD` */
  readonly dueDate: string
  /** When its cycle was started, RFC 3339. */
  readonly createdAt: string
}

/** Money of one member: a payment, or the member's line of one. */
export interface MemberMoney {
  /** Minor units. */
  readonly amount: number
  /** The contribution that it was said to be for. */
  readonly cycleId: string | null
}

export interface Allocation {
  /** Which of the member's money. */
  readonly line: number
  /** Null: it goes to the wallet. */
  readonly cycleId: string | null
  readonly amount: number
}

/**
 * Shares the money of one member out. First each contribution gets what was said to be for it; then what is left goes to what is still owed,
 * oldest due first and among those of one day that of the older cycle; the rest is for the wallet. `allocateLines` is the same rule for
 * sets in SQL, and a test holds the two together.
 *
 * @param money in the order in which it came
 * @param open what the member still owes in Active cycles, in any order
 */
export function allocate(money: readonly MemberMoney[], open: readonly OpenContribution[]): Allocation[] {
  const debts = open
    .toSorted(
      (one, other) =>
        compare(one.dueDate, other.dueDate) ||
        Date.parse(one.createdAt) - Date.parse(other.createdAt) ||
        compare(one.cycleId, other.cycleId),
    )
    .map((debt) => ({ ...debt }))
  const lines = money.map(({ amount }) => ({ left: amount }))
  const shares = new Map<string, Allocation>()
  const take = (line: number, debt: { cycleId: string; owed: number }) => {
    const from = lines[line] as { left: number }
    const share = Math.min(from.left, debt.owed)
    if (share === 0) return
    from.left -= share
    debt.owed -= share
    const key = `${line} ${debt.cycleId}`
    shares.set(key, { line, cycleId: debt.cycleId, amount: share + (shares.get(key)?.amount ?? 0) })
  }
  for (const [line, { cycleId }] of money.entries()) {
    const named = debts.find((debt) => debt.cycleId === cycleId)
    if (named) take(line, named)
  }
  for (const line of money.keys()) for (const debt of debts) take(line, debt)
  const kept = lines.flatMap(({ left }, line) => (left > 0 ? [{ line, cycleId: null, amount: left }] : []))
  return [...shares.values(), ...kept]
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other)
}
