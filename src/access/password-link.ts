/** Links with which a user sets a password: when she is new, has forgotten it, or was reset by an admin. */

import { createHash, randomBytes } from 'node:crypto'
import type { AnnounceDeps } from '../events/announce.ts'
import type { Tx } from '../platform/database/connect.ts'
import type { SendMail } from '../platform/mail.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import { deleteSecondFactor, deleteSessions, type UserRow } from './access-sql.ts'
import type { Identity } from './identity.ts'
import { findPasswordLink, putPassword, putPasswordLink, takePasswordLink } from './password-sql.ts'

export interface LinkDeps {
  /** Where browsers find this server. */
  readonly publicUrl: string
  /** Undefined: no mail can be sent. */
  readonly sendMail: SendMail | undefined
}

/** A new user may not read the mail today. */
export const newUserHours = 72
export const resetHours = 1

/**
 * Makes the user's link, in the transaction of what it is for. An older link of the user is good no more.
 *
 * @param link.endsSecondFactor using it removes the second factor: for a user whom an admin has reset
 * @returns the address. The token is behind the #, where no server's log sees it; only its hash is kept
 */
export async function makeLink(
  tx: Tx,
  { publicUrl }: Pick<LinkDeps, 'publicUrl'>,
  link: { userId: string; hours: number; endsSecondFactor: boolean },
): Promise<string> {
  const token = randomBytes(32).toString('base64url')
  await putPasswordLink(tx, { ...link, tokenHash: hashOf(token) })
  return `${publicUrl}/set-password#${token}`
}

/**
 * Mails the link. Where it cannot be mailed it comes back, for somebody else to hand over: it is never lost.
 *
 * @param onFailure is told why the mail could not be sent
 */
export async function mailLink(
  { sendMail }: Pick<LinkDeps, 'sendMail'>,
  { user, link, hours }: { user: UserRow; link: string; hours: number },
  onFailure: (error: unknown) => void,
): Promise<string | null> {
  if (!sendMail) return link
  const mail = {
    to: user.email,
    subject: 'Set your password for Almoner',
    text: [
      `Dear ${user.name},`,
      '',
      'with this link you set your password:',
      link,
      '',
      `It is good once, and for ${hours === 1 ? 'an hour' : `${hours} hours`}.`,
      'If you did not ask for it, nothing has happened, and you need not do anything.',
    ].join('\n'),
  }
  return sendMail(mail).then(
    () => null,
    (error: unknown) => {
      onFailure(error)
      return link
    },
  )
}

/**
 * Sets a password by a link, which is then used up. All sessions of the user end. After a reset by an admin the second
 * factor goes too: until then it protects whatever the mailbox does not.
 *
 * @returns whose password was set
 * @throws DomainError `link-invalid`
 */
export async function useLink(
  { db, announce, identity }: AnnounceDeps & { readonly identity: Identity },
  { token, newPassword, actor }: { token: string; newPassword: string; actor: Actor },
): Promise<{ userId: string; email: string }> {
  const tokenHash = hashOf(token)
  // Hashing a password is expensive, so an invalid token is refused before it.
  if (!(await findPasswordLink(db, tokenHash))) throw linkInvalid()
  const password = await identity.hashPassword(newPassword)
  return db.transaction().execute(async (tx) => {
    const link = await takePasswordLink(tx, tokenHash)
    if (!link) throw linkInvalid()
    const { userId, email, endsSecondFactor } = link
    await putPassword(tx, userId, password)
    await deleteSessions(tx, userId)
    if (endsSecondFactor) await deleteSecondFactor(tx, userId)
    await announce(tx, {
      eventName: 'PasswordChanged',
      subject: userId,
      actor,
      payload: { by: 'link', email, ...(endsSecondFactor && { secondFactor: 'removed' }) },
    })
    return { userId, email }
  })
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function linkInvalid(): DomainError {
  return new DomainError('link-invalid', 'This link was used before, or its hour is over: ask for another.')
}
