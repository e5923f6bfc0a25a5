/**
 * Pause, resume, cancel and retry. Each runs in the caller's transaction, so that what the caller records of it is
 * true exactly when it is. After a commit that leaves work due, the caller wakes the job.
 */
import type { Tx } from '../database/connect.ts'
import { DomainError } from '../values/errors.ts'
import { reviveChunks } from './chunk-sql.ts'
import { type Engine, kindOf } from './engine.ts'
import { type JobStatus, jobMoves } from './job-rules.ts'
import { findJob, type JobRow, lockJobExclusive, moveJob, notifyJob } from './job-sql.ts'
import { jobOf } from './job-steps.ts'

/** Waits for the chunks in flight; once this has returned and its transaction committed, nothing more is written. */
export async function pauseJob(tx: Tx, jobId: string): Promise<void> {
  await lockJobExclusive(tx, jobId)
  await move(tx, jobId, 'Paused')
}

export async function resumeJob(tx: Tx, jobId: string): Promise<void> {
  await move(tx, jobId, await livingStatus(tx, jobId), ['Paused'])
}

/** Puts the failed chunks back; those that are done stay done. */
export async function retryJob(tx: Tx, jobId: string): Promise<void> {
  await move(tx, jobId, await livingStatus(tx, jobId), ['Failed'])
  await reviveChunks(tx, jobId)
}

/** Like pausing, but final: the kind then removes what was written, now or in a job of its own. */
export async function cancelJob(engine: Pick<Engine, 'kinds'>, tx: Tx, jobId: string): Promise<void> {
  await lockJobExclusive(tx, jobId)
  const row = await move(tx, jobId, 'Cancelled')
  const kind = kindOf(engine, row.jobKind)
  await kind.cancel(tx, jobOf(kind, row))
}

/** A job that was never planned goes back to be planned. */
async function livingStatus(tx: Tx, jobId: string): Promise<JobStatus> {
  return (await findJob(tx, jobId))?.total === null ? 'Queued' : 'Processing'
}

/** @throws DomainError `job-state` */
async function move(
  tx: Tx,
  jobId: string,
  to: JobStatus,
  from = (Object.keys(jobMoves) as JobStatus[]).filter((status) =>
    (jobMoves[status] as readonly JobStatus[]).includes(to),
  ),
): Promise<JobRow> {
  const row = await moveJob(tx, jobId, from, to)
  if (!row) {
    const status = (await findJob(tx, jobId))?.jobStatus
    throw new DomainError('job-state', `The job is ${status}; this needs it to be ${from.join(' or ')}.`)
  }
  await notifyJob(tx, jobId)
  return row
}
