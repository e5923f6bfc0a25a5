import { findTransfersOfPayment, type TransferView } from '../ledger/ledger-sql.ts'
import type { Db } from '../platform/database/connect.ts'
import { DomainError } from '../platform/values/errors.ts'
import { findAlike, findPayment, type PaymentView } from './payment-sql.ts'

/** A payment with what it was for. */
export type PaymentDetail = PaymentView & {
  /** Each movement of its money, oldest first. */
  transfers: TransferView[]
  /** Other payments of the same payer, day and amount: perhaps the same money, told twice. */
  alike: number[]
}

/** @throws DomainError `payment-not-found` */
export async function requirePayment(db: Db, paymentId: number): Promise<PaymentDetail> {
  const payment = await findPayment(db, paymentId)
  if (!payment) throw paymentNotFound()
  return readPayment(db, payment)
}

export async function readPayment(db: Db, payment: PaymentView): Promise<PaymentDetail> {
  const { paymentId, payerMemberId } = payment
  return {
    ...payment,
    transfers: await findTransfersOfPayment(db, paymentId),
    alike: payerMemberId === null ? [] : await findAlike(db, { ...payment, payerMemberId }),
  }
}

export function paymentNotFound(): DomainError {
  return new DomainError('payment-not-found', 'There is no such payment.')
}
