import { sql } from 'kysely'
import type { LetterLanguage } from '../fund/fund-rules.ts'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { LetterForm, LetterKind, LetterTemplate } from './letter-rules.ts'

export interface TemplateKey {
  readonly noticeKind: LetterKind
  readonly form: LetterForm
  readonly language: LetterLanguage
}

/** The fund's own wording of a letter. */
export interface OwnTemplate extends TemplateKey, LetterTemplate {
  readonly updatedAt: string
}

const columns = ['noticeKind', 'form', 'language', 'subject', 'body', 'updatedAt'] as const

/** All templates; there are few. */
export async function findTemplates(db: Db): Promise<OwnTemplate[]> {
  return db.selectFrom('noticeTemplates').select(columns).execute()
}

/** The template before a change, locked until the transaction ends. */
export async function lockTemplate(tx: Tx, key: TemplateKey): Promise<OwnTemplate | undefined> {
  // Before it exists, there is no row to lock.
  await sql`select pg_advisory_xact_lock(hashtext('notice_templates'))`.execute(tx)
  return tx
    .selectFrom('noticeTemplates')
    .select(columns)
    .where('noticeKind', '=', key.noticeKind)
    .where('form', '=', key.form)
    .where('language', '=', key.language)
    .executeTakeFirst()
}

export async function putTemplate(tx: Tx, template: TemplateKey & LetterTemplate): Promise<OwnTemplate> {
  const { subject, body } = template
  return tx
    .insertInto('noticeTemplates')
    .values(template)
    .onConflict((conflict) =>
      conflict
        .columns(['noticeKind', 'form', 'language'])
        .doUpdateSet({ subject, body, updatedAt: sql`now()` }),
    )
    .returning(columns)
    .executeTakeFirstOrThrow()
}

export async function deleteTemplate(tx: Tx, key: TemplateKey): Promise<void> {
  await tx
    .deleteFrom('noticeTemplates')
    .where('noticeKind', '=', key.noticeKind)
    .where('form', '=', key.form)
    .where('language', '=', key.language)
    .execute()
}
