import { isUniqueViolation } from '../platform/database/sql-state.ts'
import type { Actor } from '../platform/values/actor.ts'
import type { NewAgent } from './import-details-sql.ts'
import type { Client } from './import-session-sql.ts'
import type { GivenColumns } from './import-verdicts-sql.ts'

/** The rows that are not on the register, and those that change it. */
const rowsToWrite = `
  from import_rows r
  where r.member_code is not null
    and not exists (select from import_faults f where f.line = r.line)
    and not exists (select from import_verdicts v where v.line = r.line and v.verdict <> 'update')`

/** Missing tiers and agents that would be created for the rows to write. */
export interface Missing {
  /** Their codes. */
  readonly tiers: string[]
  readonly agents: NewAgent[]
}

/** The codes, in one pass, because there are many rows and few codes. */
export async function findMissing(client: Client): Promise<{ tiers: string[]; agents: string[] }> {
  const { rows } = await client.query<{ tiers: string[]; agents: string[] }>(`
    with wanted as materialized (select distinct r.tier_code, r.agent_code ${rowsToWrite})
    select
      array(
        select distinct tier_code from wanted w
        where not exists (select from tiers t where t.tier_code = w.tier_code) order by 1
      ) as tiers,
      array(
        select distinct agent_code from wanted w
        where agent_code is not null and not exists (select from agents a where a.agent_code = w.agent_code) order by 1
      ) as agents`)
  return rows[0] as { tiers: string[]; agents: string[] }
}

/** Creates them, tiers with their code as their name, and returns those that this import created. */
export async function insertMissing(client: Client, { tiers, agents }: Missing): Promise<Missing> {
  return {
    tiers: await insertTiers(client, tiers),
    agents: await insertAgents(client, agents),
  }
}

async function insertTiers(client: Client, codes: readonly string[]): Promise<string[]> {
  if (codes.length === 0) return []
  const { rows } = await client.query<{ code: string }>(
    `insert into tiers (tier_code, tier_name) select code, code from unnest($1::text[]) code
    on conflict do nothing returning tier_code as code`,
    [codes],
  )
  return rows.map(({ code }) => code)
}

async function insertAgents(client: Client, agents: readonly NewAgent[]): Promise<NewAgent[]> {
  if (agents.length === 0) return []
  const { rows } = await client.query<NewAgent>(
    `insert into agents (agent_code, full_name, email, phone)
    select a."agentCode", a."fullName", a.email, a.phone
    from jsonb_to_recordset($1) as a ("agentCode" text, "fullName" text, email text, phone text)
    on conflict do nothing returning agent_code as "agentCode", full_name as "fullName", email, phone`,
    [JSON.stringify(agents)],
  )
  return rows
}

/**
 * Inserts the rows that are not on the register, and returns how many: somebody else may have registered one of
 * them since the rows were judged. That is rare, and `on conflict` costs every row a second look, so it is tried without.
 */
export async function insertMembers(client: Client): Promise<number> {
  await client.query('savepoint before_members')
  try {
    return await insertMembersUnless(client, '')
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    await client.query('rollback to savepoint before_members')
    return insertMembersUnless(client, 'on conflict do nothing')
  }
}

async function insertMembersUnless(client: Client, onConflict: string): Promise<number> {
  const { rowCount } = await client.query(`
    insert into members (member_code, full_name, tier_id, agent_id, member_status, joined_on, phone, email)
    select r.member_code, r.full_name, t.tier_id, a.agent_id, r.member_status, r.joined_on, r.phone, r.email
    from import_rows r
    join tiers t using (tier_code)
    left join agents a using (agent_code)
    where r.member_code is not null
      and not exists (select from import_faults f where f.line = r.line)
      and not exists (select from import_verdicts v where v.line = r.line)
    ${onConflict}`)
  return rowCount ?? 0
}

/** Skips members who died since the rows were checked, unless the row has the same status and tier. */
export async function updateMembers(client: Client, given: GivenColumns): Promise<number> {
  const { rowCount } = await client.query(
    `update members m set
      full_name = r.full_name,
      tier_id = t.tier_id,
      agent_id = case when $1 and (r.agent_code is not null or $4) then a.agent_id else m.agent_id end,
      member_status = r.member_status,
      joined_on = r.joined_on,
      phone = case when $2 and (r.phone is not null or $4) then r.phone else m.phone end,
      email = case when $3 and (r.email is not null or $4) then r.email else m.email end,
      updated_at = now()
    from import_verdicts v
    join import_rows r using (line)
    join tiers t using (tier_code)
    left join agents a using (agent_code)
    where v.verdict = 'update' and m.member_id = v.member_id
      and m.erased_at is null and (m.member_status <> 'Deceased' or (r.member_status, t.tier_id) = ('Deceased', m.tier_id))`,
    [given.agentCode, given.phone, given.email, given.blankErases],
  )
  return rowCount ?? 0
}

/** The import itself; members that are inserted in its transaction have the same instant. */
export async function insertImport(
  client: Client,
  { fileDigest, actor }: { fileDigest: string; actor: Actor },
): Promise<string> {
  const { rows } = await client.query<{ import_id: string }>(
    `insert into imports (file_digest, imported_by, counts) values ($1, $2, '{}') returning import_id`,
    [fileDigest, actor.name],
  )
  return (rows[0] as { import_id: string }).import_id
}

export async function keepCounts(client: Client, importId: string, counts: object): Promise<void> {
  await client.query('update imports set counts = $2 where import_id = $1', [
    importId,
    JSON.stringify(counts),
  ])
}

/** The members that an update may change, locked until the import ends, so that only its own changes are recorded. */
export async function noteBefore(client: Client): Promise<void> {
  await client.query('create temp table import_before (member_id uuid, before jsonb)')
  await client.query(`
    insert into import_before
    select m.member_id, importable(m)
    from import_verdicts v join members m using (member_id) where v.verdict = 'update'
    for update of m`)
}

/** The members afterwards, if they have changed. */
export async function keepChanges(client: Client, importId: string): Promise<void> {
  await client.query(
    `insert into import_changes (import_id, member_id, before, after)
    select $1, b.member_id, b.before, importable(m)
    from import_before b join members m using (member_id) where b.before <> importable(m)`,
    [importId],
  )
}

/** The import as one event: there are too many members for an event each. */
export async function insertImportEvent(
  client: Client,
  importId: string,
  actor: Actor,
  counts: object,
): Promise<void> {
  await client.query(
    `insert into events (event_name, subject, payload, actor, role, via, address, request_id)
    values ('MembersImported', $1, $2, $3, $4, $5, $6, $7)`,
    [importId, JSON.stringify(counts), actor.name, actor.role, actor.via, actor.address, actor.requestId],
  )
}

/** Planning a cycle reads the index of the standings alone, which works only after a vacuum. */
export async function vacuumRegister(client: Client): Promise<void> {
  await client.query('vacuum (analyze) members, standings')
}
