/**
 * The three steps of a job, each inside a transaction of its caller: in the background one transaction a step and a
 * chunk, inline one for all of them.
 */
import { performance } from 'node:perf_hooks'
import type { Tx } from '../database/connect.ts'
import { insertChunks, markChunkDone } from './chunk-sql.ts'
import { findCost, measureCost, rememberCost } from './job-cost-sql.ts'
import type { Chunk, Job, JobKind } from './job-kind.ts'
import { averageCost, minChunkRows } from './job-rules.ts'
import { type JobRow, moveJob, notifyJob, recordPlan } from './job-sql.ts'

/** @throws ZodError when the stored params are not of the kind's schema */
export function jobOf(kind: JobKind, row: JobRow): Job {
  const { jobId, jobKind, subject, total, createdBy } = row
  return { jobId, jobKind, subject, total, createdBy, params: kind.params.parse(row.params) }
}

/** Plans a Queued job that the caller has locked; null when it is too early to plan it. */
export async function planJob(
  tx: Tx,
  kind: JobKind,
  row: JobRow,
  chunkRowsFor: (total: number) => number,
): Promise<Chunk[] | null> {
  let chunkRows = 0
  const planned = await kind.plan(tx, jobOf(kind, row), (total) => {
    chunkRows = chunkRowsFor(total)
    return chunkRows
  })
  if (planned === null) return null
  const total = planned.reduce((sum, chunk) => sum + chunk.expected, 0)
  await insertChunks(tx, row.jobId, planned)
  await recordPlan(tx, row.jobId, total, chunkRows)
  await moveJob(tx, row.jobId, ['Queued'], 'Processing')
  await notifyJob(tx, row.jobId)
  return planned.map((chunk, index) => ({ ...chunk, chunkNo: index + 1 }))
}

/**
 * Runs one chunk of a Processing job, under the job's shared lock, and returns the milliseconds that took.
 *
 * @throws whatever the kind throws, and Error when it did not do the rows that were planned
 */
export async function runChunk(tx: Tx, kind: JobKind, row: JobRow, chunk: Chunk): Promise<number> {
  const startedAt = performance.now()
  const processed = await kind.run(tx, jobOf(kind, row), chunk)
  if (processed !== chunk.expected) {
    throw new Error(`Chunk ${chunk.chunkNo} did ${processed} rows where ${chunk.expected} were planned.`)
  }
  const durationMs = performance.now() - startedAt
  await markChunkDone(tx, row.jobId, chunk.chunkNo, processed, durationMs)
  return durationMs
}

/** Completes a Processing job whose chunks are all done, and stores the cost of its rows. */
export async function completeJob(tx: Tx, kind: JobKind, row: JobRow): Promise<void> {
  await kind.finish(tx, jobOf(kind, row))
  await moveJob(tx, row.jobId, ['Processing'], 'Completed')
  const cost = await measureCost(tx, row.jobId, minChunkRows)
  if (cost !== undefined) {
    await rememberCost(tx, row.jobKind, averageCost(await findCost(tx, row.jobKind), cost))
  }
  await notifyJob(tx, row.jobId)
}

/** Fails a job that is not over yet; does nothing to one that is. */
export async function failJob(tx: Tx, kind: JobKind, jobId: string, reason: string): Promise<void> {
  const row = await moveJob(tx, jobId, ['Queued', 'Processing'], 'Failed', reason)
  if (!row) return
  await kind.fail(tx, jobOf(kind, row), reason)
  await notifyJob(tx, jobId)
}
