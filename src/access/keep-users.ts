import type { Announce, AnnounceDeps } from '../events/announce.ts'
import { differences } from '../events/event-rules.ts'
import type { Db, Tx } from '../platform/database/connect.ts'
import { isForeignKeyViolation, isUniqueViolation } from '../platform/database/sql-state.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import {
  countAdmins,
  deleteSessions,
  deleteVerifications,
  findUser,
  hasUsers,
  insertUser,
  lockUsers,
  noteRole,
  type UserRow,
  updateUser,
} from './access-sql.ts'
import { findLiveKeys, revokeKey } from './api-key-sql.ts'
import { makeLink, newUserHours, resetHours } from './password-link.ts'
import { deletePassword, putPassword } from './password-sql.ts'
import { type Role, takesPart } from './permission-rules.ts'

export interface NewUser {
  readonly name: string
  readonly email: string
  readonly role: Role
  /** Whose members an agent sees; null for every other role. */
  readonly agentId: string | null
}

/** A user with the link that sets the password, and for how many hours it works. */
export interface UserWithLink {
  readonly user: UserRow
  readonly link: string
  readonly hours: number
}

/** What a link also needs. */
type UserDeps = AnnounceDeps & { readonly publicUrl: string }

/**
 * Adds a user without a password, and makes the link that sets one. Both are there, or neither. What needs a second person she
 * decides a day later.
 *
 * @throws DomainError `user-exists`, `agent-not-found`, `invalid-input` for an agent who is nobody's or anybody else who is
 */
export async function addUser(
  { db, announce, publicUrl }: UserDeps,
  { actor, ...user }: NewUser & { actor: Actor },
): Promise<UserWithLink> {
  return db.transaction().execute(async (tx) => {
    await lockUsers(tx)
    const added = await insertNamed(tx, announce, user, actor)
    const hours = newUserHours
    const link = await makeLink(tx, { publicUrl }, { userId: added.userId, hours, endsSecondFactor: false })
    return { user: added, link, hours }
  })
}

/**
 * Adds the first user, an admin with a password; there must be no other.
 *
 * @param input.password as the library keeps it
 * @throws DomainError `link-invalid` when there is one
 */
export async function addFirstUser(
  { db, announce }: AnnounceDeps,
  { actor, password, ...user }: { name: string; email: string; password: string; actor: Actor },
): Promise<UserRow> {
  return db.transaction().execute(async (tx) => {
    await lockUsers(tx)
    if (await hasUsers(tx)) throw new DomainError('link-invalid', 'Somebody has set Almoner up already.')
    const added = await insertNamed(tx, announce, { ...user, role: 'admin', agentId: null }, actor)
    await putPassword(tx, added.userId, password)
    return added
  })
}

/**
 * Changes who somebody is here. Another role, another agent, or being disabled ends all of the user's sessions. Another role, or
 * being let in again, is new for a day.
 *
 * @throws DomainError `user-not-found`, `last-admin`, `agent-not-found`, `invalid-input`
 */
export async function changeUser(
  { db, announce }: AnnounceDeps,
  {
    userId,
    changes,
    actor,
  }: {
    userId: string
    changes: { name?: string; role?: Role; agentId?: string | null; disabled?: boolean }
    actor: Actor
  },
): Promise<UserRow> {
  return db.transaction().execute(async (tx) => {
    await lockUsers(tx)
    const before = await requireUser(tx, userId)
    requireAgent({ ...before, ...changes })
    await updateUser(tx, userId, changes).catch(rethrowAsRefusal)
    const isGiven =
      (changes.role !== undefined && changes.role !== before.role) ||
      (changes.disabled === false && before.disabledAt !== null)
    if (isGiven) await giveRole(tx, { ...before, ...changes }, actor)
    if ((await countAdmins(tx)) === 0) {
      throw new DomainError('last-admin', 'Nobody would be left who may let anybody in.')
    }
    const after = await requireUser(tx, userId)
    const differs = differences(before, after)
    if (Object.keys(differs.after).some((key) => key !== 'name')) await deleteSessions(tx, userId)
    await announce(tx, {
      eventName: 'UserChanged',
      subject: userId,
      actor,
      payload: { email: after.email, ...differs },
    })
    return after
  })
}

/**
 * For a user who has lost the password or the telephone. The password is void, the keys are revoked, the sessions end, and
 * there is a link: all of it, or nothing. The second factor stays until the link is used, so that whoever knows the old
 * password gains nothing.
 *
 * @throws DomainError `user-not-found`
 */
export async function resetUser(
  { db, announce, publicUrl }: UserDeps,
  { userId, actor }: { userId: string; actor: Actor },
): Promise<UserWithLink> {
  return db.transaction().execute(async (tx) => {
    const { email } = await requireUser(tx, userId)
    await deletePassword(tx, userId)
    await deleteSessions(tx, userId)
    await deleteVerifications(tx, userId)
    for (const keyId of await findLiveKeys(tx, userId)) {
      await revokeKey(tx, keyId)
      await announce(tx, { eventName: 'ApiKeyRevoked', subject: keyId, actor, payload: { by: 'reset' } })
    }
    await announce(tx, { eventName: 'UserReset', subject: userId, actor, payload: { email } })
    const hours = resetHours
    const link = await makeLink(tx, { publicUrl }, { userId, hours, endsSecondFactor: true })
    return { user: await requireUser(tx, userId), link, hours }
  })
}

/** @throws DomainError `user-not-found` */
async function requireUser(db: Db, userId: string): Promise<UserRow> {
  const user = await findUser(db, { userId })
  if (!user) throw new DomainError('user-not-found', 'There is no such user.')
  return user
}

async function insertNamed(tx: Tx, announce: Announce, user: NewUser, actor: Actor): Promise<UserRow> {
  requireAgent(user)
  const userId = await insertUser(tx, user).catch((error: unknown) => {
    if (!isUniqueViolation(error, 'users_email_key')) return rethrowAsRefusal(error)
    throw new DomainError('user-exists', `There is a user ${user.email} already.`, [], { cause: error })
  })
  await giveRole(tx, { ...user, userId }, actor)
  const added = await requireUser(tx, userId)
  await announce(tx, { eventName: 'UserAdded', subject: userId, actor, payload: { after: added } })
  return added
}

/** Whoever has the machine is not asked for a second person, here as elsewhere. */
async function giveRole(
  tx: Tx,
  { userId, email, role }: { userId: string; email: string; role: Role },
  actor: Actor,
): Promise<void> {
  const waits = takesPart(role) && actor.role !== 'operator'
  await noteRole(tx, userId, { by: actor.name, waits, isOwn: actor.name === email })
}

function requireAgent({ role, agentId }: { role: Role; agentId: string | null }): void {
  if ((role === 'agent') === (agentId !== null)) return
  const detail = role === 'agent' ? 'must say whose members an agent sees' : `must be null for a ${role}`
  throw new DomainError('invalid-input', `The agent ${detail}.`, [{ pointer: '/agentId', detail }])
}

function rethrowAsRefusal(error: unknown): never {
  if (!isForeignKeyViolation(error, 'users_agent_id_fkey')) throw error
  throw new DomainError('agent-not-found', 'There is no such agent.', [], { cause: error })
}
