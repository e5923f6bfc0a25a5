import type { AnnounceDeps } from '../events/announce.ts'
import { differences } from '../events/event-rules.ts'
import type { Db } from '../platform/database/connect.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import { findPreferences, findRecipient, type NoticePreferences, putPreferences } from './preference-sql.ts'

const missing = {
  agent: () => new DomainError('agent-not-found', 'There is no such agent.'),
  member: () => new DomainError('member-not-found', 'There is no such member.'),
  user: () => new DomainError('user-not-found', 'There is no such user.'),
}

type Recipient = { kind: keyof typeof missing; recipientId: string }

/** @throws DomainError `agent-not-found`, `member-not-found`, `user-not-found` */
export async function readPreferences(
  { db }: { db: Db },
  { kind, recipientId }: Recipient,
): Promise<NoticePreferences> {
  if ((await findRecipient(db, recipientId)) !== kind) throw missing[kind]()
  return findPreferences(db, recipientId)
}

/**
 * Says how somebody wants to be written to. It counts for what is sent from now on, though it was written before.
 *
 * @throws DomainError `agent-not-found`, `member-not-found`, `user-not-found`
 */
export async function changePreferences(
  { db, announce }: AnnounceDeps,
  { recipient, preferences, actor }: { recipient: Recipient; preferences: NoticePreferences; actor: Actor },
): Promise<NoticePreferences> {
  return db.transaction().execute(async (tx) => {
    const before = await readPreferences({ db: tx }, recipient)
    const changes = differences({ ...before }, { ...preferences })
    if (Object.keys(changes.after).length === 0) return before
    await putPreferences(tx, recipient.recipientId, preferences)
    await announce(tx, {
      eventName: 'NoticePreferencesChanged',
      subject: recipient.recipientId,
      actor,
      payload: changes,
    })
    return preferences
  })
}
