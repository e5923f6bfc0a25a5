import { type Insertable, type Selectable, sql } from 'kysely'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { ContributionCycles } from '../platform/database/schema.ts'
import type { JobStatus } from '../platform/jobs/job-rules.ts'
import { DomainError } from '../platform/values/errors.ts'
import type { CycleStatus } from './cycle-rules.ts'

/** A cycle as the API shows it: with what it is for, and with its job. */
export type CycleView = Omit<Selectable<ContributionCycles>, 'settledAfter'> & {
  claimCode: string
  tierCode: string
  deceasedMemberCode: string
  deceasedFullName: string
  jobStatus: JobStatus | null
  jobProgress: number
  jobStartedAt: string | null
  jobCompletedAt: string | null
  jobError: string | null
  jobHoldReason: string | null
}

/** What the cycle's row says of the moment it became Active, and what the tallies have added since. */
const countedSince = (column: string, tally: string) =>
  sql`(${sql.ref(`c.${column}`)} + coalesce(${sql.ref(`since.${tally}`)}, 0))::bigint as ${sql.ref(column)}`

const cycleViews = sql`
  select c.cycle_id, c.cycle_code, c.claim_id, cl.claim_code, c.tier_id, t.tier_code,
    c.deceased_member_id, d.member_code as deceased_member_code, coalesce(cl.deceased_full_name, d.full_name) as deceased_full_name,
    c.cycle_status, c.strategy, c.currency, c.currency_exponent, c.contribution_amount, c.target_amount,
    c.time_zone, c.start_date, c.deadline, c.deadline_at, c.eligible_as_of, c.failure_reason,
    c.total_members, ${countedSince('pending_members', 'pending')}, ${countedSince('paid_members', 'paid')},
    ${countedSince('failed_members', 'failed')}, ${countedSince('waived_members', 'waived')},
    ${countedSince('collected_amount', 'collected')},
    c.created_by, c.created_at, c.updated_at, c.activated_at,
    c.job_id, j.job_status, j.started_at as job_started_at, j.completed_at as job_completed_at,
    case when j.job_status = 'Failed' then j.error end as job_error,
    j.hold_reason as job_hold_reason,
    job_percentage(j.job_status, coalesce(done.processed, 0)::bigint, j.total) as job_progress
  from contribution_cycles c
  join claims cl using (claim_id)
  join tiers t on t.tier_id = c.tier_id
  join members d on d.member_id = c.deceased_member_id
  left join jobs j on j.job_id = c.job_id
  left join lateral (
    select sum(processed) as processed from job_chunks where job_id = c.job_id
  ) done on true
  left join lateral (
    select sum(pending) as pending, sum(paid) as paid, sum(failed) as failed, sum(waived) as waived, sum(collected) as collected
    from cycle_tallies where cycle_id = c.cycle_id and c.cycle_status = 'Active'
  ) since on true`

export async function findCycle(
  db: Db,
  key: { cycleId: string } | { cycleCode: string },
): Promise<CycleView | undefined> {
  const { rows } = await ('cycleId' in key
    ? sql<CycleView>`${cycleViews} where c.cycle_id = ${key.cycleId}`
    : sql<CycleView>`${cycleViews} where c.cycle_code = ${key.cycleCode}`
  ).execute(db)
  return rows[0]
}

/** The cycles of a claim that are not Cancelled, locked: one at most. Who pays for one may still name it in other rows. */
export async function findCyclesOfClaim(tx: Tx, claimId: string): Promise<CycleView[]> {
  await sql`select from contribution_cycles where claim_id = ${claimId} for no key update`.execute(tx)
  const { rows } = await sql<CycleView>`
    ${cycleViews} where c.claim_id = ${claimId} and c.cycle_status <> 'Cancelled'`.execute(tx)
  return rows
}

export function cycleNotFound(): DomainError {
  return new DomainError('cycle-not-found', 'There is no such contribution cycle.')
}

/** @throws DomainError `cycle-not-found` */
export async function requireCycle(db: Db, cycleId: string): Promise<CycleView> {
  const cycle = await findCycle(db, { cycleId })
  if (!cycle) throw cycleNotFound()
  return cycle
}

/** By what people know the cycle: for log lines and traces. */
export async function findCycleCode(db: Db, cycleId: string): Promise<{ cycleCode: string }> {
  const { cycleCode } = await db
    .selectFrom('contributionCycles')
    .select('cycleCode')
    .where('cycleId', '=', cycleId)
    .executeTakeFirstOrThrow(cycleNotFound)
  return { cycleCode }
}

