import { type RawBuilder, sql } from 'kysely'
import { findMemberIds, isFound } from '../members/member-sql.ts'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { PlannedChunk } from '../platform/jobs/job-kind.ts'
import type { ContributionStatus, CycleStatus } from './cycle-rules.ts'
import { eligible, type Roster } from './roster-sql.ts'

/**
 * One chunk of contributions, in key order. No `on conflict`: the chunk's transaction makes it exactly once, and the
 * key is the alarm should it ever not.
 *
 * @returns rows written
 */
export async function insertContributions(
  tx: Tx,
  cycle: Roster & { cycleId: string; contributionAmount: number; deadline: string },
  range: PlannedChunk,
): Promise<number> {
  const { numAffectedRows } = await sql`
    insert into member_contributions (cycle_id, member_id, contribution_amount, due_date)
    select ${cycle.cycleId}::uuid, e.member_id, ${cycle.contributionAmount}::bigint, ${cycle.deadline}::date
    from ${eligible(cycle)} e
    where e.member_id between ${range.firstKey}::uuid and ${range.lastKey}::uuid
    order by e.member_id`.execute(tx)
  return Number(numAffectedRows)
}

/** @returns rows removed */
export async function deleteContributions(tx: Tx, cycleId: string, range: PlannedChunk): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from member_contributions
    where cycle_id = ${cycleId} and member_id between ${range.firstKey}::uuid and ${range.lastKey}::uuid
  `.execute(tx)
  return Number(numAffectedRows)
}

export async function countContributions(db: Db, cycleId: string): Promise<number> {
  const { rows } = await sql<{ contributions: number }>`
    select count(*) as contributions from member_contributions where cycle_id = ${cycleId}`.execute(db)
  return (rows[0] as { contributions: number }).contributions
}

/** Holds off every death until this transaction ends: whoever comes second sees the first. */
export async function lockDeaths(tx: Tx): Promise<void> {
  await sql`select lock_deaths()`.execute(tx)
}

/**
 * Waives what the dead owe in this cycle, under the deaths' lock; returns how many were waived. An array and not a join:
 * joined, every contribution was compared with every death as soon as the planner took the cycle to be small.
 */
export async function waiveTheDead(tx: Tx, cycleId: string): Promise<number> {
  const { numAffectedRows } = await sql`
    update member_contributions set contribution_status = 'Waived'
    where cycle_id = ${cycleId} and contribution_status = 'Pending'
      and member_id = any (array(select member_id from members where member_status = 'Deceased'))
  `.execute(tx)
  return Number(numAffectedRows)
}

/** Makes Pending again what was waived for a death that was none, in cycles that are Active, under the deaths' lock. What was waived by hand stays so. */
export async function demandAgain(tx: Tx, memberId: string): Promise<void> {
  await sql`
    with held as materialized (
      -- In the order in which payments lock them, so that nobody waits in a circle.
      select cycle_id from member_contributions
      where member_id = ${memberId} and contribution_status = 'Waived'
        and cycle_id in (select cycle_id from contribution_cycles where cycle_status = 'Active')
      order by cycle_id for update
    )
    update member_contributions mc set contribution_status = 'Pending'
    from held
    where mc.cycle_id = held.cycle_id and mc.member_id = ${memberId}
      and not exists (
        select from waivers w where w.cycle_id = mc.cycle_id and w.member_id = mc.member_id and w.undone_at is null
      )`.execute(tx)
}

/** Codes of the cycles in which the member owes a contribution, or will once they are Active. */
export async function findCyclesOwed(db: Db, memberId: string): Promise<string[]> {
  const { rows } = await sql<{ cycleCode: string }>`
    select c.cycle_code from contribution_cycles c
    where c.cycle_status = 'Active' and exists (
        select from member_contributions mc
        where mc.cycle_id = c.cycle_id and mc.member_id = ${memberId} and mc.contribution_status in ('Pending', 'Failed')
      )
      or c.cycle_status in ('Initializing', 'Failed') and exists (
        select from eligible_members(c.tier_id, c.eligible_as_of, c.deceased_member_id) e where e.member_id = ${memberId}
      )
    order by c.cycle_code`.execute(db)
  return rows.map(({ cycleCode }) => cycleCode)
}

export interface ContributionView {
  /** What members and agents quote: the cycle and the member, `CC-2026-00015/M-000123`. */
  contributionId: string
  memberId: string
  memberCode: string
  fullName: string
  agentId: string | null
  agentCode: string | null
  contributionAmount: number
  paidAmount: number
  contributionStatus: ContributionStatus
  /** Who has waived it by hand; null of one that is waived because of a death. */
  waivedBy: string | null
  dueDate: string
}

export interface AgentShare {
  /** Null for the members whom no agent looks after. */
  agentId: string | null
  agentCode: string | null
  fullName: string | null
  members: number
  pendingMembers: number
  expectedAmount: number
  paidAmount: number
}

/** What each agent has to collect in a cycle, by code; the waived is not asked for. */
export async function findAgentShares(
  db: Db,
  cycleId: string,
  filter: { agentId?: string | undefined },
): Promise<AgentShare[]> {
  const { rows } = await sql<AgentShare>`
    with shares as (
      select ${agentThen} as agent_id, count(*) as members,
        count(*) filter (where mc.contribution_status = 'Pending') as pending_members,
        coalesce(sum(mc.contribution_amount) filter (where mc.contribution_status <> 'Waived'), 0)::bigint as expected_amount,
        coalesce(sum(mc.paid_amount), 0)::bigint as paid_amount
      from member_contributions mc
      join members m using (member_id)
      ${beforeMove(cycleId)}
      where mc.cycle_id = ${cycleId} and ${isOfAgent(filter.agentId)}
      group by 1
    )
    select agent_id, a.agent_code, a.full_name, members, pending_members, expected_amount, paid_amount
    from shares left join agents a using (agent_id)
    order by a.agent_code nulls last`.execute(db)
  return rows
}

/** Who had the member before the first move since the cycle became Active, as `f`; most were never moved. */
const beforeMove = (cycleId: string) => sql`
  left join lateral (
    select v.member_id, v.agent_id from agent_moves v
    where v.member_id = mc.member_id
      and v.moved_at > (select activated_at from contribution_cycles where cycle_id = ${cycleId})
    order by v.moved_at limit 1
  ) f on true`

/** The agent of the member `m` as the cycle became Active, with `beforeMove`. */
const agentThen = sql`case when f.member_id is null then m.agent_id else f.agent_id end`

/** Whether the contribution `mc` is that agent's: of who has the members now or had them since, few are looked at. */
function isOfAgent(agentId: string | undefined): RawBuilder<unknown> {
  if (agentId === undefined) return sql`true`
  return sql`mc.member_id = any (array(
      select member_id from members where agent_id = ${agentId}
      union
      select member_id from agent_moves where agent_id = ${agentId}
    )) and ${agentThen} = ${agentId}`
}

/** Who has waived the contribution `mc` by hand. */
const waivedBy = sql`case when mc.contribution_status = 'Waived' then (
    select w.waived_by from waivers w where w.cycle_id = mc.cycle_id and w.member_id = mc.member_id and w.undone_at is null
  ) end`

/** Members that a search may find and still look up one by one. */
const searchedByKey = 2_000

export interface ContributionFilter {
  readonly status?: ContributionStatus | undefined
  readonly agentId?: string | undefined
  /** The beginnings of words of a name, or the beginning of a member's code. */
  readonly q?: string | undefined
}

/** A page of a cycle's contributions in the order of their key, after the given member. */
export async function findContributions(
  db: Db,
  cycleId: string,
  filter: ContributionFilter,
  page: { after?: string | undefined; limit: number },
): Promise<ContributionView[]> {
  // Few are looked up by their key. Of many the first are soon found on the way through the cycle.
  const found = filter.q === undefined ? undefined : await findMemberIds(db, filter.q, searchedByKey)
  // The planner would rather look up all who are found.
  const isWalked = filter.q !== undefined && found === undefined
  const { rows } = await sql<ContributionView>`
    select c.cycle_code || '/' || m.member_code as contribution_id,
      m.member_id, m.member_code, m.full_name, a.agent_id, a.agent_code,
      mc.contribution_amount, mc.paid_amount, mc.contribution_status, ${waivedBy} as waived_by, mc.due_date
    from member_contributions mc
    join contribution_cycles c using (cycle_id)
    join lateral (select * from members where member_id = mc.member_id ${isWalked ? sql`offset 0` : sql``}) m on true
    ${beforeMove(cycleId)}
    left join agents a on a.agent_id = ${agentThen}
    where mc.cycle_id = ${cycleId}
      and ${page.after === undefined ? sql`true` : sql`mc.member_id > ${page.after}::uuid`}
      and ${filter.status ? sql`mc.contribution_status = ${filter.status}` : sql`true`}
      and ${isOfAgent(filter.agentId)}
      and ${
        found
          ? sql`mc.member_id = any(${found}::uuid[])`
          : filter.q === undefined
            ? sql`true`
            : isFound(filter.q)
      }
    order by mc.member_id
    limit ${page.limit}`.execute(db)
  return rows
}

export interface ContributionOfMember
  extends Pick<
    ContributionView,
    'contributionId' | 'contributionAmount' | 'paidAmount' | 'contributionStatus' | 'waivedBy' | 'dueDate'
  > {
  cycleId: string
  cycleCode: string
  cycleStatus: CycleStatus
  currency: string
  currencyExponent: number
  deceasedFullName: string
  /** When the cycle was started. */
  createdAt: string
}

/** What a member was asked for in the cycles that became Active, newest cycle first: one look at the key a cycle. */
export async function findContributionsOfMember(
  db: Db,
  memberId: string,
  page: { before?: { createdAt: string; cycleId: string } | undefined; limit: number },
): Promise<ContributionOfMember[]> {
  const { before } = page
  const { rows } = await sql<ContributionOfMember>`
    select c.cycle_code || '/' || m.member_code as contribution_id, c.cycle_id, c.cycle_code, c.cycle_status, c.currency, c.currency_exponent,
      coalesce(cl.deceased_full_name, d.full_name) as deceased_full_name, mc.contribution_amount, mc.paid_amount, mc.contribution_status,
      ${waivedBy} as waived_by, mc.due_date, c.created_at
    from contribution_cycles c
    join member_contributions mc on mc.cycle_id = c.cycle_id and mc.member_id = ${memberId}
    join members m on m.member_id = mc.member_id
    join members d on d.member_id = c.deceased_member_id
    join claims cl using (claim_id)
    where c.cycle_status in ('Active', 'Completed')
      and ${before ? sql`(c.created_at, c.cycle_id) < (${before.createdAt}::timestamptz, ${before.cycleId}::uuid)` : sql`true`}
    order by c.created_at desc, c.cycle_id desc
    limit ${page.limit}`.execute(db)
  return rows
}
