import type { Announce, AnnounceDeps } from '../events/announce.ts'
import { differences } from '../events/event-rules.ts'
import type { Db, Tx } from '../platform/database/connect.ts'
import { isForeignKeyViolation, isUniqueViolation } from '../platform/database/sql-state.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import {
  countAdmins,
  deleteSecondFactor,
  deleteSessions,
  findUser,
  hasUsers,
  insertUser,
  lockUsers,
  type UserRow,
  updateUser,
} from './access-sql.ts'
import type { Role } from './permission-rules.ts'

export interface NewUser {
  readonly name: string
  readonly email: string
  readonly role: Role
  /** Whose members an agent sees; null for every other role. */
  readonly agentId: string | null
}

/**
 * Adds a user, who has no password yet and gets a link to set one.
 *
 * @throws DomainError `user-exists`, `agent-not-found`, `invalid-input` for an agent who is nobody's or anybody else who is
 */
export async function addUser(
  { db, announce }: AnnounceDeps,
  { actor, ...user }: NewUser & { actor: Actor },
): Promise<UserRow> {
  return db.transaction().execute((tx) => insertNamed(tx, announce, user, actor))
}

/**
 * Adds the first user, an admin; there must be no other.
 *
 * @throws DomainError `link-invalid` when there is one
 */
export async function addFirstUser(
  { db, announce }: AnnounceDeps,
  { actor, ...user }: { name: string; email: string; actor: Actor },
): Promise<UserRow> {
  return db.transaction().execute(async (tx) => {
    await lockUsers(tx)
    if (await hasUsers(tx)) throw new DomainError('link-invalid', 'Somebody has set Almoner up already.')
    return insertNamed(tx, announce, { ...user, role: 'admin', agentId: null }, actor)
  })
}

/**
 * Changes who somebody is here. Another role, another agent, or being disabled ends all of the user's sessions.
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
 * For who has lost a password or a telephone: every session ends and the second factor goes. The caller sends the link.
 *
 * @throws DomainError `user-not-found`
 */
export async function resetUser(
  { db, announce }: AnnounceDeps,
  { userId, actor }: { userId: string; actor: Actor },
): Promise<UserRow> {
  return db.transaction().execute(async (tx) => {
    const user = await requireUser(tx, userId)
    await deleteSessions(tx, userId)
    await deleteSecondFactor(tx, userId)
    await announce(tx, { eventName: 'UserReset', subject: userId, actor, payload: { email: user.email } })
    return requireUser(tx, userId)
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
  const added = await requireUser(tx, userId)
  await announce(tx, { eventName: 'UserAdded', subject: userId, actor, payload: { after: added } })
  return added
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
