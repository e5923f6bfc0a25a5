import type { Client } from './import-session-sql.ts'
import type { RowFault } from './row-check-rules.ts'

export async function createFaults(client: Client): Promise<void> {
  await client.query(`
    create temp table import_faults (
      line integer not null,
      fault_no integer not null generated always as identity,
      column_name text,
      value text,
      reason text not null,
      -- What the reasons of one kind share; null: the reason itself.
      kind text
    );
    create temp table import_warnings (like import_faults including identity)`)
}

export async function insertFaultsOfRows(client: Client): Promise<void> {
  for (const [table, isWarning] of [
    ['import_faults', false],
    ['import_warnings', true],
  ] as const) {
    await client.query(
      `insert into ${table} (line, column_name, value, reason)
      select r.line, fault ->> 'column', fault ->> 'value', fault ->> 'reason'
      from import_rows r, jsonb_array_elements(r.faults) with ordinality as f (fault, nth)
      where r.faults is not null and (fault -> 'isWarning')::boolean = $1
      order by r.line, nth`,
      [isWarning],
    )
  }
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
 * Codes of tiers and agents that differ from one that is there, or from the first in the file, in capitals or leading zeros only:
 * they are taken as that one, with a warning. `%s` in the reason becomes it.
 */
export async function takeTwinsAsOne(client: Client, reason: string): Promise<void> {
  for (const [column, name, table] of [
    ['tier_code', 'tier', 'tiers'],
    ['agent_code', 'agentCode', 'agents'],
  ] as const) {
    await client.query(
      `with written as materialized (
        select ${column} as code, min(line) as line from import_rows where ${column} is not null group by 1
      ), wanted as (
        select code, code_key(code) as key, line from written
      ), twins as (
        select w.code, coalesce(
          (select ${column} from ${table} t where code_key(t.${column}) = w.key order by t.${column} <> w.code limit 1),
          first_value(w.code) over (partition by w.key order by w.line)
        ) as taken
        from wanted w
      ), changed as (
        update import_rows r set ${column} = taken from twins where ${column} = code and taken <> code
        returning line, code, taken
      )
      insert into import_warnings (line, column_name, value, reason, kind)
      select line, '${name}', code, format($1, taken), $1 from changed order by line`,
      [reason],
    )
  }
}

/** Rows of new members with a retired tier or agent. */
export async function insertFaultsOfRetired(client: Client, reason: string): Promise<void> {
  await client.query(
    `insert into import_faults (line, column_name, value, reason)
    select r.line, case when t.tier_id is not null then 'tier' else 'agentCode' end, coalesce(t.tier_code, a.agent_code), $1
    from import_rows r
    left join tiers t on t.tier_code = r.tier_code and t.retired_at is not null
    left join agents a on a.agent_code = r.agent_code and a.retired_at is not null
    where (exists (select from tiers where retired_at is not null) or exists (select from agents where retired_at is not null))
      and (t.tier_id is not null or a.agent_id is not null)
      and not exists (select from members m where m.member_code = r.member_code)`,
    [reason],
  )
}

/** Rows of members who would become Deceased; only a claim may do that. */
export async function insertFaultsOfDeaths(client: Client, reason: string): Promise<void> {
  await client.query(
    `insert into import_faults (line, column_name, value, reason)
    select r.line, 'status', r.member_status, $1
    from import_rows r
    where r.member_status = 'Deceased'
      and not exists (select from members m where m.member_code = r.member_code and m.member_status = 'Deceased')`,
    [reason],
  )
}

/** Rows of members who are on the register by a code that differs in capitals or leading zeros only. `%s` becomes it. */
export async function insertFaultsOfTwins(client: Client, reason: string): Promise<void> {
  await client.query(
    `insert into import_faults (line, column_name, value, reason, kind)
    select r.line, 'memberCode', r.member_code, format($1, m.member_code), $1
    from import_rows r
    join members m on code_key(m.member_code) = code_key(r.member_code) and m.member_code <> r.member_code
    where r.member_code is not null
      and not exists (select from members same where same.member_code = r.member_code)`,
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

/** Rows without another fault of members who were erased: their data must not come back. */
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

/** Of the rows without another fault, the first with a code counts. The places in the reasons become its code and its line. */
export async function insertFaultsOfRepeats(
  client: Client,
  reasons: { readonly same: string; readonly twin: string },
): Promise<void> {
  const isGood =
    'r.member_code is not null and not exists (select from import_faults f where f.line = r.line)'
  // Mostly there are none, so the rows are read once.
  const { rowCount } = await client.query(`
    create temp table import_repeats as
    select code_key(r.member_code) as key, min(r.line) as first_line from import_rows r
    where ${isGood} group by 1 having count(*) > 1`)
  if (rowCount === 0) return
  await client.query(
    `insert into import_faults (line, column_name, value, reason, kind)
    select r.line, 'memberCode', r.member_code,
      case when r.member_code = first.member_code then format($1, p.first_line)
        else format($2, first.member_code, p.first_line) end,
      case when r.member_code = first.member_code then $1 else $2 end
    from import_rows r
    join import_repeats p on p.key = code_key(r.member_code)
    join import_rows first on first.line = p.first_line
    where ${isGood} and r.line > p.first_line`,
    [reasons.same, reasons.twin],
  )
}

export async function orderFaults(client: Client): Promise<void> {
  await client.query(
    'create index on import_faults (line, fault_no); create index on import_warnings (line, fault_no)',
  )
  // There are as many rows as the file has; without faults none is looked up.
  const { rows } = await client.query<{ found: boolean }>(
    'select exists (select from import_faults) or exists (select from import_warnings) as found',
  )
  if (rows[0]?.found) await client.query('create index on import_rows (line)')
}

/** A fault of the file, with its row as written. */
export interface FoundFault extends RowFault {
  readonly faultNo: number
  /** In the order of `memberColumns`. */
  readonly written: readonly (string | null)[]
}

/** The next faults and warnings by line, after the given one; a warning of a row that has a fault is left out. */
export async function findFaults(
  client: Client,
  after: { line: number; faultNo: number },
  limit: number,
): Promise<FoundFault[]> {
  const { rows } = await client.query<FoundFault>(
    `select f.line, column_name as column, value, reason, fault_no as "faultNo", is_warning as "isWarning",
      coalesce(written, jsonb_build_array(member_code, full_name, tier_code, agent_code, member_status, joined_on, phone, email,
          agent_name, agent_email, agent_phone))
        as written
    from (
      (select *, false as is_warning from import_faults where (line, fault_no) > ($1::integer, $2::integer)
        order by line, fault_no limit $3)
      union all
      (select *, true from import_warnings w where (line, fault_no) > ($1::integer, $2::integer)
        and not exists (select from import_faults f where f.line = w.line)
        order by line, fault_no limit $3)
    ) f
    join import_rows r on r.line = f.line
    order by f.line, fault_no
    limit $3`,
    [after.line, after.faultNo, limit],
  )
  return rows
}

/** Faults of one kind in one entry: how often, and where first. */
export interface FaultGroup {
  readonly column: string | null
  /** Of the first. */
  readonly reason: string
  readonly isWarning: boolean
  readonly rows: number
  readonly examples: { readonly line: number; readonly value: string | null }[]
}

/** By how many rows they concern. Reasons are of one kind when they differ only in the values that they name. */
export async function groupFaults(client: Client, examples: number): Promise<FaultGroup[]> {
  const { rows } = await client.query<FaultGroup>(
    `select column_name as column, (array_agg(reason order by line))[1] as reason, is_warning as "isWarning",
      count(distinct line)::integer as rows,
      to_jsonb((array_agg(jsonb_build_object('line', line, 'value', value) order by line))[1:$1]) as examples
    from (
      select *, false as is_warning from import_faults
      union all
      select *, true from import_warnings w where not exists (select from import_faults f where f.line = w.line)
    ) f
    group by column_name, is_warning, coalesce(kind, reason)
    order by is_warning, rows desc, column_name, reason`,
    [examples],
  )
  return rows
}
