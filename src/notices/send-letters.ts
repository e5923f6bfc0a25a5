import type { Logger } from 'pino'
import type { Db } from '../database/connect.ts'
import { isRefusal, type SendMail } from '../mail.ts'
import { leaseMs, maxAttempts, restMs } from './delivery-rules.ts'
import { type Letter, settleDelivery, takeDueLetters } from './delivery-sql.ts'
import { atOnce } from './keep-sending.ts'
import { writeLetter } from './letter.ts'

interface SendDeps {
  readonly db: Db
  readonly log: Logger
  readonly sendMail: SendMail
  /** Where the links of a letter lead. */
  readonly publicUrl: string
}

/**
 * Sends letters that are due. Any number of processes may do so at once.
 *
 * @returns how many were taken
 */
export async function sendDueLetters(deps: SendDeps): Promise<number> {
  const letters = await takeDueLetters(deps.db, atOnce, leaseMs)
  await Promise.all(letters.map((letter) => send(deps, letter)))
  return letters.length
}

async function send({ db, log, sendMail, publicUrl }: SendDeps, letter: Letter): Promise<void> {
  const { deliveryId, attempts, withdrawal } = letter
  if (withdrawal !== null) return settleDelivery(db, deliveryId, { to: 'Withdrawn', error: withdrawal })
  try {
    // The same over all attempts: what arrives twice can be told to be one.
    const providerId = await sendMail({
      ...writeLetter(letter, publicUrl),
      to: letter.address,
      id: deliveryId,
    })
    await settleDelivery(db, deliveryId, { to: 'Sent', providerId })
  } catch (failure) {
    const error = failure instanceof Error ? failure.message : String(failure)
    log.warn({ deliveryId, attempts, err: failure }, 'a letter could not be sent')
    await settleDelivery(
      db,
      deliveryId,
      isRefusal(failure) || attempts >= maxAttempts
        ? { to: 'Dead', error }
        : { to: 'Pending', error, restMs: restMs(attempts) },
    )
  }
}
