/** Who is eligible for a cycle. All of it asks `eligible_members`, where eligibility is said once. */
import { sql } from 'kysely'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { CycleStatus } from './cycle-rules.ts'

export interface Roster {
  readonly tierId: string
  /** RFC 3339 with microseconds, as the database gave it: never through a JavaScript Date. */
  readonly eligibleAsOf: string
  readonly deceasedMemberId: string
}

export const eligible = (roster: Roster) =>
  sql`eligible_members(${roster.tierId}::uuid, ${roster.eligibleAsOf}::timestamptz, ${roster.deceasedMemberId}::uuid)`

/** What the creation of a cycle's contributions needs of it, and no more: it is read for every chunk. */
export interface CycleOrder extends Roster {
  readonly cycleId: string
  readonly cycleCode: string
  readonly cycleStatus: CycleStatus
  /** Minor units; null until an apportioned amount has been reckoned. */
  readonly contributionAmount: number | null
  readonly targetAmount: number
  readonly deadline: string
}

/** @throws Error when there is no such cycle: cycles are never deleted */
export async function findOrder(tx: Tx, cycleId: string): Promise<CycleOrder> {
  return tx
    .selectFrom('contributionCycles')
    .select(['cycleId', 'cycleCode', 'cycleStatus', 'tierId', 'eligibleAsOf', 'deceasedMemberId'])
    .select(['contributionAmount', 'targetAmount', 'deadline'])
    .where('cycleId', '=', cycleId)
    .executeTakeFirstOrThrow()
}

/** @param limit counts no further than this */
export async function countEligible(db: Db, roster: Roster, limit?: number): Promise<number> {
  const { rows } = await sql<{ members: number }>`
    select count(*) as members
    from (select from ${eligible(roster)} ${limit === undefined ? sql`` : sql`limit ${limit}`}) counted
  `.execute(db)
  return (rows[0] as { members: number }).members
}

/** Members on the roster who joined later than the date, `YYYY-MM-DD`, by what the register says. */
export async function countJoinedAfter(db: Db, roster: Roster, date: string): Promise<number> {
  const { rows } = await sql<{ members: number }>`
    select count(*) as members
    from ${eligible(roster)} e join members m using (member_id)
    where m.joined_on > ${date}::date`.execute(db)
  return (rows[0] as { members: number }).members
}

/**
 * Whether the roster can no longer change: every transaction that may have stamped a change before the instant has
 * ended. An id that this server has not reached yet is from another cluster, so from before a restore: settled.
 */
export async function isSettled(tx: Tx, cycleId: string): Promise<boolean> {
  const { rows } = await sql<{ settled: boolean }>`
    select pg_snapshot_xmin(pg_current_snapshot()) >= settled_after or settled_after > pg_current_xact_id() as settled
    from contribution_cycles where cycle_id = ${cycleId}`.execute(tx)
  return rows[0]?.settled === true
}

export interface Exclusions {
  deceased: number
  notActive: number
  registeredAfter: number
}

/** Members of the tier who are not on the roster, by the first reason that applies. */
export async function countExclusions(db: Db, roster: Roster): Promise<Exclusions> {
  const { rows } = await sql<Exclusions>`
    with excluded as (
      select m.member_id, m.member_status, m.created_at from members m
      where m.tier_id = ${roster.tierId}
        and not exists (select from ${eligible(roster)} e where e.member_id = m.member_id)
    )
    select
      count(*) filter (where member_status = 'Deceased') as deceased,
      count(*) filter (where member_status <> 'Deceased' and created_at > ${roster.eligibleAsOf}) as registered_after,
      count(*) filter (where member_status <> 'Deceased' and created_at <= ${roster.eligibleAsOf}) as not_active
    from excluded`.execute(db)
  return rows[0] as Exclusions
}

export interface ReportedDead {
  memberCode: string
  fullName: string
  claimCode: string
}

/** Members on the roster for whom a claim is Submitted, by code. */
export async function findReportedDead(db: Db, roster: Roster, limit: number): Promise<ReportedDead[]> {
  const { rows } = await sql<ReportedDead>`
    select m.member_code, m.full_name, c.claim_code
    from claims c join members m on m.member_id = c.deceased_member_id
    where c.claim_status = 'Submitted' and exists (
      select from ${eligible(roster)} e where e.member_id = c.deceased_member_id
    )
    order by m.member_code
    limit ${limit}`.execute(db)
  return rows
}

export interface AgentShare {
  agentId: string
  agentCode: string
  fullName: string
  members: number
}

/** The agents with the most members on the roster, largest first. */
export async function findLargestAgents(db: Db, roster: Roster, limit: number): Promise<AgentShare[]> {
  const { rows } = await sql<AgentShare>`
    select a.agent_id, a.agent_code, a.full_name, shares.members
    from (
      select m.agent_id, count(*) as members
      from ${eligible(roster)} e join members m using (member_id)
      where m.agent_id is not null
      group by m.agent_id
    ) shares join agents a using (agent_id)
    order by shares.members desc, a.agent_code
    limit ${limit}`.execute(db)
  return rows
}
