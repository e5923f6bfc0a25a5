/** Numbers for payments whose source has given none. */
import { Refusal } from '../api.ts'

const nameOf = (purpose: string) => `almoner.payment.${purpose}`

/**
 * The number that the console gives a payment. One to which no answer has come is kept by this tab, so that who tries again, be it after the
 * form was closed or the page loaded anew, tells of the same payment, and nothing is posted twice.
 *
 * @param purpose whom and what the payment is for
 */
export function referenceFor(purpose: string): string {
  return sessionStorage.getItem(nameOf(purpose)) ?? `console-${crypto.randomUUID()}`
}

/** Before the payment is sent. */
export function keepReference(purpose: string, reference: string): void {
  sessionStorage.setItem(nameOf(purpose), reference)
}

/** After the payment was sent: a number that is answered is not used again. */
export function releaseReference(purpose: string, error: unknown): void {
  const isAnswered = error === null || (error instanceof Refusal && error.status < 500)
  if (isAnswered) sessionStorage.removeItem(nameOf(purpose))
}
