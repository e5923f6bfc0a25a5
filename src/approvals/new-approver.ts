import { findSettledAt, findUser, lockUsers, settleUser, type UserRow } from '../access/access-sql.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import type { Tx } from '../platform/database/connect.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import type { Approval } from './approval-sql.ts'
import { approve, type Matter, requestApproval, withdrawRequest } from './two-persons.ts'

const kind = 'new-approver'

/**
 * Asks for a user whose role is new to be confirmed, so that she may decide at once.
 *
 * @throws DomainError `user-not-found`, `user-settled`, `approval-requested`, and `own-request` for whoever gave the role and for
 *   the user herself
 */
export async function requestConfirmation(
  { db, announce }: AnnounceDeps,
  { userId, reason, actor }: { userId: string; reason: string; actor: Actor },
): Promise<Approval> {
  return db.transaction().execute(async (tx) => {
    const user = await requireNew(tx, userId)
    if (actor.name === user.email || actor.name === user.roleGivenBy) throw ownRole()
    const asked = await requestApproval(tx, matterOf(user), { reason, actor })
    await announce(tx, {
      eventName: 'UserConfirmationRequested',
      subject: userId,
      actor,
      payload: { email: user.email, reason },
    })
    return asked
  })
}

/** @throws DomainError `approval-not-requested` */
export async function withdrawConfirmation(
  { db, announce }: AnnounceDeps,
  { userId, actor }: { userId: string; actor: Actor },
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await withdrawRequest(tx, { kind, subject: userId }, actor)
    await announce(tx, { eventName: 'UserConfirmationWithdrawn', subject: userId, actor })
  })
}

/**
 * Confirms a user whose role is new, as another has asked: she decides from now on. Whoever gave the role may do this, for the
 * other is the second person.
 *
 * @throws DomainError `user-not-found`, `user-settled`, `approval-not-requested`, `own-request`, `approval-void`
 */
export async function confirmUser(
  { db, announce }: AnnounceDeps,
  { userId, actor }: { userId: string; actor: Actor },
): Promise<UserRow> {
  return db.transaction().execute(async (tx) => {
    const { settledAt, ...user } = await requireNew(tx, userId)
    if (actor.name === user.email) throw ownRole()
    const { reason, requestedBy } = await approve(tx, matterOf({ settledAt, ...user }), actor)
    await settleUser(tx, userId)
    await announce(tx, {
      eventName: 'UserChanged',
      subject: userId,
      actor,
      payload: { email: user.email, before: { settledAt }, after: { settledAt: null }, reason, requestedBy },
    })
    return { ...user, settledAt: null }
  })
}

async function requireNew(tx: Tx, userId: string): Promise<UserRow> {
  await lockUsers(tx)
  const user = await findUser(tx, { userId })
  if (!user) throw new DomainError('user-not-found', 'There is no such user.')
  if ((await findSettledAt(tx, user.email)) !== undefined) return user
  throw new DomainError('user-settled', `${user.email} may decide already, or has nothing to decide.`)
}

/** Whoever approves has seen which role it is, and who gave it when. */
function matterOf({ userId, role, roleGivenBy, settledAt }: UserRow): Matter {
  return { kind, subject: userId, content: { role, roleGivenBy, settledAt } }
}

function ownRole(): DomainError {
  return new DomainError(
    'own-request',
    'Neither whoever gave the role nor whoever has it confirms it: another admin does.',
  )
}
