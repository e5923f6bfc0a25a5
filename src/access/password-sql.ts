/** Statements on passwords, the links that set them, and used codes of the second factor. */
import { sql } from 'kysely'

import type { Db, Tx } from '../platform/database/connect.ts'

/** Removes the password of a user; nobody can sign in with it. */
export async function deletePassword(tx: Tx, userId: string): Promise<void> {
  await sql`update accounts set password = null, updated_at = now() where user_id = ${userId}`.execute(tx)
}

/** @param hash in the format of the library */
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

/** Uses the link up, and returns its user; undefined when it is used, too old, or unknown. */
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

/** Codes of the app change after half a minute, and backup codes are removed when they are used. */
const givenCodesKept = sql`interval '10 minutes'`

/** Records that the code was given; false when it was given before. Of many at once, only one gets true. */
export async function noteCode(db: Db, userId: string, codeHash: Buffer): Promise<boolean> {
  await sql`
    delete from given_codes where user_id = ${userId} and given_at < now() - ${givenCodesKept}`.execute(db)
  const { numAffectedRows } = await sql`
    insert into given_codes (user_id, code_hash) values (${userId}, ${codeHash})
    on conflict do nothing`.execute(db)
  return numAffectedRows === 1n
}
