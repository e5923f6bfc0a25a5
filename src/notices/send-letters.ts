import type { Logger } from 'pino'
import type { PersonalChannel } from '../fund/fund-rules.ts'
import type { Db } from '../platform/database/connect.ts'
import { isRefusal, type SendMail } from '../platform/mail.ts'
import { inSpan } from '../platform/telemetry/trace.ts'
import { leaseMs, maxAttempts, restMs } from './delivery-rules.ts'
import { type Letter, settleDelivery, takeDueLetters } from './delivery-sql.ts'
import { atOnce } from './keep-sending.ts'
import { htmlOf, writeLetter } from './letter.ts'
import { formOf } from './letter-rules.ts'
import { takeAtPace } from './pace-sql.ts'
import { type createTexter, TextRefusedError } from './send-texts.ts'

/** What sends the letters of one channel. */
export interface Sender {
  readonly channel: PersonalChannel
  /** Undefined: as many as it takes. */
  readonly perMinute: number | undefined
  /** Resolves to the provider's id when the provider has accepted it. */
  send(letter: Letter, publicUrl: string): Promise<string>
  /** Whether it was refused for good. */
  isRefusal(error: unknown): boolean
}

interface SendDeps {
  readonly db: Db
  readonly log: Logger
  readonly sender: Sender
  /** The base URL of the links in a letter. */
  readonly publicUrl: string
}

export function mailSender(sendMail: SendMail, perMinute: number | undefined): Sender {
  return {
    channel: 'email',
    perMinute,
    isRefusal,
    send(letter, publicUrl) {
      const written = writeLetter(letter.content, { form: 'letter', ...letter }, publicUrl)
      const { subject, text } = written
      const html = htmlOf(written, letter.language)
      // The same id in every attempt, so that a duplicate can be recognized.
      return sendMail({ subject, text, html, to: letter.address, id: letter.deliveryId })
    },
  }
}

export function textSender(
  channel: Exclude<PersonalChannel, 'email'>,
  sendText: ReturnType<typeof createTexter>,
  perMinute: number | undefined,
): Sender {
  return {
    channel,
    perMinute,
    isRefusal: (error) => error instanceof TextRefusedError,
    async send({ content, language, template, address, deliveryId }, publicUrl) {
      const { text } = writeLetter(content, { form: formOf(channel), language, template }, publicUrl)
      await sendText({ id: deliveryId, to: address, text })
      return deliveryId
    },
  }
}

/**
 * Sends letters of a channel that are due. Any number of processes may do so at once.
 *
 * @returns how many were taken
 */
export async function sendDueLetters(deps: SendDeps): Promise<number> {
  const { channel, perMinute } = deps.sender
  const letters = await takeAtPace(deps.db, { channel, perMinute, limit: atOnce }, (db, limit) =>
    takeDueLetters(db, channel, limit, leaseMs),
  )
  await Promise.all(
    letters.map((letter) => {
      const { deliveryId, traceParent } = letter
      return inSpan('send letter', { deliveryId, channel }, () => send(deps, letter), traceParent)
    }),
  )
  return letters.length
}

async function send({ db, log, sender, publicUrl }: SendDeps, letter: Letter): Promise<void> {
  const { deliveryId, attempts, withdrawal } = letter
  if (withdrawal !== null) return settleDelivery(db, deliveryId, { to: 'Withdrawn', error: withdrawal })
  try {
    const providerId = await sender.send(letter, publicUrl)
    await settleDelivery(db, deliveryId, { to: 'Sent', providerId })
  } catch (failure) {
    const error = failure instanceof Error ? failure.message : String(failure)
    log.warn({ deliveryId, attempts, err: failure }, 'a letter could not be sent')
    await settleDelivery(
      db,
      deliveryId,
      sender.isRefusal(failure) || attempts >= maxAttempts
        ? { to: 'Dead', error }
        : { to: 'Pending', error, restMs: restMs(attempts) },
    )
  }
}
