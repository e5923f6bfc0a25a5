/** Who pays, what they owe, and what their money is for. */
import { sql } from 'kysely'
import type { CycleStatus } from '../cycles/cycle-rules.ts'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { OpenContribution } from './payment-rules.ts'
import type { PaymentLine } from './payment-sql.ts'

export interface Payer {
  memberId: string
  memberCode: string
  memberStatus: 'Active' | 'Deceased' | 'Inactive' | 'Suspended'
  agentId: string | null
  erasedAt: string | null
}

/** Those of the members who are on the register, in the order of their keys. */
export async function findPayers(db: Db, memberIds: readonly string[]): Promise<Payer[]> {
  return db
    .selectFrom('members')
    .select(['memberId', 'memberCode', 'memberStatus', 'agentId', 'erasedAt'])
    .where('memberId', 'in', [...memberIds])
    .orderBy('memberId')
    .execute()
}

/** Cycles that are Active and for which one of the members has a contribution. */
export async function findCyclesOf(db: Db, memberIds: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ cycleId: string }>`
    select c.cycle_id from contribution_cycles c
    where c.cycle_status = 'Active' and exists (
      select from member_contributions mc where mc.cycle_id = c.cycle_id and mc.member_id = any(${[...memberIds]}::uuid[])
    )`.execute(db)
  return rows.map(({ cycleId }) => cycleId)
}

/**
 * What the members still owe in these cycles, as far as they are Active. Nobody else pays or waives it until the transaction ends. The
 * caller holds the cycles.
 */
export async function lockOwed(
  tx: Tx,
  memberIds: readonly string[],
  cycleIds: readonly string[],
): Promise<OpenContribution[]> {
  const { rows } = await sql<OpenContribution & { isOpen: boolean }>`
    select mc.cycle_id, mc.contribution_amount - mc.paid_amount as owed, mc.due_date, c.created_at,
      c.cycle_status = 'Active' and mc.contribution_status in ('Pending', 'Failed') as is_open
    from member_contributions mc
    -- Looked up one by one, for the planner knows nothing of a cycle that has just begun.
    cross join lateral (select created_at, cycle_status from contribution_cycles where cycle_id = mc.cycle_id offset 0) c
    where mc.cycle_id = any(${[...cycleIds]}::uuid[]) and mc.member_id = any(${[...memberIds]}::uuid[])
    order by mc.cycle_id, mc.member_id for update of mc`.execute(tx)
  return rows.filter(({ isOpen }) => isOpen)
}

/** The cycle that a payment names: no more of it than is looked at for every payment. */
export async function findNamedCycle(
  db: Db,
  cycleId: string,
): Promise<{ cycleCode: string; cycleStatus: CycleStatus } | undefined> {
  return db
    .selectFrom('contributionCycles')
    .select(['cycleCode', 'cycleStatus'])
    .where('cycleId', '=', cycleId)
    .executeTakeFirst()
}

export interface AllocatedLine {
  lineNo: number
  memberId: string
  /** Null: it goes to the wallet. */
  cycleId: string | null
  amount: number
}

/**
 * Shares the lines of members out over what they owe in Active cycles: `allocate` of the rules for a set. The lines of a member, and what
 * the member owes, are laid end to end; where the two overlap, the one pays the other.
 *
 * @param lines in the order in which they came
 * @param cycleIds the cycles that the caller holds: one that becomes Active meanwhile is paid by the next payment
 */
export async function allocateLines(
  db: Db,
  lines: readonly PaymentLine[],
  cycleIds: readonly string[],
): Promise<AllocatedLine[]> {
  const rows = lines.map(({ memberId, amount, cycleId }, lineNo) => ({
    line_no: lineNo,
    member_id: memberId,
    amount,
    cycle_id: cycleId,
  }))
  const { rows: allocated } = await sql<AllocatedLine>`
    with lines as (
      select line_no, member_id, amount, cycle_id
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as l (line_no bigint, member_id uuid, amount bigint, cycle_id uuid)
    ),
    owed as (
      select l.member_id, c.cycle_id, mc.due_date, date_trunc('milliseconds', c.created_at) as created_at,
        mc.contribution_amount - mc.paid_amount as owed
      from (select distinct member_id from lines) l
      join contribution_cycles c on c.cycle_status = 'Active' and c.cycle_id = any(${[...cycleIds]}::uuid[])
      -- Looked up one by one: of a cycle that has just begun the planner knows nothing, and would read all of it.
      cross join lateral (
        select due_date, contribution_amount, paid_amount from member_contributions
        where cycle_id = c.cycle_id and member_id = l.member_id and contribution_status in ('Pending', 'Failed')
        offset 0
      ) mc
    ),
    named as (
      select l.line_no, l.member_id, l.cycle_id,
        greatest(0, least(l.amount, o.owed - (sum(l.amount) over (partition by l.member_id, l.cycle_id order by l.line_no) - l.amount))) as share
      from lines l join owed o using (member_id, cycle_id)
    ),
    lines_left as (
      select l.line_no, l.member_id, l.amount - coalesce(n.share, 0) as amount,
        sum(l.amount - coalesce(n.share, 0)) over (partition by l.member_id order by l.line_no) as ends_at
      from lines l left join named n using (line_no)
    ),
    owed_left as (
      select o.member_id, o.cycle_id, o.owed - coalesce(n.share, 0) as owed,
        sum(o.owed - coalesce(n.share, 0)) over (partition by o.member_id order by o.due_date, o.created_at, o.cycle_id) as ends_at
      from owed o
      left join (select member_id, cycle_id, sum(share) as share from named group by 1, 2) n using (member_id, cycle_id)
    ),
    shares as (
      select line_no, member_id, cycle_id, share from named where share > 0
      union all
      select l.line_no, l.member_id, o.cycle_id,
        least(l.ends_at, o.ends_at) - greatest(l.ends_at - l.amount, o.ends_at - o.owed)
      from lines_left l join owed_left o using (member_id)
      where least(l.ends_at, o.ends_at) > greatest(l.ends_at - l.amount, o.ends_at - o.owed)
    ),
    allocated as (
      select line_no, member_id, cycle_id, sum(share) as amount from shares group by 1, 2, 3
      union all
      select l.line_no, l.member_id, null, l.amount - coalesce(s.share, 0)
      from lines l left join (select line_no, sum(share) as share from shares group by 1) s using (line_no)
      where l.amount > coalesce(s.share, 0)
    )
    select line_no, member_id, cycle_id, amount::bigint from allocated
    order by line_no, cycle_id nulls last`.execute(db)
  return allocated
}

/** Which of the members the cycle asks, or has asked. */
export async function findAsked(db: Db, cycleId: string, memberIds: readonly string[]): Promise<string[]> {
  const rows = await db
    .selectFrom('memberContributions')
    .select('memberId')
    .where('cycleId', '=', cycleId)
    .where('memberId', 'in', [...memberIds])
    .execute()
  return rows.map(({ memberId }) => memberId)
}
