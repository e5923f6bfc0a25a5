import { sql } from 'kysely'
import type { Db } from '../database/connect.ts'
import type { JobStatus } from './job-rules.ts'

/** A job as operators see it. */
export interface JobView {
  jobId: string
  jobKind: string
  subject: string
  jobStatus: JobStatus
  chunkRows: number | null
  total: number | null
  processed: number
  percentage: number
  error: string | null
  holdReason: string | null
  attempts: number
  createdBy: string
  createdAt: string
  startedAt: string | null
  completedAt: string | null
  /** Time it has been Processing, without pauses. */
  runningMs: number
  chunks: { pending: number; done: number; failed: number }
}

const jobViews = sql`
  select j.job_id, j.job_kind, j.subject, j.job_status, j.chunk_rows, j.total, j.error, j.hold_reason, j.attempts,
    j.created_by, j.created_at, j.started_at, j.completed_at, c.processed,
    j.running_ms + coalesce(extract(epoch from clock_timestamp() - j.running_since) * 1000, 0)::bigint as running_ms,
    job_percentage(j.job_status, c.processed, j.total) as percentage,
    jsonb_build_object('pending', c.pending, 'done', c.done, 'failed', c.failed) as chunks
  from jobs j
  cross join lateral (
    select coalesce(sum(processed), 0)::bigint as processed,
      count(*) filter (where chunk_status = 'Pending') as pending,
      count(*) filter (where chunk_status = 'Done') as done,
      count(*) filter (where chunk_status = 'Failed') as failed
    from job_chunks where job_id = j.job_id
  ) c`

export async function findJobView(db: Db, jobId: string): Promise<JobView | undefined> {
  const { rows } = await sql<JobView>`${jobViews} where j.job_id = ${jobId}`.execute(db)
  return rows[0]
}

/** A page of jobs, newest first, before the given one. */
export async function findJobViews(
  db: Db,
  filter: { status?: JobStatus | undefined },
  page: { before?: { createdAt: string; jobId: string }; limit: number },
): Promise<JobView[]> {
  const { before } = page
  const { rows } = await sql<JobView>`
    ${jobViews}
    where ${filter.status ? sql`j.job_status = ${filter.status}` : sql`true`}
      and ${before ? sql`(j.created_at, j.job_id) < (${before.createdAt}::timestamptz, ${before.jobId}::uuid)` : sql`true`}
    order by j.created_at desc, j.job_id desc
    limit ${page.limit}`.execute(db)
  return rows
}

export interface ChunkTrouble {
  chunkNo: number
  chunkStatus: 'Pending' | 'Failed'
  attempts: number
  error: string
  notBefore: string | null
}

/** The first chunks that failed and are not done, with the reason. */
export async function findTroubles(db: Db, jobId: string, limit: number): Promise<ChunkTrouble[]> {
  const { rows } = await sql<ChunkTrouble>`
    select chunk_no, chunk_status, attempts, error, not_before
    from job_chunks
    where job_id = ${jobId} and chunk_status <> 'Done' and error is not null
    order by chunk_no
    limit ${limit}`.execute(db)
  return rows
}

/** The state of each chunk, a letter each, in their order: `d`one, `p`ending, `f`ailed. */
export async function findChunkStrip(db: Db, jobId: string): Promise<string> {
  const { rows } = await sql<{ strip: string | null }>`
    select string_agg(lower(left(chunk_status, 1)), '' order by chunk_no) as strip
    from job_chunks where job_id = ${jobId}`.execute(db)
  return rows[0]?.strip ?? ''
}
