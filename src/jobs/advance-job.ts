import { performance } from 'node:perf_hooks'
import { isTransient } from '../database/sql-state.ts'
import { type Engine, kindOf, wakeJob } from './engine.ts'
import { type JobKind, UnrecoverableError } from './job-kind.ts'
import { notifyJobSometimes } from './job-notices.ts'
import { chunkRowsFor, maxAttempts, restMs } from './job-rules.ts'
import {
  countChunks,
  findCost,
  findJob,
  lockJobShared,
  recordChunkAttempt,
  recordJobAttempt,
  type TakenChunk,
  takeChunk,
  takeJob,
} from './job-sql.ts'
import { completeJob, failJob, planJob, runChunk } from './job-steps.ts'

/** How long to wait before asking again whether a job can be planned. */
const planAgainMs = 25

/**
 * Does whatever the job needs next, for one time slice: plans it, runs chunks that are due, finishes it. This is
 * everything a token asks for. Safe to call at any time, any number of times, from any number of processes.
 *
 * @throws the error of the last plan, chunk or finish that failed, after it has been recorded, when nothing else is
 *   due: the queue then brings the token back after its own delay
 */
export async function advanceJob(engine: Engine, jobId: string, signal?: AbortSignal): Promise<void> {
  const sliceEndsAt = performance.now() + engine.sliceMs
  const sliceIsOver = () => signal?.aborted === true || performance.now() >= sliceEndsAt

  const job = await findJob(engine.db, jobId)
  if (!job) {
    engine.log.warn({ jobId }, 'a token named a job that does not exist; dropped')
    return
  }
  const kind = kindOf(engine, job.jobKind)

  if (job.jobStatus === 'Queued') {
    while ((await plan(engine, kind, jobId)) === 'too-early') {
      if (sliceIsOver()) return wakeJob(engine, jobId)
      await new Promise((resolve) => setTimeout(resolve, planAgainMs))
    }
  }

  let failure: unknown
  for (;;) {
    const outcome = await runNextChunk(engine, kind, jobId)
    if (outcome === 'nothing-due') break
    if (outcome !== 'done') failure = outcome.failure
    // Whoever gives way with work left sends the token on.
    if (sliceIsOver()) return wakeJob(engine, jobId)
  }
  await finish(engine, kind, jobId)
  if (failure !== undefined) throw failure
}

/** Plans a Queued job and sends the tokens of the other lanes; other tokens of it find nothing to do. */
async function plan(
  engine: Engine,
  kind: JobKind,
  jobId: string,
): Promise<'planned' | 'too-early' | 'not-queued'> {
  const outcome = await attempt(engine, kind, jobId, () =>
    engine.db.transaction().execute(async (tx) => {
      await lockJobShared(tx, jobId)
      const row = await takeJob(tx, jobId, 'Queued')
      if (!row) return 'not-queued'
      const cost = await findCost(tx, kind.name)
      return (await planJob(tx, kind, row, (total) => chunkRowsFor(total, cost))) ?? 'too-early'
    }),
  )
  if (typeof outcome === 'string') return outcome
  // This call goes on as the first lane.
  await wakeJob(engine, jobId, Math.max(0, Math.min(engine.lanes, outcome.length) - 1))
  return 'planned'
}

/** One chunk in one transaction, which is also its lease: what is killed has not happened. */
async function runNextChunk(
  engine: Engine,
  kind: JobKind,
  jobId: string,
): Promise<'done' | 'nothing-due' | { failure: unknown }> {
  let taken: TakenChunk | undefined
  try {
    return await engine.db.transaction().execute(async (tx) => {
      await lockJobShared(tx, jobId)
      // A statement of its own, so that it sees what the one we may have waited for has written.
      const work = await takeChunk(tx, jobId)
      if (!work) return 'nothing-due'
      taken = work.chunk
      await runChunk(tx, kind, work.job, work.chunk)
      await notifyJobSometimes(tx, jobId)
      return 'done'
    })
  } catch (failure) {
    if (!taken || isTransient(failure)) throw failure
    const attempts = taken.attempts + 1
    await recordChunkAttempt(engine.db, jobId, taken.chunkNo, {
      error: sentenceOf(failure),
      attempts,
      restMs: restMs(attempts),
      final: attempts >= maxAttempts,
    })
    engine.log.warn({ jobId, chunkNo: taken.chunkNo, attempts, err: failure }, 'a chunk failed')
    return { failure }
  }
}

/**
 * Ends a job of which nothing is Pending: Completed when every chunk is done, else Failed. Two last chunks that
 * finish together cannot both leave it to the other: this runs after their commits, under the job's lock.
 */
async function finish(engine: Engine, kind: JobKind, jobId: string): Promise<void> {
  // Asked without the lock first: most calls find others at work.
  if ((await countChunks(engine.db, jobId)).pending > 0) return
  await attempt(engine, kind, jobId, () =>
    engine.db.transaction().execute(async (tx) => {
      await lockJobShared(tx, jobId)
      const row = await takeJob(tx, jobId, 'Processing')
      if (!row) return
      const chunks = await countChunks(tx, jobId)
      if (chunks.pending > 0) return
      if (chunks.failed === 0) return completeJob(tx, kind, row)
      const all = chunks.failed + chunks.done
      await failJob(tx, kind, jobId, `${chunks.failed} of ${all} chunks failed: ${chunks.error}`)
    }),
  )
}

/** Plans or finishes; what that throws is recorded, and the last attempt allowed fails the job. */
async function attempt<Result>(
  engine: Engine,
  kind: JobKind,
  jobId: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (failure) {
    if (isTransient(failure)) throw failure
    const attempts = await recordJobAttempt(engine.db, jobId, sentenceOf(failure))
    engine.log.warn({ jobId, attempts, err: failure }, 'a job could not be planned or finished')
    if (attempts >= maxAttempts || failure instanceof UnrecoverableError) {
      await engine.db.transaction().execute(async (tx) => {
        await lockJobShared(tx, jobId)
        await failJob(tx, kind, jobId, sentenceOf(failure))
      })
    }
    throw failure
  }
}

function sentenceOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure)
}
