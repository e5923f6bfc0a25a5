import { sql } from 'kysely'
import type { Db, Tx } from '../database/connect.ts'
import { traceParent } from '../telemetry/trace.ts'
import type { Chunk, PlannedChunk } from './job-kind.ts'
import type { JobStatus, RecentChunks } from './job-rules.ts'

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

/** Waits while somebody is stopping the job. */
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

/** The job's row, locked, if it is in this state; nothing if it is not, or if somebody else has it. */
export async function takeJob(tx: Tx, jobId: string, status: JobStatus): Promise<JobRow | undefined> {
  const { rows } = await sql<JobRow>`
    select ${jobColumns} from jobs
    where job_id = ${jobId} and job_status = ${status}
    for update skip locked`.execute(tx)
  return rows[0]
}

/** Moves the job and returns it; nothing if it was in none of the `from` states: somebody else was first. */
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

export async function insertChunks(tx: Tx, jobId: string, chunks: readonly PlannedChunk[]): Promise<void> {
  await sql`
    insert into job_chunks (job_id, chunk_no, first_key, last_key, expected)
    select ${jobId}, ordinality, first_key, last_key, expected
    from unnest(
      ${chunks.map((chunk) => chunk.firstKey)}::text[],
      ${chunks.map((chunk) => chunk.lastKey)}::text[],
      ${chunks.map((chunk) => chunk.expected)}::bigint[]
    ) with ordinality as planned (first_key, last_key, expected, ordinality)`.execute(tx)
}

export async function recordPlan(tx: Tx, jobId: string, total: number, chunkRows: number): Promise<void> {
  await tx.updateTable('jobs').set({ total, chunkRows }).where('jobId', '=', jobId).execute()
}

export interface TakenChunk extends Chunk {
  readonly attempts: number
}

/** The next chunk that is due and that nobody has, locked until the transaction ends. */
export async function takeChunk(
  tx: Tx,
  jobId: string,
): Promise<{ job: JobRow; chunk: TakenChunk } | undefined> {
  const { rows } = await sql<JobRow & TakenChunk & { chunkAttempts: number }>`
    select j.job_id, j.job_kind, j.subject, j.params, j.job_status, j.total, j.attempts, j.created_by,
      j.hold_reason, j.trace_parent, c.chunk_no, c.first_key, c.last_key, c.expected, c.attempts as chunk_attempts
    from jobs j join job_chunks c using (job_id)
    where j.job_id = ${jobId} and j.job_status = 'Processing'
      and c.chunk_status = 'Pending' and (c.not_before is null or c.not_before <= clock_timestamp())
    order by c.chunk_no
    limit 1
    for update of c skip locked`.execute(tx)
  const row = rows[0]
  if (!row) return undefined
  const { chunkNo, firstKey, lastKey, expected, chunkAttempts, ...job } = row
  return { job, chunk: { chunkNo, firstKey, lastKey, expected, attempts: chunkAttempts } }
}

export async function markChunkDone(
  tx: Tx,
  jobId: string,
  chunkNo: number,
  processed: number,
  durationMs: number,
): Promise<void> {
  await sql`
    update job_chunks set
      chunk_status = 'Done', processed = ${processed}, duration_ms = ${durationMs},
      finished_at = clock_timestamp(), error = null, not_before = null
    where job_id = ${jobId} and chunk_no = ${chunkNo}`.execute(tx)
}

/** Counts a failed attempt; the last one allowed makes the chunk Failed. A chunk done meanwhile stays done. */
export async function recordChunkAttempt(
  db: Db,
  jobId: string,
  chunkNo: number,
  attempt: { error: string; attempts: number; restMs: number; final: boolean },
): Promise<void> {
  await sql`
    update job_chunks set
      attempts = ${attempt.attempts},
      error = ${attempt.error},
      not_before = clock_timestamp() + ${attempt.restMs} * interval '1 millisecond',
      chunk_status = case when ${attempt.final} then 'Failed' else 'Pending' end
    where job_id = ${jobId} and chunk_no = ${chunkNo}
      and chunk_status = 'Pending' and attempts < ${attempt.attempts}`.execute(db)
}

