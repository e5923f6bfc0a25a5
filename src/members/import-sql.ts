import type { Writable } from 'node:stream'
import type pg from 'pg'
import { from } from 'pg-copy-streams'
import { isUniqueViolation } from '../platform/database/sql-state.ts'
import type { Actor } from '../platform/values/actor.ts'
import type { CheckedRow, RowFault } from './import-rules.ts'
import { memberColumns } from './member-csv.ts'

/** One connection, for the temporary tables are its own and go with it. */
type Client = pg.ClientBase

/** The pool bounds every statement, but copying a large file or writing it may take minutes. */
export async function unboundStatements(client: Client): Promise<void> {
  await client.query('set statement_timeout = 0')
}

/** Sorts and hashes of a million rows, in memory; only one import works at a time. */
export async function allowSortMemory(client: Client): Promise<void> {
  await client.query(`set work_mem = '64MB'`)
}

export async function findBackendPid(client: Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return (rows[0] as { pid: number }).pid
}

/** Ends the statement that the connection runs, if any. */
export async function cancelBackend(pool: pg.Pool, pid: number): Promise<void> {
  await pool.query('select pg_cancel_backend($1)', [pid])
}

export async function findTimeZone(client: Client): Promise<string> {
  const { rows } = await client.query<{ time_zone: string }>('select time_zone from fund')
  return (rows[0] as { time_zone: string }).time_zone
}

/** The file's rows. Those with faults of their own have no values but tier and agent, which are then checked too. */
export async function createRows(client: Client): Promise<void> {
  await client.query(`
    create temp table import_rows (
      line integer not null,
      member_code text,
      full_name text,
      tier_code text,
      agent_code text,
      member_status text,
      joined_on date,
      phone text,
      email text,
      faults jsonb
    )`)
}

export async function createFaults(client: Client): Promise<void> {
  await client.query(`
    create temp table import_faults (
      line integer not null,
      fault_no integer not null generated always as identity,
      column_name text,
      value text,
      reason text not null
    )`)
}

/** What becomes of the rows whose members are on the register; those without a verdict are new. */
export async function createVerdicts(client: Client): Promise<void> {
  await client.query(`
    create temp table import_verdicts (
      line integer not null,
      member_id uuid not null,
      verdict text not null
    )`)
}

/** Takes what `copyLine` writes. */
export function copyRows(client: Client): Writable {
  return client.query(
    from(`
      copy import_rows
        (line, member_code, full_name, tier_code, agent_code, member_status, joined_on, phone, email, faults)
      from stdin`),
  )
}

/** A checked row in the text format of COPY. */
export function copyLine(row: CheckedRow): string {
  const faulty = row.faults.length > 0
  let text = String(row.line)
  row.values.forEach((value, index) => {
    const kept = !faulty || index === tierIndex || index === agentIndex
    text += kept && value !== null ? `\t${escaped(value)}` : '\t\\N'
  })
  return `${text}\t${faulty ? escaped(JSON.stringify(row.faults)) : '\\N'}\n`
}

const tierIndex = memberColumns.indexOf('tier')
const agentIndex = memberColumns.indexOf('agentCode')

function escaped(value: string): string {
  return value.includes('\\') ? value.replaceAll('\\', '\\\\') : value
}

export async function analyzeRows(client: Client): Promise<void> {
  await client.query('analyze import_rows')
}

export async function analyzeVerdicts(client: Client): Promise<void> {
  await client.query('analyze import_verdicts')
}

export async function begin(client: Client): Promise<void> {
  await client.query('begin')
}

export async function commit(client: Client): Promise<void> {
  await client.query('commit')
}

/** Waits for another import, so that it cannot write between this one's checks and its own writing. */
export async function lockImports(client: Client): Promise<void> {
  await client.query('select pg_advisory_xact_lock(7231, 2)')
}

