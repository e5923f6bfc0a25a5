import { performance } from 'node:perf_hooks'
import { z } from 'zod'
import { isTransient } from '../database/sql-state.ts'
import type { Delivery, MessageHandler } from '../queue/queue.ts'
import { type Engine, type JobRef, kindOf, tokenName, wakeJob } from './engine.ts'
import { type JobKind, UnrecoverableError } from './job-kind.ts'
import { notifyJobSometimes } from './job-notices.ts'
import { createReporter } from './job-report.ts'
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

/** What a worker does with the messages of the queue. */
export function tokenHandler(engine: Engine): MessageHandler {
  return async (message, delivery) => {
    if (message.name === tokenName) return advanceJob(engine, message.id, delivery)
    engine.log.warn({ message }, 'a message of a name that is not known here; dropped')
  }
}

/** How long to wait before asking again whether a job can be planned. */
const planAgainMs = 25

/**
 * Does whatever the job needs next, for one time slice: plans it, runs chunks that are due, finishes it. This is
 * everything a token asks for. Safe to call at any time, any number of times, from any number of processes.
 *
 * @throws the error of the last plan, chunk or finish that failed, after it has been recorded, when nothing else is
 *   due: the queue then brings the token back after its own delay
 */
export async function advanceJob(
  engine: Engine,
  jobId: string,
  { signal, report }: Partial<Delivery> = {},
): Promise<void> {
  const sliceEndsAt = performance.now() + engine.sliceMs
  const sliceIsOver = () => signal?.aborted === true || performance.now() >= sliceEndsAt

  // Whoever reaches the broker may have sent it: what is no id must not become an error that comes again.
  const job = z.uuid().safeParse(jobId).success ? await findJob(engine.db, jobId) : undefined
  if (!job) {
    engine.log.warn({ jobId }, 'a token named a job that does not exist; dropped')
    return
  }
  const kind = kindOf(engine, job.jobKind)

  if (job.jobStatus === 'Queued') {
    while ((await plan(engine, kind, job)) === 'too-early') {
      if (sliceIsOver()) return wakeJob(engine, job)
      await new Promise((resolve) => setTimeout(resolve, planAgainMs))
    }
  }

  const reporter = createReporter(engine.db, jobId, report)
  let failure: unknown
  for (;;) {
    const outcome = await runNextChunk(engine, kind, jobId)
    if (outcome === 'nothing-due') break
    if (outcome.failure !== undefined) failure = outcome.failure
    await reporter.note(outcome.line)
    if (sliceIsOver()) {
      await reporter.flush()
      // Whoever gives way with work left sends the token on.
      return wakeJob(engine, job)
    }
  }
  const ended = await finish(engine, kind, jobId)
  if (ended !== undefined) await reporter.note(ended)
  await reporter.flush()
  if (failure !== undefined) throw failure
}

/** Plans a Queued job and sends the tokens of the other lanes; other tokens of it find nothing to do. */
async function plan(
  engine: Engine,
  kind: JobKind,
  job: JobRef,
): Promise<'planned' | 'too-early' | 'not-queued'> {
  const { jobId } = job
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
  await wakeJob(engine, job, Math.max(0, Math.min(engine.lanes, outcome.length) - 1))
  return 'planned'
}

/** One chunk in one transaction, which is also its lease: what is killed has not happened. */
async function runNextChunk(
  engine: Engine,
  kind: JobKind,
  jobId: string,
): Promise<'nothing-due' | { line: string; failure?: unknown }> {
  let taken: TakenChunk | undefined
  try {
    return await engine.db.transaction().execute(async (tx) => {
      await lockJobShared(tx, jobId)
      // A statement of its own, so that it sees what the one we may have waited for has written.
      const work = await takeChunk(tx, jobId)
      if (!work) return 'nothing-due'
      taken = work.chunk
      const durationMs = await runChunk(tx, kind, work.job, work.chunk)
      await notifyJobSometimes(tx, jobId)
      const { chunkNo, expected } = work.chunk
      return { line: `Chunk ${chunkNo}: ${expected} rows in ${Math.round(durationMs)} ms` }
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
    return { failure, line: `Chunk ${taken.chunkNo} failed, attempt ${attempts}: ${sentenceOf(failure)}` }
  }
}

/**
 * Ends a job of which nothing is Pending: Completed when every chunk is done, else Failed. Two last chunks that
 * finish together cannot both leave it to the other: this runs after their commits, under the job's lock. Returns a
 * sentence if it has ended the job.
 */
async function finish(engine: Engine, kind: JobKind, jobId: string): Promise<string | undefined> {
  // Asked without the lock first: most calls find others at work.
  if ((await countChunks(engine.db, jobId)).pending > 0) return undefined
  return attempt(engine, kind, jobId, () =>
    engine.db.transaction().execute(async (tx) => {
      await lockJobShared(tx, jobId)
      const row = await takeJob(tx, jobId, 'Processing')
      if (!row) return undefined
      const chunks = await countChunks(tx, jobId)
      if (chunks.pending > 0) return undefined
      if (chunks.failed === 0) {
        await completeJob(tx, kind, row)
        return 'The job is Completed'
      }
      const all = chunks.failed + chunks.done
      const reason = `${chunks.failed} of ${all} chunks failed: ${chunks.error}`
      await failJob(tx, kind, jobId, reason)
      return `The job is Failed: ${reason}`
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
