import type { Db } from '../database/connect.ts'
import { type JobStatus, remainingSeconds } from './job-rules.ts'
import { findProgress } from './progress-sql.ts'

export interface JobProgress {
  readonly total: number
  readonly processed: number
  /** 0–100; floor, and 100 only when the job is Completed. */
  readonly percentage: number
  /** Whole seconds; null while unknown and for a Failed job, and 0 at the end. */
  readonly estimatedTimeRemaining: number | null
  readonly jobStatus: JobStatus
  readonly jobError: string | null
}

/** The moving average is taken over this many chunks. */
const recentChunks = 10

export async function readProgress(db: Db, jobId: string): Promise<JobProgress | undefined> {
  const row = await findProgress(db, jobId, recentChunks)
  if (!row) return undefined
  const total = row.total ?? 0
  return {
    total,
    processed: row.processed,
    percentage: row.percentage,
    estimatedTimeRemaining:
      row.jobStatus === 'Completed' || row.jobStatus === 'Cancelled'
        ? 0
        : row.total === null || row.jobStatus === 'Failed'
          ? null
          : remainingSeconds(total - row.processed, row),
    jobStatus: row.jobStatus,
    jobError: row.jobStatus === 'Failed' ? row.error : null,
  }
}