/** A page of cycles, newest first, before the given one. */
export async function findCycles(
  db: Db,
  filter: { status?: CycleStatus | undefined; onlyActivated?: boolean },
  page: { before?: { createdAt: string; cycleId: string }; limit: number },
): Promise<CycleView[]> {
  const { before } = page
  const { rows } = await sql<CycleView>`
    ${cycleViews}
    where ${filter.status ? sql`c.cycle_status = ${filter.status}` : sql`true`}
      and ${filter.onlyActivated ? sql`c.cycle_status in ('Active', 'Completed')` : sql`true`}
      and ${before ? sql`(c.created_at, c.cycle_id) < (${before.createdAt}::timestamptz, ${before.cycleId}::uuid)` : sql`true`}
    order by c.created_at desc, c.cycle_id desc
    limit ${page.limit}`.execute(db)
  return rows
}

/** The code of the claim's cycle that is not Cancelled. */
export async function findLiveCycleCode(db: Db, claimId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('contributionCycles')
    .select('cycleCode')
    .where('claimId', '=', claimId)
    .where('cycleStatus', '!=', 'Cancelled')
    .executeTakeFirst()
  return row?.cycleCode
}

/**
 * The database's own time, read before this transaction has an id. Everything stamped before it was stamped by a
 * transaction with a smaller id than this one will get, which is what "settled" rests on; so a transaction that has
 * written already cannot start a cycle.
 *
 * @throws Error when the transaction has written already
 */
export async function readInstant(tx: Tx): Promise<string> {
  const { rows } = await sql<{ instant: string; hasWritten: boolean }>`
    select clock_timestamp() as instant, pg_current_xact_id_if_assigned() is not null as has_written
  `.execute(tx)
  const row = rows[0] as { instant: string; hasWritten: boolean }
  if (row.hasWritten) throw new Error('The instant of a cycle must be read before its transaction writes.')
  return row.instant
}

/**
 * Holds off the closing, and the giving up, of cycles until the transaction ends: whoever does that takes the lock for themselves alone.
 * What is read of a cycle in a *later* statement stays true.
 */
export async function holdCycles(tx: Tx, cycleIds: readonly string[]): Promise<void> {
  await sql`
    select pg_advisory_xact_lock_shared(hashtextextended('cycle:' || cycle_id, 0))
    from (select distinct cycle_id from unnest(${[...cycleIds]}::uuid[]) cycle_id order by 1) held`.execute(
    tx,
  )
}

/** Waits until nobody pays for the cycle, and lets nobody until the transaction ends. */
export async function lockCycle(tx: Tx, cycleId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('cycle:' || ${cycleId}::uuid, 0))`.execute(tx)
}

type NewCycle = Omit<Insertable<ContributionCycles>, 'settledAfter'>

/** Notes the starting transaction's own id as `settled_after`. */
export async function insertCycle(tx: Tx, cycle: NewCycle): Promise<void> {
  await tx
    .insertInto('contributionCycles')
    .values({ ...cycle, settledAfter: sql`pg_current_xact_id()` })
    .execute()
}

export async function setStrategy(tx: Tx, cycleId: string, strategy: 'inline' | 'queued'): Promise<void> {
  await tx.updateTable('contributionCycles').set({ strategy }).where('cycleId', '=', cycleId).execute()
}

/** Moves the cycle; false when it was in none of the `from` states: somebody else was first. */
export async function moveCycle(
  tx: Tx,
  cycleId: string,
  from: readonly CycleStatus[],
  to: CycleStatus,
  failureReason: string | null = null,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update contribution_cycles
    set cycle_status = ${to}, failure_reason = ${failureReason}, updated_at = now()
    where cycle_id = ${cycleId} and cycle_status = any(${[...from]})`.execute(tx)
  return numAffectedRows === 1n
}

export interface ActivatedCounts {
  totalMembers: number
  pendingMembers: number
  waivedMembers: number
}

/** Makes an Initializing cycle Active with its counts; false when it is in another state. */
export async function activateCycle(tx: Tx, cycleId: string, counts: ActivatedCounts): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update contribution_cycles set
      cycle_status = 'Active', activated_at = clock_timestamp(), updated_at = now(), failure_reason = null,
      total_members = ${counts.totalMembers}, pending_members = ${counts.pendingMembers},
      waived_members = ${counts.waivedMembers}, paid_members = 0, failed_members = 0
    where cycle_id = ${cycleId} and cycle_status = 'Initializing'`.execute(tx)
  return numAffectedRows === 1n
}

export async function setContributionAmount(tx: Tx, cycleId: string, amountMinor: number): Promise<void> {
  await tx
    .updateTable('contributionCycles')
    .set({ contributionAmount: amountMinor })
    .where('cycleId', '=', cycleId)
    .execute()
}
