import { sql } from 'kysely'
import type { Db, Tx } from '../platform/database/connect.ts'
import { countContributions } from './contribution-sql.ts'
import { type CycleView, requireCycle } from './cycle-sql.ts'
import { countEligible, eligible } from './roster-sql.ts'

/** What the rows say of a cycle that is or was Active, asked afresh and without trusting the engine's own counts. */
export interface CycleProof {
  /** Members in standing at `eligibleAsOf`, without the deceased. */
  readonly eligibleMembers: number
  readonly contributions: number
  /** I1: members with more than one contribution. */
  readonly doubled: number
  /** I2: members in standing without a contribution, and contributions of nobody in standing. */
  readonly missing: number
  readonly unexpected: number
  /** I3: what the chunks were planned to hold, and how many contributions are in each state. */
  readonly planned: number
  readonly pending: number
  readonly paid: number
  readonly failed: number
  readonly waived: number
  /** Minor units that are paid, in whole or in part. */
  readonly collected: number
  /** Contributions of another amount or due date than their cycle's. */
  readonly differing: number
  /** Waived ones of members who have not died, and which nobody has waived. */
  readonly wronglyWaived: number
  readonly holds: boolean
}

/**
 * Proves I1, I2 and I3 of an Active or Completed cycle by query, that its counts are what the rows say, and that each contribution is
 * of its amount; all in one snapshot, for payments go on, and the dead are waived, while it is asked.
 *
 * @param db not in a transaction
 * @throws DomainError `cycle-not-found`
 */
export function proveCycle(db: Db, cycleId: string): Promise<CycleProof> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (tx) => prove(tx, await requireCycle(tx, cycleId)))
}

async function prove(tx: Tx, cycle: CycleView): Promise<CycleProof> {
  const { cycleId, totalMembers } = cycle
  const { rows } = await sql<Omit<CycleProof, 'eligibleMembers' | 'contributions' | 'holds'>>`
    select
      (select count(*) from (
        select from member_contributions where cycle_id = ${cycleId} group by member_id having count(*) > 1
      ) twice) as doubled,
      (select count(*) from ${eligible(cycle)} e where not exists (
        select from member_contributions mc where mc.cycle_id = ${cycleId} and mc.member_id = e.member_id
      )) as missing,
      (select count(*) from member_contributions mc where mc.cycle_id = ${cycleId} and not exists (
        select from ${eligible(cycle)} e where e.member_id = mc.member_id
      )) as unexpected,
      (select count(*) from member_contributions mc join members m using (member_id)
        where mc.cycle_id = ${cycleId} and mc.contribution_status = 'Waived' and m.member_status <> 'Deceased'
          and not exists (
            select from waivers w where w.cycle_id = mc.cycle_id and w.member_id = mc.member_id and w.undone_at is null
          )
      ) as wrongly_waived,
      (select coalesce(sum(expected), 0)::bigint from job_chunks where job_id = ${cycle.jobId}) as planned,
      count(*) filter (where contribution_status = 'Pending') as pending,
      count(*) filter (where contribution_status = 'Paid') as paid,
      count(*) filter (where contribution_status = 'Failed') as failed,
      count(*) filter (where contribution_status = 'Waived') as waived,
      coalesce(sum(paid_amount), 0)::bigint as collected,
      count(*) filter (
        where (contribution_amount, due_date) <> (${cycle.contributionAmount}::bigint, ${cycle.deadline}::date)
      ) as differing
    from member_contributions where cycle_id = ${cycleId}`.execute(tx)
  const found = rows[0] as (typeof rows)[0] & object
  const eligibleMembers = await countEligible(tx, cycle)
  const contributions = await countContributions(tx, cycleId)
  return {
    eligibleMembers,
    contributions,
    ...found,
    holds:
      found.doubled === 0 &&
      found.missing === 0 &&
      found.unexpected === 0 &&
      found.differing === 0 &&
      found.wronglyWaived === 0 &&
      contributions === totalMembers &&
      eligibleMembers === totalMembers &&
      found.planned === totalMembers &&
      found.pending === cycle.pendingMembers &&
      found.paid === cycle.paidMembers &&
      found.failed === cycle.failedMembers &&
      found.waived === cycle.waivedMembers &&
      found.collected === cycle.collectedAmount &&
      found.pending + found.paid + found.failed + found.waived === totalMembers,
  }
}
