import { sql } from 'kysely'
import type { Db, Tx } from '../database/connect.ts'
import { traceParent } from '../telemetry/trace.ts'
import type { JobStatus } from './job-rules.ts'

/** The channel on which a job's id is sent when something about it has changed. */
export const jobChannel = 'almoner_job'

export interface JobRow {
  jobId: string
  jobKind: string
  subject: string
  params: unknown
  jobStatus: JobStatus
  total: number | null
  attempts: number
  createdBy: string
  holdReason: string | null
  traceParent: string | null
}

const jobColumns = sql`job_id, job_kind, subject, params, job_status, total, attempts, created_by,
  hold_reason, trace_parent`

/** The key of a job's advisory lock: shared by those who write for it, exclusive for those who stop it. */
const lockKey = (jobId: string) => sql`hashtextextended(${jobId}::text, 0)`

/** Waits while the job is being stopped. */
export async function lockJobShared(tx: Tx, jobId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock_shared(${lockKey(jobId)})`.execute(tx)
}

/** Waits for the chunks in flight; while it is held nothing is written for the job. */
export async function lockJobExclusive(tx: Tx, jobId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(${lockKey(jobId)})`.execute(tx)
}

export async function insertJob(
  tx: Tx,
  job: { jobKind: string; subject: string; params: unknown; createdBy: string },
): Promise<string> {
  const { jobId } = await tx
    .insertInto('jobs')
    .values({ ...job, params: JSON.stringify(job.params), traceParent: traceParent() })
    .returning('jobId')
    .executeTakeFirstOrThrow()
  return jobId
}

export async function findJob(db: Db, jobId: string): Promise<JobRow | undefined> {
  const { rows } = await sql<JobRow>`select ${jobColumns} from jobs where job_id = ${jobId}`.execute(db)
  return rows[0]
}

/** The job's row, locked, if it is in this state; undefined if it is not, or if another transaction has it. */
export async function takeJob(tx: Tx, jobId: string, status: JobStatus): Promise<JobRow | undefined> {
  const { rows } = await sql<JobRow>`
    select ${jobColumns} from jobs
    where job_id = ${jobId} and job_status = ${status}
    for update skip locked`.execute(tx)
  return rows[0]
}

/** Moves the job and returns it; undefined if it was in none of the `from` states, because somebody else was first. */
export async function moveJob(
  tx: Tx,
  jobId: string,
  from: readonly JobStatus[],
  to: JobStatus,
  error: string | null = null,
): Promise<JobRow | undefined> {
  const { rows } = await sql<JobRow>`
    update jobs set
      job_status = ${to},
      error = ${error},
      attempts = 0,
      hold_reason = null,
      started_at = coalesce(started_at, case when ${to} = 'Processing' then clock_timestamp() end),
      running_ms = running_ms
        + coalesce(extract(epoch from clock_timestamp() - running_since) * 1000, 0)::bigint,
      running_since = case when ${to} = 'Processing' then clock_timestamp() end,
      completed_at = case when ${to} = 'Completed' then clock_timestamp() end
    where job_id = ${jobId} and job_status = any(${[...from]})
    returning ${jobColumns}`.execute(tx)
  return rows[0]
}

export async function recordPlan(tx: Tx, jobId: string, total: number, chunkRows: number): Promise<void> {
  await tx.updateTable('jobs').set({ total, chunkRows }).where('jobId', '=', jobId).execute()
}

/** Counts a failed attempt to plan or to finish and returns how many there were. */
export async function recordJobAttempt(db: Db, jobId: string, error: string): Promise<number> {
  const { rows } = await sql<{ attempts: number }>`
    update jobs set attempts = attempts + 1, error = ${error}
    where job_id = ${jobId} and job_status in ('Queued', 'Processing')
    returning attempts`.execute(db)
  return rows[0]?.attempts ?? 0
}

/** Records why the job is on hold, or with null that it no longer is; false when that was recorded before, or the job is over. */
export async function recordHold(db: Db, jobId: string, reason: string | null): Promise<boolean> {
  const { rows } = await sql`
    with held as (
      update jobs set hold_reason = ${reason}
      where job_id = ${jobId} and job_status in ('Queued', 'Processing') and hold_reason is distinct from ${reason}
      returning job_id
    )
    select pg_notify(${jobChannel}, job_id::text) from held`.execute(db)
  return rows.length > 0
}

/** Notifies listeners that the job has changed, when the transaction commits. */
export async function notifyJob(tx: Tx, jobId: string): Promise<void> {
  await sql`select pg_notify(${jobChannel}, ${jobId})`.execute(tx)
}

/**
 * Jobs with work due that nobody does: no chunk of theirs was committed for `quietMs`, and nobody holds their lock.
 * Trying the exclusive lock tells the second without waiting; it is let go at once. A job of which no chunk has ended yet
 * is among them however new it is; `idleMs` is the time since it was made, has begun or gone on, or has ended a chunk,
 * whichever came last.
 */
export async function findNeglectedJobs(
  db: Db,
  quietMs: number,
): Promise<{ jobId: string; jobKind: string; idleMs: number }[]> {
  const { rows } = await sql<{ jobId: string; jobKind: string; idleMs: number }>`
    select j.job_id, j.job_kind,
      (extract(epoch from clock_timestamp() - greatest(j.created_at, j.running_since, c.last_finished_at)) * 1000)::float8
        as idle_ms
    from jobs j
    left join lateral (
      select
        count(*) filter (where chunk_status = 'Pending') as pending,
        count(*) filter (where chunk_status = 'Pending'
          and (not_before is null or not_before <= clock_timestamp())) as due,
        max(finished_at) as last_finished_at
      from job_chunks where job_id = j.job_id
    ) c on true
    where j.job_status in ('Queued', 'Processing')
      and (c.pending = 0 or c.due > 0)
      and coalesce(c.last_finished_at, '-infinity') < clock_timestamp() - ${quietMs} * interval '1 millisecond'
      and pg_try_advisory_xact_lock(hashtextextended(j.job_id::text, 0))
    order by j.created_at`.execute(db)
  return rows
}
