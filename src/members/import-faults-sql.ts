import type { RowFault } from './import-rules.ts'
import type { Client } from './import-session-sql.ts'

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

/** Rows without another fault of members who were erased: what they say must not come back. */
export async function insertFaultsOfTheErased(client: Client, reason: string): Promise<void> {
  await client.query(
    `insert into import_faults (line, column_name, value, reason)
    select r.line, 'memberCode', r.member_code, $1
    from import_rows r
    join members m using (member_code)
    where m.erased_at is not null and not exists (select from import_faults f where f.line = r.line)`,
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
