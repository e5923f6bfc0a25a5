import { cycleNotFound, holdCycles } from '../cycles/cycle-sql.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import { localDate } from '../fund/fund-rules.ts'
import { findFund } from '../fund/fund-sql.ts'
import { post } from '../ledger/post.ts'
import type { Movement } from '../ledger/transfer-rules.ts'
import type { Tx } from '../platform/database/connect.ts'
import type { Actor } from '../platform/values/actor.ts'
import type { Clock } from '../platform/values/clock.ts'
import { DomainError } from '../platform/values/errors.ts'
import { formatAmount } from '../platform/values/money-rules.ts'
import {
  allocateLines,
  findAsked,
  findCyclesOf,
  findNamedCycle,
  findPayers,
  lockOwed,
  type Payer,
} from './allocation-sql.ts'
import { requireSource } from './keep-sources.ts'
import { allocate, maxPayment, type PaymentMethod } from './payment-rules.ts'
import {
  findKnownPayments,
  type Identifier,
  insertIdentifiers,
  insertPayment,
  lockIdentifiers,
  type PaymentLine,
  type PaymentView,
} from './payment-sql.ts'
import { type PaymentDetail, readPayment, requirePayment } from './read-payment.ts'
import type { SourceView } from './source-sql.ts'

export interface PaymentInput {
  readonly sourceCode: string
  /** The source's own, or made by whoever records it: the same one is the same payment. */
  readonly reference: string
  readonly identifiers?: readonly Identifier[] | undefined
  /** Minor units of the fund's currency. */
  readonly amount: number
  /** The local day; today when absent. */
  readonly receivedOn?: string | undefined
  readonly method?: PaymentMethod | undefined
  /** Of one member: who, and for which cycle. Neither lines nor a member: nobody knows whose it is. */
  readonly memberId?: string | undefined
  readonly cycleId?: string | undefined
  /** Of several members; they add up to the amount. */
  readonly lines?: readonly { memberId: string; amount: number; cycleId?: string | undefined }[] | undefined
  readonly payerText?: string | undefined
}

type PaymentDeps = AnnounceDeps & { readonly clock: Clock }

/**
 * Records money that has come in: it pays what it was said to be for, then what else its member owes, oldest first, and what is left is kept
 * in the member's wallet. Of a member who has died all of it is kept there. Money of nobody known is kept in suspense.
 *
 * @returns the payment, and whether it was known already: the same source and reference tell of the same payment
 * @throws DomainError `source-not-found`, `member-not-found`, `member-erased`, `member-deceased`, `member-left`, `cycle-not-found`,
 *   `cycle-not-active`, `contribution-not-found`, `lines-differ`, `payment-too-large`, `received-in-future`, and `payment-differs` when
 *   the reference is known with another amount or payer
 */
export async function recordPayment(
  deps: PaymentDeps,
  input: PaymentInput & { actor: Actor },
): Promise<{ payment: PaymentDetail; isKnown: boolean }> {
  return deps.db.transaction().execute((tx) => recordIn(tx, deps, input))
}

