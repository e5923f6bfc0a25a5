import { type Selectable, sql } from 'kysely'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { ImportChanges, Imports } from '../platform/database/schema.ts'

export type ImportRow = Selectable<Imports>

/** What an import changed of a member. */
export type ImportChange = Omit<Selectable<ImportChanges>, 'importId'> & { memberCode: string }

/** Imports, newest first. */
export async function findImports(db: Db, limit: number): Promise<ImportRow[]> {
  return db.selectFrom('imports').selectAll().orderBy('importedAt', 'desc').limit(limit).execute()
}

export async function hasImport(db: Db, importId: string): Promise<boolean> {
  const { rows } = await sql`select from imports where import_id = ${importId}`.execute(db)
  return rows.length > 0
}

/** Locks the import, so that nobody else undoes it before the transaction ends. */
export async function lockImport(tx: Tx, importId: string): Promise<ImportRow | undefined> {
  return tx.selectFrom('imports').selectAll().where('importId', '=', importId).forUpdate().executeTakeFirst()
}

/** A page of what an import changed, by the key of the members. */
export async function findImportChanges(
  db: Db,
  importId: string,
  page: { after?: string | undefined; limit: number },
): Promise<ImportChange[]> {
  const { rows } = await sql<ImportChange>`
    select member_id, member_code, before, after from import_changes join members using (member_id)
    where import_id = ${importId} and ${page.after === undefined ? sql`true` : sql`member_id > ${page.after}::uuid`}
    order by member_id limit ${page.limit}`.execute(db)
  return rows
}

/** Blocks other imports and starts of cycles until the transaction ends. */
export async function holdRegister(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(7231, 2)`.execute(tx)
  await sql`lock table contribution_cycles in share row exclusive mode`.execute(tx)
}

/** Cycles whose roster may have been read since the import, in the tiers that it touched. */
export async function findCyclesSince(tx: Tx, importId: string): Promise<string[]> {
  const { rows } = await sql<{ cycleCode: string }>`
    with touched as (
      select m.tier_id from members m join imports i on m.created_at = i.imported_at where i.import_id = ${importId}
      union
      select (t.tier ->> 'tierId')::uuid from import_changes c cross join lateral (values (c.before), (c.after)) as t (tier)
      where c.import_id = ${importId}
    )
    select c.cycle_code from contribution_cycles c join imports i on c.eligible_as_of >= i.imported_at
    where i.import_id = ${importId} and c.cycle_status <> 'Cancelled' and c.tier_id in (select tier_id from touched)
    order by c.cycle_code`.execute(tx)
  return rows.map(({ cycleCode }) => cycleCode)
}

/** Members who are no longer as the import left them, or for whom there is a claim: how many, and the first. */
export async function countChangedSince(
  tx: Tx,
  importId: string,
): Promise<{ members: number; first: string | null }> {
  const { rows } = await sql<{ members: number; first: string | null }>`
    select count(*) as members, min(member_code) as first
    from (
      select m.member_code from members m join imports i on m.created_at = i.imported_at
      where i.import_id = ${importId} and (m.updated_at <> m.created_at
        or exists (select from claims cl where cl.deceased_member_id = m.member_id))
      union all
      select m.member_code from import_changes c join members m using (member_id)
      where c.import_id = ${importId} and c.after <> importable(m)
    ) changed`.execute(tx)
  return rows[0] as { members: number; first: string | null }
}

export async function markUndone(tx: Tx, importId: string, undoneBy: string): Promise<void> {
  await sql`update imports set undone_at = now(), undone_by = ${undoneBy} where import_id = ${importId}`.execute(
    tx,
  )
}

/** Gives the members back what the import changed, and returns how many. */
export async function restoreMembers(tx: Tx, importId: string): Promise<number> {
  const { numAffectedRows } = await sql`
    update members m set
      full_name = c.before ->> 'fullName',
      tier_id = (c.before ->> 'tierId')::uuid,
      agent_id = (c.before ->> 'agentId')::uuid,
      member_status = c.before ->> 'memberStatus',
      joined_on = (c.before ->> 'joinedOn')::date,
      phone = c.before ->> 'phone',
      email = c.before ->> 'email',
      updated_at = now()
    from import_changes c where c.import_id = ${importId} and c.member_id = m.member_id`.execute(tx)
  return Number(numAffectedRows)
}

/** Removes the members that came with the import, with their standings, and returns how many. */
export async function removeMembers(tx: Tx, importId: string): Promise<number> {
  const { rows } = await sql<{ members: number }>`
    with removed as (
      delete from members m using imports i where i.import_id = ${importId} and m.created_at = i.imported_at
      returning m.member_id
    )
    select count(*) as members from removed`.execute(tx)
  await sql`
    delete from standings s using imports i
    where i.import_id = ${importId} and s.valid_from >= i.imported_at
      and not exists (select from members m where m.member_id = s.member_id)`.execute(tx)
  return (rows[0] as { members: number }).members
}

/** Removes what imports keep of an erased member. */
export async function blankImportChanges(tx: Tx, memberId: string): Promise<void> {
  await sql`update import_changes set before = '{}', after = '{}' where member_id = ${memberId}`.execute(tx)
}
