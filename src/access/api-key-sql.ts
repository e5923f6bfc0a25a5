/** Statements on API keys. */
import { type Selectable, sql } from 'kysely'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { ApiKeys } from '../platform/database/schema.ts'
import type { Permission, Role } from './permission-rules.ts'

export type ApiKeyRow = Pick<
  Selectable<ApiKeys>,
  'keyId' | 'keyName' | 'keyStart' | 'createdAt' | 'expiresAt' | 'lastUsedAt' | 'revokedAt' | 'userId'
> & { permissions: Permission[]; email: string }

const keyViews = (db: Db) =>
  db
    .selectFrom('apiKeys as k')
    .innerJoin('users as u', 'u.id', 'k.userId')
    .select([
      'k.keyId',
      'k.keyName',
      'k.keyStart',
      'k.permissions',
      'k.userId',
      'u.email',
      'k.createdAt',
      'k.expiresAt',
      'k.lastUsedAt',
      'k.revokedAt',
    ])
    .$castTo<ApiKeyRow>()

/** A page of keys, newest first, before the given one. */
export async function findApiKeys(
  db: Db,
  page: { before?: { createdAt: string; keyId: string }; limit: number },
): Promise<ApiKeyRow[]> {
  let query = keyViews(db).orderBy('k.createdAt', 'desc').orderBy('k.keyId', 'desc').limit(page.limit)
  if (page.before) {
    const { createdAt, keyId } = page.before
    query = query.where(sql<boolean>`(k.created_at, k.key_id) < (${createdAt}::timestamptz, ${keyId}::uuid)`)
  }
  return query.execute()
}

export async function findApiKey(db: Db, keyId: string): Promise<ApiKeyRow | undefined> {
  return keyViews(db).where('k.keyId', '=', keyId).executeTakeFirst()
}

export async function insertApiKey(
  tx: Tx,
  key: {
    keyName: string
    keyStart: string
    keyHash: Buffer
    permissions: readonly Permission[]
    userId: string
    expiresAt: string | null
  },
): Promise<string> {
  const { keyId } = await tx
    .insertInto('apiKeys')
    .values({ ...key, permissions: [...key.permissions] })
    .returning('keyId')
    .executeTakeFirstOrThrow()
  return keyId
}

/** The keys of a user that can still be used. */
export async function findLiveKeys(tx: Tx, userId: string): Promise<string[]> {
  const { rows } = await sql<{ keyId: string }>`
    select key_id from api_keys where user_id = ${userId} and revoked_at is null order by created_at`.execute(
    tx,
  )
  return rows.map(({ keyId }) => keyId)
}

/** False when it was revoked before, or does not exist. */
export async function revokeKey(tx: Tx, keyId: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update api_keys set revoked_at = now() where key_id = ${keyId} and revoked_at is null`.execute(tx)
  return numAffectedRows === 1n
}

export interface KeyHolder {
  keyId: string
  keyName: string
  permissions: Permission[]
  expired: boolean
  revoked: boolean
  userId: string
  email: string
  role: Role
  agentId: string | null
  disabled: boolean
}

/** Whose key it is; its use is noted once a minute at most. */
export async function useKey(db: Db, keyHash: Buffer): Promise<KeyHolder | undefined> {
  const { rows } = await sql<KeyHolder & { unnoted: boolean }>`
    select k.key_id, k.key_name, k.permissions, coalesce(k.expires_at <= now(), false) as expired,
      k.revoked_at is not null as revoked, u.id as user_id, u.email, u.role, u.agent_id,
      u.disabled_at is not null as disabled,
      coalesce(k.last_used_at < now() - interval '1 minute', true) as unnoted
    from api_keys k join users u on u.id = k.user_id
    where k.key_hash = ${keyHash}`.execute(db)
  const [found] = rows
  if (!found) return undefined
  const { unnoted, ...holder } = found
  if (unnoted && !holder.revoked && !holder.expired) {
    await sql`update api_keys set last_used_at = now() where key_id = ${holder.keyId}`.execute(db)
  }
  return holder
}