/** The part of it that is one transaction. */
export async function recordIn(
  tx: Tx,
  { announce, clock }: Omit<PaymentDeps, 'db'>,
  input: PaymentInput & { actor: Actor },
): Promise<{ payment: PaymentDetail; isKnown: boolean }> {
  const { amount, reference, identifiers = [], actor } = input
  const source = await requireSource(tx, input.sourceCode)
  if (identifiers.length > 0) await lockIdentifiers(tx, source.sourceId, identifiers)
  const known = () => findKnownPayments(tx, source.sourceId, reference, identifiers)
  const before = await known()
  if (before.length > 0) return { payment: await readPayment(tx, requireSame(before, input)), isKnown: true }

  const fund = await findFund(tx)
  const today = localDate(clock.now(), fund.timeZone)
  const receivedOn = input.receivedOn ?? today
  if (receivedOn > today) {
    throw new DomainError('received-in-future', `Money cannot have come after today, ${today}.`)
  }
  const limit = Math.min(fund.paymentLimit ?? maxPayment, maxPayment)
  if (amount > limit) {
    throw new DomainError(
      'payment-too-large',
      `${formatAmount(amount, fund)} is more than the fund takes in one payment, ${formatAmount(limit, fund)}.`,
    )
  }
  const lines = linesOf(input)
  const payers = await requirePayers(tx, lines)
  const paymentId = await insertPayment(tx, {
    sourceId: source.sourceId,
    reference,
    amount,
    receivedOn,
    paymentMethod: input.method ?? source.paymentMethod,
    payerMemberId: input.memberId ?? null,
    payerText: input.payerText ?? null,
    cycleId: input.cycleId ?? null,
    lines: input.lines === undefined ? null : lines,
    agentId: (input.memberId !== undefined && payers[0]?.agentId) || null,
    recordedBy: actor.name,
  })
  if (paymentId === undefined) {
    // Somebody has told of it just now.
    return { payment: await readPayment(tx, requireSame(await known(), input)), isKnown: true }
  }
  if (identifiers.length > 0)
    await insertIdentifiers(tx, { paymentId, sourceId: source.sourceId }, identifiers)
  const movements = await allocated(tx, { paymentId, amount, source, lines, payers })
  await post(tx, movements, { effectiveOn: receivedOn, postedBy: actor.name })
  await announce(tx, {
    eventName: 'PaymentPosted',
    subject: input.memberId ?? null,
    actor,
    payload: {
      paymentId,
      sourceCode: source.sourceCode,
      reference,
      amount,
      currency: fund.currency,
      receivedOn,
      paid: movements.flatMap(({ cycleId, memberId, amount: share }) =>
        cycleId === null ? [] : [{ cycleId, memberId, amount: share }],
      ),
    },
  })
  return { payment: await requirePayment(tx, paymentId), isKnown: false }
}

/** One line a member; none while nobody knows whose it is. */
function linesOf({ amount, memberId, cycleId, lines }: PaymentInput): PaymentLine[] {
  if (memberId !== undefined) return [{ memberId, amount, cycleId: cycleId ?? null }]
  if (lines === undefined) return []
  const sum = lines.reduce((total, line) => total + line.amount, 0)
  if (sum !== amount) {
    throw new DomainError(
      'lines-differ',
      `The ${lines.length} lines add up to ${sum} minor units, and the payment is of ${amount}.`,
      [{ pointer: '/lines', detail: `add up to ${sum}, not to ${amount}` }],
    )
  }
  return lines.map((line) => ({ ...line, cycleId: line.cycleId ?? null }))
}

/** @throws DomainError when one is not on the register, was erased, or was named for what is not asked of them */
async function requirePayers(tx: Tx, lines: readonly PaymentLine[]): Promise<Payer[]> {
  if (lines.length === 0) return []
  const memberIds = [...new Set(lines.map(({ memberId }) => memberId))]
  const payers = await findPayers(tx, memberIds)
  const missing = memberIds.find((memberId) => !payers.some((payer) => payer.memberId === memberId))
  if (missing !== undefined) throw new DomainError('member-not-found', `There is no member ${missing}.`)
  for (const { memberCode, erasedAt } of payers) {
    if (erasedAt === null) continue
    throw new DomainError('member-erased', `${memberCode} was erased: nothing is kept for them any more.`)
  }
  for (const cycleId of new Set(lines.flatMap((line) => line.cycleId ?? []))) {
    const cycle = await findNamedCycle(tx, cycleId)
    if (!cycle) throw cycleNotFound()
    const { cycleCode, cycleStatus } = cycle
    if (cycleStatus !== 'Active') {
      throw new DomainError(
        'cycle-not-active',
        `Cycle ${cycleCode} is ${cycleStatus}: nothing is paid for it. Without the cycle, the money is kept in the member’s wallet.`,
      )
    }
    const named = lines.filter((line) => line.cycleId === cycleId).map(({ memberId }) => memberId)
    const asked = new Set(await findAsked(tx, cycleId, named))
    for (const { memberId, memberCode, memberStatus } of payers) {
      if (!named.includes(memberId)) continue
      if (!asked.has(memberId)) {
        throw new DomainError(
          'contribution-not-found',
          `Cycle ${cycleCode} does not ask ${memberCode} for anything.`,
        )
      }
      if (memberStatus !== 'Deceased') continue
      throw new DomainError(
        'member-deceased',
        `${memberCode} has died and owes nothing. Without the cycle, the money is kept in the wallet.`,
      )
    }
  }
  return payers
}

