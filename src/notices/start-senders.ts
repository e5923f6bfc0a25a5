import type { Logger } from 'pino'
import { createSeal } from '../access/seal.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import type { PersonalChannel } from '../fund/fund-rules.ts'
import type { Listener } from '../platform/database/listen.ts'
import { type Engine, wakeJob } from '../platform/jobs/engine.ts'
import type { SendMail } from '../platform/mail.ts'
import { keepSending } from './keep-sending.ts'
import { sealPlainSecrets } from './keep-webhooks.ts'
import type { Channel } from './notice-rules.ts'
import { jobIn } from './notice-sql.ts'
import { mailSender, sendDueLetters, textSender } from './send-letters.ts'
import { createTexter } from './send-texts.ts'
import { sendDuePosts } from './send-webhooks.ts'

export interface SendersDeps extends AnnounceDeps {
  readonly log: Logger
  readonly engine: Engine
  /** Called whenever notices are created. */
  readonly noticeListener: Listener
  /** Undefined: no mail can be sent. */
  readonly sendMail: SendMail | undefined
  readonly config: {
    readonly secret: string | undefined
    readonly publicUrl: string
    /** Undefined: as many as there are. */
    readonly perMinute: Readonly<Record<Channel, number | undefined>>
    readonly textGateways: Readonly<Record<Exclude<PersonalChannel, 'email'>, string | undefined>>
    readonly webhookAddresses: readonly string[]
  }
}

/**
 * Starts to send what is due: letters, text messages, and what webhooks are told.
 *
 * @returns stops it; resolves when nothing is being sent any more
 */
export async function startSenders(deps: SendersDeps): Promise<() => Promise<void>> {
  const { db, announce, log, engine, noticeListener: listener, sendMail } = deps
  const { publicUrl, perMinute, textGateways, webhookAddresses: allowedAddresses } = deps.config
  const seal = createSeal({ db, secret: deps.config.secret })
  await sealPlainSecrets({ db, seal })
  // The jobs that tell agents and members are there with the commit that made the cycle Active. Without this the sweep
  // would find them some seconds later.
  listener.subscribe((message) => {
    const job = jobIn(message ?? '')
    if (job) void wakeJob(engine, job)
  })
  const senders = [
    ...(sendMail ? [mailSender(sendMail, perMinute.email)] : []),
    ...(['sms', 'whatsapp'] as const).flatMap((channel) => {
      const gateway = textGateways[channel]
      return gateway ? [textSender(channel, createTexter(channel, gateway), perMinute[channel])] : []
    }),
  ]
  const stops = [
    keepSending(
      () => sendDuePosts({ db, announce, log, seal, allowedAddresses, perMinute: perMinute.webhook }),
      { log, listener },
    ),
    ...senders.map((sender) =>
      keepSending(() => sendDueLetters({ db, log, sender, publicUrl }), { log, listener }),
    ),
  ]
  return async () => {
    await Promise.all(stops.map((stop) => stop()))
  }
}
