import { sql } from 'kysely'
import type { LetterLanguage, PersonalChannel } from '../fund/fund-rules.ts'
import type { Db, Tx } from '../platform/database/connect.ts'

/** The notice preferences of a person. */
export interface NoticePreferences {
  /** Null: that of the fund. */
  language: LetterLanguage | null
  /** Channels that are not used for them. */
  refusedChannels: PersonalChannel[]
}

/** The preferences of the fund, while nothing is stored. */
export async function findPreferences(db: Db, recipientId: string): Promise<NoticePreferences> {
  const kept = await db
    .selectFrom('noticePreferences')
    .select(['language', 'refusedChannels'])
    .where('recipientId', '=', recipientId)
    .executeTakeFirst()
  return kept ?? { language: null, refusedChannels: [] }
}

export async function putPreferences(
  tx: Tx,
  recipientId: string,
  preferences: NoticePreferences,
): Promise<void> {
  await tx
    .insertInto('noticePreferences')
    .values({ recipientId, ...preferences })
    .onConflict((conflict) =>
      conflict.column('recipientId').doUpdateSet({ ...preferences, updatedAt: sql`now()` }),
    )
    .execute()
}

/** What kind of recipient the id is of; undefined: of none. */
export async function findRecipient(
  db: Db,
  recipientId: string,
): Promise<'agent' | 'member' | 'user' | undefined> {
  const { rows } = await sql<{ kind: 'agent' | 'member' | 'user' }>`
    select 'agent' as kind from agents where agent_id = ${recipientId}
    union all select 'member' from members where member_id = ${recipientId}
    union all select 'user' from users where id = ${recipientId}`.execute(db)
  return rows[0]?.kind
}

export async function deletePreferences(tx: Tx, recipientId: string): Promise<void> {
  await tx.deleteFrom('noticePreferences').where('recipientId', '=', recipientId).execute()
}
