import type { Client } from './import-session-sql.ts'
import type { MemberStatus } from './member-rules.ts'

/** The verdict for rows whose members are on the register; rows without one are new. */
export async function createVerdicts(client: Client): Promise<void> {
  await client.query(`
    create temp table import_verdicts (
      line integer not null,
      member_id uuid not null,
      verdict text not null
    )`)
}

export async function analyzeVerdicts(client: Client): Promise<void> {
  await client.query('analyze import_verdicts')
}

/** Which of the optional columns the file has; the others are not compared, nor written. */
export interface GivenColumns {
  readonly agentCode: boolean
  readonly phone: boolean
  readonly email: boolean
  /** Whether an empty cell erases the value on the register; otherwise it is kept. */
  readonly blankErases: boolean
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
          and (not $2 or r.agent_code is not distinct from a.agent_code or r.agent_code is null and not $5)
          and (not $3 or r.phone is not distinct from m.phone or r.phone is null and not $5)
          and (not $4 or r.email is not distinct from m.email or r.email is null and not $5) then 'unchanged'
        else $1
      end
    from import_rows r
    join members m using (member_code)
    join tiers t using (tier_id)
    left join agents a using (agent_id)
    where r.member_code is not null and not exists (select from import_faults f where f.line = r.line)`,
    [onDuplicate, given.agentCode, given.phone, given.email, given.blankErases],
  )
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

/** How many members the register has before the import, and the share of them (percent) whose status one person may change by it. */
export async function findRegisterSize(client: Client): Promise<{ members: number; percent: number }> {
  const { rows } = await client.query<{ members: number; percent: number }>(`
    select (select count(*)::integer from members) as members, import_status_limit_percent as percent from fund`)
  return rows[0] as { members: number; percent: number }
}

/** How many members get another status, or come on the register with one (`from` is null). */
export interface StatusChange {
  readonly from: MemberStatus | null
  readonly to: MemberStatus
  readonly members: number
}

/** How the rows to write change the status of members, the most frequent change first. */
export async function countStatusChanges(client: Client): Promise<StatusChange[]> {
  const { rows } = await client.query<StatusChange>(`
    select m.member_status as from, r.member_status as to, count(*)::integer as members
    from import_rows r
    left join import_verdicts v using (line)
    left join members m on m.member_id = v.member_id
    where r.member_code is not null
      and not exists (select from import_faults f where f.line = r.line)
      and (v.verdict is null or v.verdict = 'update' and m.member_status <> r.member_status)
    group by 1, 2 order by members desc, 1, 2`)
  return rows
}