/** Counts a failed attempt to plan or to finish and returns how many there were. */
export async function recordJobAttempt(db: Db, jobId: string, error: string): Promise<number> {
  const { rows } = await sql<{ attempts: number }>`
    update jobs set attempts = attempts + 1, error = ${error}
    where job_id = ${jobId} and job_status in ('Queued', 'Processing')
    returning attempts`.execute(db)
  return rows[0]?.attempts ?? 0
}

/** Failed chunks become Pending with all their attempts before them; Done chunks stay done. */
export async function reviveChunks(tx: Tx, jobId: string): Promise<void> {
  await sql`
    update job_chunks set chunk_status = 'Pending', attempts = 0, not_before = null
    where job_id = ${jobId} and chunk_status = 'Failed'`.execute(tx)
}

/** Notes why the job is held back, or with null that it no longer is; false when that was known, or it is over. */
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

export interface ChunkCounts {
  pending: number
  failed: number
  done: number
  /** Why the first failed chunk failed. */
  error: string | null
}

export async function countChunks(db: Db, jobId: string): Promise<ChunkCounts> {
  const { rows } = await sql<ChunkCounts>`
    select
      count(*) filter (where chunk_status = 'Pending') as pending,
      count(*) filter (where chunk_status = 'Failed') as failed,
      count(*) filter (where chunk_status = 'Done') as done,
      (array_agg(error order by chunk_no) filter (where chunk_status = 'Failed'))[1] as error
    from job_chunks where job_id = ${jobId}`.execute(db)
  return rows[0] as ChunkCounts
}

/** What a row of this kind has cost lately, in milliseconds. */
export async function findCost(db: Db, jobKind: string): Promise<number | undefined> {
  const row = await db
    .selectFrom('jobCosts')
    .select('msPerRow')
    .where('jobKind', '=', jobKind)
    .executeTakeFirst()
  return row?.msPerRow
}

/** What a row of this job has cost, over its chunks of at least `minRows` rows. */
export async function measureCost(db: Db, jobId: string, minRows: number): Promise<number | undefined> {
  const { rows } = await sql<{ msPerRow: number | null }>`
    select sum(duration_ms) / sum(processed) as ms_per_row
    from job_chunks where job_id = ${jobId} and chunk_status = 'Done' and processed >= ${minRows}`.execute(db)
  return rows[0]?.msPerRow ?? undefined
}

export async function rememberCost(tx: Tx, jobKind: string, msPerRow: number): Promise<void> {
  await sql`
    insert into job_costs (job_kind, ms_per_row) values (${jobKind}, ${msPerRow})
    on conflict (job_kind) do update set ms_per_row = excluded.ms_per_row`.execute(tx)
}

/** Tells who listens that the job has changed; they hear it when the transaction commits. */
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

export interface ProgressRow extends RecentChunks {
  jobStatus: JobStatus
  total: number | null
  processed: number
  percentage: number
  error: string | null
}

/** Progress is the sum over the chunk rows, so it can neither be lost nor go back. */
export async function findProgress(
  db: Db,
  jobId: string,
  recentChunks: number,
): Promise<ProgressRow | undefined> {
  const { rows } = await sql<ProgressRow>`
    select j.job_status, j.total, j.error, done.processed,
      job_percentage(j.job_status, done.processed, j.total) as percentage,
      recent.chunks, recent.rows, recent.work_ms, recent.span_ms
    from jobs j
    cross join lateral (
      select coalesce(sum(processed), 0)::bigint as processed from job_chunks where job_id = j.job_id
    ) done
    cross join lateral (
      select count(*) as chunks, coalesce(sum(processed), 0)::bigint as rows,
        coalesce(sum(duration_ms), 0) as work_ms,
        coalesce(extract(epoch from max(finished_at)
          - min(finished_at - duration_ms * interval '1 millisecond')) * 1000, 0)::double precision as span_ms
      from (
        select processed, duration_ms, finished_at from job_chunks
        where job_id = j.job_id and chunk_status = 'Done'
        order by finished_at desc limit ${recentChunks}
      ) last_done
    ) recent
    where j.job_id = ${jobId}`.execute(db)
  return rows[0]
}

/** The chunks of a job that are done, as they were planned. */
export async function findDoneChunks(db: Db, jobId: string): Promise<PlannedChunk[]> {
  return db
    .selectFrom('jobChunks')
    .select(['firstKey', 'lastKey', 'expected'])
    .where('jobId', '=', jobId)
    .where('chunkStatus', '=', 'Done')
    .orderBy('chunkNo')
    .execute()
}