export async function insertFaultsOfRows(client: Client): Promise<void> {
  await client.query(`
    insert into import_faults (line, column_name, value, reason)
    select r.line, fault ->> 'column', fault ->> 'value', fault ->> 'reason'
    from import_rows r, jsonb_array_elements(r.faults) with ordinality as f (fault, nth)
    where r.faults is not null
    order by r.line, nth`)
}

export async function insertFaultsOfTiers(client: Client, reason: string): Promise<void> {
  await client.query(
    `insert into import_faults (line, column_name, value, reason)
    select r.line, 'tier', r.tier_code, $1
    from import_rows r
    where r.tier_code is not null and not exists (select from tiers t where t.tier_code = r.tier_code)`,
    [reason],
  )
}

export async function insertFaultsOfAgents(client: Client, reason: string): Promise<void> {
  await client.query(
    `insert into import_faults (line, column_name, value, reason)
    select r.line, 'agentCode', r.agent_code, $1
    from import_rows r
    where r.agent_code is not null and not exists (select from agents a where a.agent_code = r.agent_code)`,
    [reason],
  )
}

/**
 * Rows without another fault that would bring somebody back who is dead, or move them to another tier: a cycle is of
 * the tier its deceased was in.
 */
export async function insertFaultsOfTheDead(client: Client, reason: string): Promise<void> {
  await client.query(
    `insert into import_faults (line, column_name, value, reason)
    select r.line,
      case when r.member_status <> 'Deceased' then 'status' else 'tier' end,
      case when r.member_status <> 'Deceased' then r.member_status else r.tier_code end,
      $1
    from import_rows r
    join members m using (member_code)
    join tiers t using (tier_id)
    where m.member_status = 'Deceased' and (r.member_status, r.tier_code) <> ('Deceased', t.tier_code)
      and not exists (select from import_faults f where f.line = r.line)`,
    [reason],
  )
}

/** Of the rows without another fault, the first with a code counts. `%s` in the reason becomes its line. */
export async function insertFaultsOfRepeats(client: Client, reason: string): Promise<void> {
  await client.query(
    `with good as (
      select r.line, r.member_code from import_rows r
      where r.member_code is not null and not exists (select from import_faults f where f.line = r.line)
    ), repeated as (
      select member_code, min(line) as first_line from good group by member_code having count(*) > 1
    )
    insert into import_faults (line, column_name, value, reason)
    select g.line, 'memberCode', g.member_code, format($1, p.first_line)
    from good g join repeated p using (member_code)
    where g.line > p.first_line`,
    [reason],
  )
}

/** Which of the columns that a file may leave out are there; the others are not compared, nor written. */
export interface GivenColumns {
  readonly agentCode: boolean
  readonly phone: boolean
  readonly email: boolean
}

export async function insertVerdicts(
  client: Client,
  onDuplicate: 'skip' | 'update',
  given: GivenColumns,
): Promise<void> {
  await client.query(
    `insert into import_verdicts (line, member_id, verdict)
    select r.line, m.member_id,
      case
        when (r.full_name, r.tier_code, r.member_status, r.joined_on)
            = (m.full_name, t.tier_code, m.member_status, m.joined_on)
          and (not $2 or r.agent_code is not distinct from a.agent_code)
          and (not $3 or r.phone is not distinct from m.phone)
          and (not $4 or r.email is not distinct from m.email) then 'unchanged'
        else $1
      end
    from import_rows r
    join members m using (member_code)
    join tiers t using (tier_id)
    left join agents a using (agent_id)
    where r.member_code is not null and not exists (select from import_faults f where f.line = r.line)`,
    [onDuplicate, given.agentCode, given.phone, given.email],
  )
}

/** The rows that are not on the register, and those that change it. */
const rowsToWrite = `
  from import_rows r
  where r.member_code is not null
    and not exists (select from import_faults f where f.line = r.line)
    and not exists (select from import_verdicts v where v.line = r.line and v.verdict <> 'update')`

const missingTiers = `
  select tier_code as code from (select distinct r.tier_code ${rowsToWrite}) wanted
  where not exists (select from tiers t where t.tier_code = wanted.tier_code)`

