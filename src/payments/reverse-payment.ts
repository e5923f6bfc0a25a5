import { lockDeaths } from '../cycles/contribution-sql.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import { localDate } from '../fund/fund-rules.ts'
import { findFund } from '../fund/fund-sql.ts'
import { findTransfersOfPayment } from '../ledger/ledger-sql.ts'
import { post } from '../ledger/post.ts'
import { reversalOf } from '../ledger/transfer-rules.ts'
import type { Actor } from '../platform/values/actor.ts'
import type { Clock } from '../platform/values/clock.ts'
import { DomainError } from '../platform/values/errors.ts'
import { voidSeconds } from './payment-rules.ts'
import { lockPayment, undoPayment } from './payment-sql.ts'
import { type PaymentDetail, paymentNotFound, requirePayment } from './read-payment.ts'

/**
 * Undoes a payment that was never true: each of its transfers by one that names it, today. What it paid is owed again. Whoever has just
 * recorded it takes it back without a reason.
 *
 * @throws DomainError `payment-not-found`, `payment-state` when it was undone already, `reversal-needs-reason`, and `wallet-too-low` when
 *   what it left in a wallet has gone on
 */
export async function reversePayment(
  { db, announce, clock }: AnnounceDeps & { readonly clock: Clock },
  { paymentId, reason, actor }: { paymentId: number; reason?: string | undefined; actor: Actor },
): Promise<PaymentDetail> {
  return db.transaction().execute(async (tx) => {
    const payment = await lockPayment(tx, paymentId)
    if (!payment) throw paymentNotFound()
    if (payment.paymentStatus !== 'Posted') {
      throw new DomainError('payment-state', `Payment ${paymentId} is ${payment.paymentStatus} already.`)
    }
    const age = clock.now().getTime() - Date.parse(payment.recordedAt)
    const isVoided = reason === undefined && payment.recordedBy === actor.name && age <= voidSeconds * 1000
    if (reason === undefined && !isVoided) {
      throw new DomainError(
        'reversal-needs-reason',
        `Payment ${paymentId} is reversed with a reason: only who has recorded it takes it back without one, for ${voidSeconds} seconds.`,
      )
    }
    // Whoever dies meanwhile is not asked again.
    await lockDeaths(tx)
    const { timeZone } = await findFund(tx)
    const transfers = await findTransfersOfPayment(tx, paymentId)
    await post(tx, transfers.map(reversalOf), {
      effectiveOn: localDate(clock.now(), timeZone),
      postedBy: actor.name,
    })
    await undoPayment(tx, paymentId, {
      paymentStatus: isVoided ? 'Voided' : 'Reversed',
      reversedBy: actor.name,
      reversalReason: reason ?? null,
    })
    await announce(tx, {
      eventName: isVoided ? 'PaymentVoided' : 'PaymentReversed',
      subject: payment.payerMemberId,
      actor,
      payload: {
        paymentId,
        reference: payment.reference,
        amount: payment.amount,
        ...(reason !== undefined && { reason }),
      },
    })
    return requirePayment(tx, paymentId)
  })
}
