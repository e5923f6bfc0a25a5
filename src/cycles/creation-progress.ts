import type { Db } from '../platform/database/connect.ts'
import { type JobProgress, readProgress } from '../platform/jobs/progress.ts'
import type { CycleStatus } from './cycle-rules.ts'
import { requireCycle } from './cycle-sql.ts'

export interface CreationProgress {
  readonly cycleId: string
  readonly status: CycleStatus
  readonly progress: Pick<JobProgress, 'total' | 'processed' | 'percentage'>
  /** Whole seconds; null while unknown, 0 at the end. */
  readonly estimatedTimeRemaining: number | null
  readonly jobStatus: JobProgress['jobStatus']
  readonly jobError: string | null
}

/** @throws DomainError `cycle-not-found` */
export async function readCreationProgress(db: Db, cycleId: string): Promise<CreationProgress> {
  // One snapshot, so that the cycle and its job cannot be caught on two sides of the last commit.
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (tx) => {
      const cycle = await requireCycle(tx, cycleId)
      const job = cycle.jobId === null ? undefined : await readProgress(tx, cycle.jobId)
      if (!job) throw new Error(`Cycle ${cycle.cycleCode} has no job.`)
      const { total, processed, percentage, ...rest } = job
      return { cycleId, status: cycle.cycleStatus, progress: { total, processed, percentage }, ...rest }
    })
}

/** Whether the creation is over. A Failed one may be retried, and is then watched anew. */
export function isOver(status: CycleStatus): boolean {
  return status !== 'Initializing'
}
