import { sql } from 'kysely'
import type { Db } from '../database/connect.ts'
import type { JobStatus, RecentChunks } from './job-rules.ts'

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
