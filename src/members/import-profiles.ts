import { sql } from 'kysely'
import type { Db } from '../platform/database/connect.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import { type ColumnMap, type MemberColumn, memberFile, readColumnMap } from './column-rules.ts'
import type { DateOrder } from './import-dates.ts'

/** How a file is to be read. */
export interface Reading {
  /** What columns mean, each `Member No=memberCode`. */
  readonly columns: readonly string[]
  readonly dateOrder?: DateOrder | undefined
}

/**
 * Reads how a file is to be read: as it was saved under a name, and as it is said besides, which counts first; and saves it under a
 * name if that is asked.
 *
 * @throws DomainError `invalid-input` when a column is not explained so, or there is no such profile
 */
export async function settleReading(
  db: Db,
  said: Reading & { readonly profile?: string | undefined; readonly saveProfile?: string | undefined },
  actor: Actor,
): Promise<{ readonly map: ColumnMap<MemberColumn>; readonly dateOrder: DateOrder | undefined }> {
  const saved = said.profile === undefined ? { columns: [] } : await findProfile(db, said.profile)
  const columns = [...saved.columns, ...said.columns]
  const dateOrder = said.dateOrder ?? saved.dateOrder
  const map = readColumnMap(memberFile, columns)
  if (said.saveProfile !== undefined) await saveProfile(db, said.saveProfile, { columns, dateOrder }, actor)
  return { map, dateOrder }
}

/** Reading as it is kept under a name. */
export interface Profile {
  readonly profileName: string
  readonly columns: string[]
  readonly dateOrder: DateOrder | null
}

/** All of them, by name. */
export async function findProfiles(db: Db): Promise<Profile[]> {
  const { rows } = await sql<Profile>`
    select profile_name, columns, date_order from import_profiles order by profile_name`.execute(db)
  return rows
}

async function findProfile(db: Db, profileName: string): Promise<Reading> {
  const { rows } = await sql<{ columns: string[]; dateOrder: DateOrder | null }>`
    select columns, date_order from import_profiles where profile_name = ${profileName}`.execute(db)
  const [found] = rows
  if (!found) {
    throw new DomainError('invalid-input', `There is no profile "${profileName}" by which a file is read.`)
  }
  return { columns: found.columns, dateOrder: found.dateOrder ?? undefined }
}

/**
 * Saves how a file is to be read, in place of what was saved under the name.
 *
 * @throws DomainError `invalid-input` when a column is not explained as `Member No=memberCode`
 */
export async function saveProfile(
  db: Db,
  profileName: string,
  { columns, dateOrder }: Reading,
  actor: Actor,
): Promise<Profile> {
  readColumnMap(memberFile, columns)
  const { rows } = await sql<Profile>`
    insert into import_profiles (profile_name, columns, date_order, saved_by)
    values (${profileName}, ${[...columns]}::text[], ${dateOrder ?? null}, ${actor.name})
    on conflict (profile_name) do update
    set columns = excluded.columns, date_order = excluded.date_order, saved_by = excluded.saved_by, saved_at = now()
    returning profile_name, columns, date_order`.execute(db)
  return rows[0] as Profile
}
