import { type Selectable, sql } from 'kysely'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { ApiKeys, Sessions, Users } from '../platform/database/schema.ts'
import type { Permission, Role } from './permission-rules.ts'

export type UserRow = Pick<Selectable<Users>, 'name' | 'email' | 'createdAt' | 'disabledAt' | 'agentId'> & {
  userId: string
  role: Role
  agentCode: string | null
  secondFactor: boolean
  hasPassword: boolean
}

const userViews = (db: Db) =>
  db
    .selectFrom('users as u')
    .leftJoin('agents as a', 'a.agentId', 'u.agentId')
    .select([
      'u.id as userId',
      'u.name',
      'u.email',
      'u.role',
      'u.agentId',
      'a.agentCode',
      'u.createdAt',
      'u.disabledAt',
      sql<boolean>`coalesce(u.two_factor_enabled, false)`.as('secondFactor'),
      sql<boolean>`exists (select from accounts where user_id = u.id and password is not null)`.as(
        'hasPassword',
      ),
    ])
    .$castTo<UserRow>()

export async function findUser(
  db: Db,
  key: { userId: string } | { email: string },
): Promise<UserRow | undefined> {
  return 'userId' in key
    ? userViews(db).where('u.id', '=', key.userId).executeTakeFirst()
    : userViews(db).where('u.email', '=', key.email.toLowerCase()).executeTakeFirst()
}

/** A page of users by e-mail, after the given one. */
export async function findUsers(db: Db, page: { after?: string; limit: number }): Promise<UserRow[]> {
  let query = userViews(db).orderBy('u.email').limit(page.limit)
  if (page.after !== undefined) query = query.where('u.email', '>', page.after)
  return query.execute()
}

export async function hasUsers(db: Db): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`select exists (select from users) as found`.execute(db)
  return rows[0]?.found === true
}

