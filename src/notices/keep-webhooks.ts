import { randomBytes } from 'node:crypto'
import type { Seal } from '../access/seal.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import type { EventName, NewEvent } from '../events/event-sql.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import {
  type EndpointView,
  findEndpoint,
  findPlainSecrets,
  insertEndpoint,
  replacePlainSecret,
  replaceSecret,
  switchEndpoint,
} from './webhook-sql.ts'

/** Receivers have a day to change to the new secret. */
const overlapMs = 24 * 3_600_000

/** A secret in the format of Standard Webhooks: 256 random bits. */
const secretPrefix = 'whsec_'
const newSecret = () => `${secretPrefix}${randomBytes(32).toString('base64')}`

export type EndpointWithSecret = EndpointView & { secret: string }

interface WebhookDeps extends AnnounceDeps {
  readonly seal: Seal
}

/** Adds an endpoint; its secret is shown only now, and stored encrypted. */
export async function addEndpoint(
  { db, announce, seal }: WebhookDeps,
  { url, actor }: { url: string; actor: Actor },
): Promise<EndpointWithSecret> {
  return db.transaction().execute(async (tx) => {
    const secret = newSecret()
    const endpoint = await insertEndpoint(tx, { url, secret: await seal.seal(secret) })
    await announce(tx, changed('WebhookAdded', endpoint, actor))
    return { ...endpoint, secret }
  })
}

/**
 * Gives the endpoint another secret; until tomorrow everything is signed with both.
 *
 * @throws DomainError `webhook-not-found`
 */
export async function rotateSecret(
  { db, announce, seal }: WebhookDeps,
  { endpointId, actor }: { endpointId: string; actor: Actor },
): Promise<EndpointWithSecret> {
  return db.transaction().execute(async (tx) => {
    const secret = newSecret()
    const endpoint = await replaceSecret(tx, endpointId, await seal.seal(secret), overlapMs)
    if (!endpoint) throw notFound()
    await announce(tx, changed('WebhookSecretRotated', endpoint, actor))
    return { ...endpoint, secret }
  })
}

/**
 * Switches the endpoint on or off; done already, it does nothing. What happened while it was off is not made up for.
 *
 * @throws DomainError `webhook-not-found`
 */
export async function enableEndpoint(
  { db, announce }: AnnounceDeps,
  { endpointId, isEnabled, actor }: { endpointId: string; isEnabled: boolean; actor: Actor },
): Promise<EndpointView> {
  return db.transaction().execute(async (tx) => {
    const switched = await switchEndpoint(tx, endpointId, isEnabled ? null : `Switched off by ${actor.name}.`)
    if (switched) {
      await announce(tx, changed(isEnabled ? 'WebhookEnabled' : 'WebhookDisabled', switched, actor))
    }
    const endpoint = switched ?? (await findEndpoint(tx, endpointId))
    if (!endpoint) throw notFound()
    return endpoint
  })
}

/** Encrypts the secrets that an earlier version stored in plain. */
export async function sealPlainSecrets({ db, seal }: Pick<WebhookDeps, 'db' | 'seal'>): Promise<void> {
  for (const secret of await findPlainSecrets(db, secretPrefix)) {
    await replacePlainSecret(db, secret, await seal.seal(secret))
  }
}

function changed(eventName: EventName, { endpointId, url }: EndpointView, actor: Actor): NewEvent {
  return { eventName, subject: endpointId, actor, payload: { url } }
}

function notFound(): DomainError {
  return new DomainError('webhook-not-found', 'There is no such webhook.')
}