/** What the money is for, once nobody else can change what is owed. */
async function allocated(
  tx: Tx,
  {
    paymentId,
    amount,
    source,
    lines,
    payers,
  }: {
    paymentId: number
    amount: number
    source: SourceView
    lines: PaymentLine[]
    payers: readonly Payer[]
  },
): Promise<Movement[]> {
  const of = { debitOwner: source.accountId, paymentId, reverses: null }
  if (lines.length === 0) {
    const creditOwner = source.sourceId
    return [{ ...of, transferCode: 'suspense-payment', creditOwner, amount, cycleId: null, memberId: null }]
  }
  const memberIds = payers.map(({ memberId }) => memberId)
  const cycleIds = await findCyclesOf(tx, memberIds)
  await holdCycles(tx, cycleIds)
  const owed = await lockOwed(tx, memberIds, cycleIds)
  const [line] = lines
  // Of one member the rule itself is asked: its statement takes longer to plan than to run.
  const shares =
    lines.length === 1 && line
      ? allocate([line], owed).map((share) => ({ ...share, memberId: line.memberId }))
      : await allocateLines(tx, lines, cycleIds)
  for (const { memberId, memberCode, memberStatus } of payers) {
    if (
      memberStatus !== 'Inactive' ||
      shares.some((share) => share.memberId === memberId && share.cycleId !== null)
    )
      continue
    throw new DomainError(
      'member-left',
      `${memberCode} has left the fund and owes nothing: give the money back, or record it without a member.`,
    )
  }
  return shares.map(({ memberId, cycleId, amount: share }) => ({
    ...of,
    ...(cycleId === null
      ? { transferCode: 'wallet-payment', creditOwner: memberId }
      : { transferCode: 'contribution-payment', creditOwner: cycleId }),
    amount: share,
    cycleId,
    memberId,
  }))
}

/** @throws DomainError `payment-differs` when it is known with another amount or payer, or its numbers are those of several */
function requireSame(payments: readonly PaymentView[], input: PaymentInput): PaymentView {
  const [known, other] = payments as [PaymentView, ...PaymentView[]]
  if (other) {
    throw new DomainError(
      'payment-differs',
      `${known.sourceCode} has told of two payments by these numbers: ${known.paymentId} and ${other.paymentId}.`,
    )
  }
  const isSame =
    known.amount === input.amount &&
    known.payerMemberId === (input.memberId ?? null) &&
    known.cycleId === (input.cycleId ?? null) &&
    sameLines(known.lines ?? [], input.lines === undefined ? [] : linesOf(input))
  if (isSame) return known
  const payer =
    known.payerMemberCode ?? (known.lines === null ? 'nobody known' : `${known.lines.length} members`)
  throw new DomainError(
    'payment-differs',
    `${known.sourceCode} has told of ${known.reference} before: payment ${known.paymentId} of ${known.amount} minor units from ${payer}. Now it is said to be of ${input.amount} minor units, or from somebody else, or for something else.`,
  )
}

function sameLines(one: readonly PaymentLine[], other: readonly PaymentLine[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ memberId, amount, cycleId }, index) => {
      const line = other[index]
      return memberId === line?.memberId && amount === line.amount && cycleId === line.cycleId
    })
  )
}