/** Until the transaction ends nobody else adds or changes a user: of two first ones, one is second. */
export async function lockUsers(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('users', 0))`.execute(tx)
}

export async function insertUser(
  tx: Tx,
  user: { name: string; email: string; role: Role; agentId: string | null },
): Promise<string> {
  const { id } = await tx
    .insertInto('users')
    .values({ ...user, email: user.email.toLowerCase(), emailVerified: true })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

export async function updateUser(
  tx: Tx,
  userId: string,
  changes: { name?: string; role?: Role; agentId?: string | null; disabled?: boolean },
): Promise<void> {
  const { disabled, ...columns } = changes
  await tx
    .updateTable('users')
    .set({
      ...columns,
      updatedAt: sql`now()`,
      ...(disabled !== undefined && {
        disabledAt: disabled ? sql<string>`coalesce(disabled_at, now())` : null,
      }),
    })
    .where('id', '=', userId)
    .execute()
}

/** Users who may do everything and are not disabled: without one, nobody could ever let anybody in again. */
export async function countAdmins(db: Db): Promise<number> {
  const { rows } = await sql<{ admins: number }>`
    select count(*) as admins from users where role = 'admin' and disabled_at is null`.execute(db)
  return rows[0]?.admins ?? 0
}

/** Removes the second factor of a user, who enrols another at the next sign-in. */
export async function deleteSecondFactor(tx: Tx, userId: string): Promise<void> {
  await sql`delete from two_factors where user_id = ${userId}`.execute(tx)
  await sql`update users set two_factor_enabled = false where id = ${userId}`.execute(tx)
}

/** Sign-ins of a user that wait for their code. */
export async function deleteVerifications(tx: Tx, userId: string): Promise<void> {
  await sql`delete from verifications where value = ${userId}`.execute(tx)
}

/** Makes the password of a user void; nobody can sign in with it. */
export async function deletePassword(tx: Tx, userId: string): Promise<void> {
  await sql`update accounts set password = null, updated_at = now() where user_id = ${userId}`.execute(tx)
}

/** @param hash as the library keeps passwords */
export async function putPassword(tx: Tx, userId: string, hash: string): Promise<void> {
  const { numAffectedRows } = await sql`
    update accounts set password = ${hash}, updated_at = now()
    where user_id = ${userId} and provider_id = 'credential'`.execute(tx)
  if (numAffectedRows) return
  await sql`
    insert into accounts (account_id, provider_id, user_id, password, updated_at)
    values (${userId}, 'credential', ${userId}, ${hash}, now())`.execute(tx)
}

/** The user's one link. A link that removes the second factor keeps doing so when the user asks for another. */
export async function putPasswordLink(
  tx: Tx,
  link: { userId: string; tokenHash: Buffer; hours: number; endsSecondFactor: boolean },
): Promise<void> {
  await sql`
    insert into password_links as present (token_hash, user_id, expires_at, ends_second_factor)
    values (${link.tokenHash}, ${link.userId}, now() + ${link.hours} * interval '1 hour', ${link.endsSecondFactor})
    on conflict (user_id) do update set
      token_hash = excluded.token_hash,
      expires_at = excluded.expires_at,
      ends_second_factor = excluded.ends_second_factor
        or (present.ends_second_factor and present.expires_at > now())`.execute(tx)
}

export async function findPasswordLink(db: Db, tokenHash: Buffer): Promise<boolean> {
  const { rows } = await sql`
    select from password_links where token_hash = ${tokenHash} and expires_at > now()`.execute(db)
  return rows.length > 0
}

/** Uses the link up, and tells whose it was; nothing comes back when it is used, too old, or none. */
export async function takePasswordLink(
  tx: Tx,
  tokenHash: Buffer,
): Promise<{ userId: string; email: string; endsSecondFactor: boolean } | undefined> {
  const { rows } = await sql<{ userId: string; email: string; endsSecondFactor: boolean }>`
    delete from password_links l using users u
    where u.id = l.user_id and l.token_hash = ${tokenHash} and l.expires_at > now()
    returning l.user_id, u.email, l.ends_second_factor`.execute(tx)
  return rows[0]
}

/** Codes of the app change after half a minute, and backup codes are removed when they were good. */
const givenCodesKept = sql`interval '10 minutes'`

/** Notes that the code was given; false when it was given before. Of many at once, one is the first. */
export async function takeCode(db: Db, userId: string, codeHash: Buffer): Promise<boolean> {
  await sql`
    delete from given_codes where user_id = ${userId} and given_at < now() - ${givenCodesKept}`.execute(db)
  const { numAffectedRows } = await sql`
    insert into given_codes (user_id, code_hash) values (${userId}, ${codeHash})
    on conflict do nothing`.execute(db)
  return numAffectedRows === 1n
}

/** Notes that password and code were given again in the session. */
export async function confirmSession(tx: Tx, sessionId: string, at: Date): Promise<void> {
  await sql`update sessions set confirmed_at = ${at.toISOString()} where id = ${sessionId}`.execute(tx)
}

export type SessionRow = Pick<
  Selectable<Sessions>,
  'createdAt' | 'updatedAt' | 'expiresAt' | 'ipAddress' | 'userAgent'
> & {
  sessionId: string
}

/** The sessions of a user that still count, newest first. */
export async function findSessions(db: Db, userId: string): Promise<SessionRow[]> {
  const { rows } = await sql<SessionRow>`
    select id as session_id, created_at, updated_at, expires_at, ip_address, user_agent
    from sessions where user_id = ${userId} and expires_at > now() order by created_at desc`.execute(db)
  return rows
}

/** Ends one session of a user, all but one, or all of them; returns how many. */
export async function deleteSessions(
  tx: Tx,
  userId: string,
  which: { only?: string; except?: string } = {},
): Promise<number> {
  const { only = null, except = null } = which
  const { numAffectedRows } = await sql`
    delete from sessions
    where user_id = ${userId}
      and (${only}::uuid is null or id = ${only}) and (${except}::uuid is null or id <> ${except})`.execute(
    tx,
  )
  return Number(numAffectedRows)
}

/**
 * Whether somebody who was let in would still be: the session or the key is there and good, and the user is not disabled
 * and has the same role. Unlike a request it does not make the session live longer.
 */
export async function mayStill(
  db: Db,
  who: {
    userId: string
    role: Role
    agentId: string | null
    session: { sessionId: string } | null
    key: { keyId: string } | null
  },
): Promise<boolean> {
  const pass = who.key
    ? sql`select from api_keys k where k.key_id = ${who.key.keyId} and k.user_id = u.id and k.revoked_at is null
        and (k.expires_at is null or k.expires_at > now())`
    : sql`select from sessions s where s.id = ${who.session?.sessionId ?? null} and s.user_id = u.id and s.expires_at > now()`
  const { rows } = await sql<{ may: boolean }>`
    select exists (
      select from users u
      where u.id = ${who.userId} and u.disabled_at is null and u.role = ${who.role}
        and u.agent_id is not distinct from ${who.agentId}::uuid and exists (${pass})
    ) as may`.execute(db)
  return rows[0]?.may === true
}

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

/** False when it has been revoked already, or never was. */
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

/** The secret of this installation; made by whoever asks first. */
export async function findSecret(db: Db, candidate: string): Promise<string> {
  await sql`insert into access_secret (secret) values (${candidate}) on conflict do nothing`.execute(db)
  const { rows } = await sql<{ secret: string }>`select secret from access_secret`.execute(db)
  return (rows[0] as { secret: string }).secret
}