const missingAgents = `
  select agent_code as code from (select distinct r.agent_code ${rowsToWrite}) wanted
  where agent_code is not null and not exists (select from agents a where a.agent_code = wanted.agent_code)`

export async function countMissingTiers(client: Client): Promise<number> {
  const { rowCount } = await client.query(missingTiers)
  return rowCount ?? 0
}

export async function countMissingAgents(client: Client): Promise<number> {
  const { rowCount } = await client.query(missingAgents)
  return rowCount ?? 0
}

export async function insertMissingTiers(client: Client): Promise<number> {
  const { rowCount } = await client.query(`
    insert into tiers (tier_code, tier_name)
    select code, code from (${missingTiers}) missing order by code
    on conflict do nothing`)
  return rowCount ?? 0
}

export async function insertMissingAgents(client: Client): Promise<number> {
  const { rowCount } = await client.query(`
    insert into agents (agent_code, full_name)
    select code, code from (${missingAgents}) missing order by code
    on conflict do nothing`)
  return rowCount ?? 0
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

/** Leaves alone who has died since the rows were judged, unless the row says so too, and of the same tier. */
export async function updateMembers(client: Client, given: GivenColumns): Promise<number> {
  const { rowCount } = await client.query(
    `update members m set
      full_name = r.full_name,
      tier_id = t.tier_id,
      agent_id = case when $1 then a.agent_id else m.agent_id end,
      member_status = r.member_status,
      joined_on = r.joined_on,
      phone = case when $2 then r.phone else m.phone end,
      email = case when $3 then r.email else m.email end,
      updated_at = now()
    from import_verdicts v
    join import_rows r using (line)
    join tiers t using (tier_code)
    left join agents a using (agent_code)
    where v.verdict = 'update' and m.member_id = v.member_id
      and (m.member_status <> 'Deceased' or (r.member_status, t.tier_id) = ('Deceased', m.tier_id))`,
    [given.agentCode, given.phone, given.email],
  )
  return rowCount ?? 0
}

export interface Outcome {
  readonly faulty: number
  readonly update: number
  readonly unchanged: number
  readonly skip: number
}

/** How many rows there are of each kind; the others are new. A row that has both a verdict and a fault is faulty. */
export async function countOutcome(client: Client): Promise<Outcome> {
  const { rows } = await client.query<Outcome>(`
    select
      (select count(distinct line)::integer from import_faults) as faulty,
      (count(*) filter (where verdict = 'update'))::integer as update,
      (count(*) filter (where verdict = 'unchanged'))::integer as unchanged,
      (count(*) filter (where verdict = 'skip'))::integer as skip
    from import_verdicts v
    where not exists (select from import_faults f where f.line = v.line)`)
  return rows[0] as Outcome
}

/** The import as one event: its members are too many to have one each. */
export async function insertImportEvent(client: Client, actor: Actor, counts: object): Promise<void> {
  await client.query(
    `insert into events (event_name, payload, actor, role, via, address, request_id)
    values ('MembersImported', $1, $2, $3, $4, $5, $6)`,
    [JSON.stringify(counts), actor.name, actor.role, actor.via, actor.address, actor.requestId],
  )
}

export async function orderFaults(client: Client): Promise<void> {
  await client.query('create index on import_faults (line, fault_no)')
}

/** The next faults by line, after the given one. */
export async function findFaults(
  client: Client,
  after: { line: number; faultNo: number },
  limit: number,
): Promise<(RowFault & { faultNo: number })[]> {
  const { rows } = await client.query<RowFault & { faultNo: number }>(
    `select line, column_name as column, value, reason, fault_no as "faultNo"
    from import_faults
    where (line, fault_no) > ($1::integer, $2::integer)
    order by line, fault_no
    limit $3`,
    [after.line, after.faultNo, limit],
  )
  return rows
}

/** Planning a cycle reads the index of the standings alone, and can do so only where vacuum has been. */
export async function vacuumRegister(client: Client): Promise<void> {
  await client.query('vacuum (analyze) members, standings')
}
