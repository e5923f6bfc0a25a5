import type { Logger } from 'pino'
import { Webhook } from 'standardwebhooks'
import type { Seal } from '../access/seal.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import { inSpan } from '../platform/telemetry/trace.ts'
import { almoner } from '../platform/values/actor.ts'
import { leaseMs, maxAttempts, restMs } from './delivery-rules.ts'
import { settleDelivery } from './delivery-sql.ts'
import { atOnce } from './keep-sending.ts'
import { insertUserNotices, notifyNotices } from './notice-sql.ts'
import { takeAtPace } from './pace-sql.ts'
import { postWebhook } from './post-webhook.ts'
import { type Post, switchEndpoint, takeDuePosts } from './webhook-sql.ts'

interface SendDeps extends AnnounceDeps {
  readonly log: Logger
  readonly seal: Seal
  readonly allowedAddresses: readonly string[]
  /** Undefined: as many as there are. */
  readonly perMinute: number | undefined
}

/**
 * Posts what is due to endpoints. Any number of processes may do so at once.
 *
 * @returns how many were taken
 */
export async function sendDuePosts(deps: SendDeps): Promise<number> {
  const { db, perMinute } = deps
  const posts = await takeAtPace(db, { channel: 'webhook', perMinute, limit: atOnce }, (tx, limit) =>
    takeDuePosts(tx, limit, leaseMs),
  )
  await Promise.all(
    posts.map((post) => {
      const { deliveryId, traceParent } = post
      return inSpan('send webhook', { deliveryId }, () => send(deps, post), traceParent)
    }),
  )
  return posts.length
}

async function send(deps: SendDeps, post: Post): Promise<void> {
  const { db, announce, log } = deps
  const { deliveryId, attempts, withdrawal } = post
  if (withdrawal !== null) return settleDelivery(db, deliveryId, { to: 'Withdrawn', error: withdrawal })
  const answer = await attempt(deps, post).catch((error: Error) => error)
  if (typeof answer === 'number' && answer >= 200 && answer < 300) {
    await settleDelivery(db, deliveryId, { to: 'Sent', providerId: post.noticeId })
    // The next event of this cycle has waited for it.
    return notifyNotices(db)
  }
  const error = sentenceOf(answer)
  log.warn({ deliveryId, attempts, url: post.url }, `a webhook could not be delivered: ${error}`)
  // 410: the receiver says that it is gone for good.
  if (answer !== 410 && attempts < maxAttempts) {
    return settleDelivery(db, deliveryId, { to: 'Pending', error, restMs: restMs(attempts) })
  }
  await db.transaction().execute(async (tx) => {
    await settleDelivery(tx, deliveryId, { to: 'Dead', error })
    const { cycleId, endpointId, url } = post
    if (!(await switchEndpoint(tx, endpointId, error))) return
    const eventId = await announce(tx, {
      eventName: 'WebhookDisabled',
      subject: endpointId,
      actor: almoner,
      payload: { url, reason: error },
    })
    await insertUserNotices(tx, { eventId, cycleId, noticeKind: 'webhook-disabled' })
    await notifyNotices(tx)
  })
}

async function attempt({ seal, allowedAddresses }: SendDeps, post: Post): Promise<number> {
  const { noticeId, url, eventName, at, data } = post
  const body = JSON.stringify({ type: eventName, timestamp: at, data })
  const now = new Date()
  const secrets = await Promise.all(post.secrets.map(seal.unseal))
  const signatures = secrets.map((secret) => new Webhook(secret).sign(noticeId, now, body))
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Almoner',
    'webhook-id': noticeId,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': signatures.join(' '),
  }
  return postWebhook(url, headers, body, allowedAddresses)
}

function sentenceOf(answer: number | Error): string {
  if (answer instanceof Error) return answer.message
  if (answer >= 300 && answer < 400) return `It answered ${answer}: redirects are not followed.`
  return `It answered ${answer}.`
}
