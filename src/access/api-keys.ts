import { createHash, randomBytes } from 'node:crypto'
import { Temporal } from 'temporal-polyfill'
import type { AnnounceDeps } from '../events/announce.ts'
import type { Db } from '../platform/database/connect.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import { findUser } from './access-sql.ts'
import { type ApiKeyRow, findApiKey, insertApiKey, type KeyHolder, revokeKey, useKey } from './api-key-sql.ts'
import { grantOf, type Permission } from './permission-rules.ts'

/** So that secret scanners and people recognize a key. */
const keyPrefix = 'alm_'
/** How much of a key is stored readable, with the prefix. */
const shownChars = 10

/**
 * Makes a key that may do, for its user, what is listed, as long as the user may. The key itself is in the answer and
 * nowhere else.
 *
 * @throws DomainError `invalid-input` for a permission that the user does not have, or an end in the past;
 *   `user-not-found`
 */
export async function createApiKey(
  { db, announce }: AnnounceDeps,
  input: {
    userId: string
    keyName: string
    permissions: readonly Permission[]
    expiresAt: string | null
    actor: Actor
  },
): Promise<ApiKeyRow & { key: string }> {
  const { userId, keyName, permissions, actor } = input
  const user = await findUser(db, { userId })
  if (!user) throw new DomainError('user-not-found', 'There is no such user.')
  const beyond = permissions.filter((permission) => grantOf(user.role, permission) === undefined)
  if (beyond.length > 0) {
    throw new DomainError('invalid-input', `A key of a ${user.role} cannot have ${beyond.join(', ')}.`, [
      { pointer: '/permissions', detail: `must be what a ${user.role} may do` },
    ])
  }
  // In UTC, because PostgreSQL does not accept every valid offset.
  const expiresAt = input.expiresAt === null ? null : Temporal.Instant.from(input.expiresAt).toString()
  if (expiresAt !== null && Date.parse(expiresAt) <= Date.now()) {
    throw new DomainError('invalid-input', 'A key cannot end before it begins.', [
      { pointer: '/expiresAt', detail: 'must be in the future' },
    ])
  }
  const key = `${keyPrefix}${randomBytes(32).toString('base64url')}`
  return db.transaction().execute(async (tx) => {
    const keyId = await insertApiKey(tx, {
      keyName,
      keyStart: key.slice(0, shownChars),
      keyHash: hashOf(key),
      permissions: [...new Set(permissions)],
      userId,
      expiresAt,
    })
    const row = await requireApiKey(tx, keyId)
    await announce(tx, { eventName: 'ApiKeyCreated', subject: keyId, actor, payload: { after: row } })
    return { ...row, key }
  })
}

/** @throws DomainError `api-key-not-found`; a revoked key stays revoked */
export async function revokeApiKey(
  { db, announce }: AnnounceDeps,
  { keyId, actor }: { keyId: string; actor: Actor },
): Promise<ApiKeyRow> {
  return db.transaction().execute(async (tx) => {
    if (await revokeKey(tx, keyId)) {
      await announce(tx, { eventName: 'ApiKeyRevoked', subject: keyId, actor })
    }
    return requireApiKey(tx, keyId)
  })
}

/**
 * Whose key it is. Keys are looked up by their hash, so what the lookup takes says nothing of how much of a guess is right.
 *
 * @throws DomainError `key-invalid`, `key-expired`, `key-revoked`, `account-disabled`
 */
export async function requireKey(db: Db, key: string): Promise<KeyHolder> {
  const holder = await useKey(db, hashOf(key))
  if (!holder) throw new DomainError('key-invalid', 'This is no API key of this server.')
  if (holder.revoked) throw new DomainError('key-revoked', `The API key ${holder.keyName} was revoked.`)
  if (holder.expired)
    throw new DomainError('key-expired', `The time of the API key ${holder.keyName} is over.`)
  if (holder.disabled)
    throw new DomainError('account-disabled', `The account of ${holder.email} is disabled.`)
  return holder
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

async function requireApiKey(db: Db, keyId: string): Promise<ApiKeyRow> {
  const row = await findApiKey(db, keyId)
  if (!row) throw new DomainError('api-key-not-found', 'There is no such API key.')
  return row
}
