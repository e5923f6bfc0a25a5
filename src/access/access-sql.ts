import { randomBytes } from 'node:crypto'
import { type Selectable, sql } from 'kysely'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { Sessions, Users } from '../platform/database/schema.ts'
import { decidingRoles, type Role } from './permission-rules.ts'

export type UserRow = Pick<
  Selectable<Users>,
  'name' | 'email' | 'createdAt' | 'disabledAt' | 'agentId' | 'roleGivenBy' | 'settledAt'
> & {
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
      'u.roleGivenBy',
      'u.settledAt',
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

/** Until the transaction ends nobody else adds or changes a user, so there is only one first user. */
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

/**
 * Notes who has given a user the role. She decides a day later, unless fewer than two others decide claims: a fund that is being
 * set up would stand still. Others are those too who were disabled, or lost such a role, within the day.
 *
 * @param given.isOwn whether she has given it to herself: then she waits, however few the others are
 */
export async function noteRole(
  tx: Tx,
  userId: string,
  given: { by: string; waits: boolean; isOwn: boolean },
): Promise<void> {
  const deciding = sql`${[...decidingRoles]}::text[]`
  await sql`
    update users set role_given_by = ${given.by}, settled_at = case
      when ${given.waits} and (${given.isOwn} or 2 <= (
        select count(*) from users o
        where o.id <> ${userId} and (
          o.role = any(${deciding}) and coalesce(o.disabled_at > now() - interval '1 day', true)
          or exists (
            select from events e
            where e.subject = o.id and e.event_name = 'UserChanged' and e.at > now() - interval '1 day'
              and e.payload -> 'before' ->> 'role' = any(${deciding})
          )
        )
      )) then now() + interval '1 day' end
    where id = ${userId}`.execute(tx)
}

/** From when on the user decides; undefined when she does already, or there is no such user. */
export async function findSettledAt(db: Db, email: string): Promise<string | undefined> {
  const { rows } = await sql<{ settledAt: string }>`
    select settled_at from users where email = ${email} and settled_at > now()`.execute(db)
  return rows[0]?.settledAt
}

/** The user decides from now on. */
export async function settleUser(tx: Tx, userId: string): Promise<void> {
  await tx.updateTable('users').set({ settledAt: null }).where('id', '=', userId).execute()
}

/** Admins who are not disabled: without one, nobody could add or enable users any more. */
export async function countAdmins(db: Db): Promise<number> {
  const { rows } = await sql<{ admins: number }>`
    select count(*) as admins from users where role = 'admin' and disabled_at is null`.execute(db)
  return rows[0]?.admins ?? 0
}

/** Users who may decide claims and are not disabled. */
export async function countDeciders(db: Db): Promise<number> {
  const { rows } = await sql<{ deciders: number }>`
    select count(*)::integer as deciders from users
    where role = any(${[...decidingRoles]}) and disabled_at is null`.execute(db)
  return rows[0]?.deciders ?? 0
}

/** Removes the second factor of a user, who enrols another at the next sign-in. */
export async function deleteSecondFactor(tx: Tx, userId: string): Promise<void> {
  await sql`delete from two_factors where user_id = ${userId}`.execute(tx)
  await sql`update users set two_factor_enabled = false where id = ${userId}`.execute(tx)
}

/** Sign-ins of a user that wait for a code. */
export async function deleteVerifications(tx: Tx, userId: string): Promise<void> {
  await sql`delete from verifications where value = ${userId}`.execute(tx)
}

/** Records that password and code were given again in the session. */
export async function confirmSession(tx: Tx, sessionId: string, at: Date): Promise<void> {
  await sql`update sessions set confirmed_at = ${at.toISOString()} where id = ${sessionId}`.execute(tx)
}

export type SessionRow = Pick<
  Selectable<Sessions>,
  'createdAt' | 'updatedAt' | 'expiresAt' | 'ipAddress' | 'userAgent'
> & {
  sessionId: string
}

/** The valid sessions of a user, newest first. */
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

/** The secret of this installation: the configured one, else the one in the database, created at the first use. */
export async function findInstallationSecret({
  db,
  secret,
}: {
  readonly db: Db
  readonly secret: string | undefined
}): Promise<string> {
  if (secret !== undefined) return secret
  const candidate = randomBytes(32).toString('base64url')
  await sql`insert into access_secret (secret) values (${candidate}) on conflict do nothing`.execute(db)
  const { rows } = await sql<{ secret: string }>`select secret from access_secret`.execute(db)
  return (rows[0] as { secret: string }).secret
}
