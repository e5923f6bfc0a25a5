import { performance } from 'node:perf_hooks'
import { z } from 'zod'
import { isTransient } from '../database/sql-state.ts'
import type { Delivery, MessageHandler } from '../queue/queue.ts'
import { inSpan } from '../telemetry/trace.ts'
import { countChunks, recordChunkAttempt, type TakenChunk, takeChunk } from './chunk-sql.ts'
import { type Engine, type JobRef, kindOf, tokenName, wakeJob } from './engine.ts'
import { findCost } from './job-cost-sql.ts'
import { type JobKind, UnrecoverableError } from './job-kind.ts'
import { chunkSeconds, retries, rowsDone, tokenSeconds } from './job-metrics.ts'
import { notifyJobSometimes } from './job-notices.ts'
import { createReporter } from './job-report.ts'
import { chunkRowsFor, maxAttempts, restMs } from './job-rules.ts'
import { findJob, type JobRow, lockJobShared, recordHold, recordJobAttempt, takeJob } from './job-sql.ts'
import { completeJob, failJob, planJob, runChunk } from './job-steps.ts'
import { countAgainstPace, waitForTurn } from './pace-rows.ts'

/** What a worker does with the messages of the queue. */
export function tokenHandler(engine: Engine): MessageHandler {
  return async (message, delivery) => {
    // Clocks differ: a message that seems to arrive before it was sent counts as 0.
    if (message.sentAt !== undefined) tokenSeconds.observe(Math.max(0, Date.now() - message.sentAt) / 1000)
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
  delivery: Partial<Delivery> = {},
): Promise<void> {
  // Anybody who reaches the broker may have sent it: an invalid id must not become an error that is retried.
  const job = z.uuid().safeParse(jobId).success ? await findJob(engine.db, jobId) : undefined
  if (!job) {
    engine.log.warn({ jobId }, 'a token named a job that does not exist; dropped')
    return
  }
  const { jobKind, subject } = job
  const kind = kindOf(engine, jobKind)
  const fields = { jobId, jobKind, ...(await kind.logFields(engine.db, subject)) }
  const told = { ...engine, log: engine.log.child(fields) }
  await inSpan('advance job', fields, () => advance(told, kind, job, delivery), job.traceParent)
}

async function advance(
  engine: Engine,
  kind: JobKind,
  job: JobRow,
  { signal, report }: Partial<Delivery>,
): Promise<void> {
  const { jobId } = job
  const sliceEndsAt = performance.now() + engine.sliceMs
  const sliceIsOver = () => signal?.aborted === true || performance.now() >= sliceEndsAt
  if (await isHeld(engine, jobId)) return
  // The sweep has sent one of the tokens that were dropped.
  if (job.holdReason !== null && (await recordHold(engine.db, jobId, null))) {
    await wakeJob(engine, job, engine.lanes - 1)
  }

  if (job.jobStatus === 'Queued') {
    while ((await plan(engine, kind, job)) === 'too-early') {
      if (sliceIsOver()) return wakeJob(engine, job)
      await new Promise((resolve) => setTimeout(resolve, planAgainMs))
    }
  }

  const reporter = createReporter(engine.db, jobId, report)
  let failure: unknown
  for (;;) {
    if (engine.rowsPerSecond !== undefined) await waitForTurn(engine.db, signal)
    const outcome = await runNextChunk(engine, kind, jobId)
    if (outcome === 'nothing-due') break
    if (outcome.failure !== undefined) failure = outcome.failure
    await reporter.note(outcome.line)
    const held = await isHeld(engine, jobId)
    if (held || sliceIsOver()) {
      await reporter.flush()
      // If work is left at the end of the slice, the token is sent again.
      return held ? undefined : wakeJob(engine, job)
    }
  }
  const ended = await finish(engine, kind, jobId)
  if (ended !== undefined) await reporter.note(ended)
  await reporter.flush()
  if (failure !== undefined) throw failure
}

/**
 * Whether the job must wait for the database to recover, which is noted on it. Its token is then put down: the sweep
 * sends another every few seconds, and whoever takes that looks anew.
 */
async function isHeld(engine: Engine, jobId: string): Promise<boolean> {
  const reason = await engine.holdReason()
  if (reason === undefined) return false
  await recordHold(engine.db, jobId, reason)
  engine.log.warn(`the job is on hold because ${reason}`)
  return true
}

/** Plans a Queued job and sends the tokens of the other lanes; other tokens of it find nothing to do. */
async function plan(
  engine: Engine,
  kind: JobKind,
  job: JobRef,
): Promise<'planned' | 'too-early' | 'not-queued'> {
  const { jobId } = job
  const outcome = await attempt('plan', engine, kind, jobId, () =>
    engine.db.transaction().execute(async (tx) => {
      await lockJobShared(tx, jobId)
      const row = await takeJob(tx, jobId, 'Queued')
      if (!row) return 'not-queued'
      const cost = await findCost(tx, kind.name)
      return (
        (await planJob(tx, kind, row, (total) => chunkRowsFor(total, cost, engine.rowsPerSecond))) ??
        'too-early'
      )
    }),
  )
  if (typeof outcome === 'string') return outcome
  engine.log.info({ chunks: outcome.length }, 'the job is planned')
  // This call continues as the first lane.
  await wakeJob(engine, job, Math.max(0, Math.min(engine.lanes, outcome.length) - 1))
  return 'planned'
}

/** One chunk in one transaction, which is also its lease: if it is killed, it is rolled back. */
async function runNextChunk(
  engine: Engine,
  kind: JobKind,
  jobId: string,
): Promise<'nothing-due' | { line: string; failure?: unknown }> {
  let taken: TakenChunk | undefined
  const startedAt = performance.now()
  const observe = (outcome: 'done' | 'failed') =>
    chunkSeconds.observe({ job_kind: kind.name, outcome }, (performance.now() - startedAt) / 1000)
  try {
    const done = await engine.db.transaction().execute(async (tx) => {
      await lockJobShared(tx, jobId)
      // A separate statement, so that it sees the changes of a transaction that we may have waited for.
      const work = await takeChunk(tx, jobId)
      if (!work) return undefined
      const { chunk } = work
      taken = chunk
      const { chunkNo, expected: rows } = chunk
      const durationMs = await inSpan('chunk', { chunkNo, rows }, () => runChunk(tx, kind, work.job, chunk))
      await notifyJobSometimes(tx, jobId)
      return { ...chunk, durationMs }
    })
    if (!done) return 'nothing-due'
    observe('done')
    rowsDone.inc({ job_kind: kind.name }, done.expected)
    if (engine.rowsPerSecond !== undefined)
      await countAgainstPace(engine.db, done.expected, engine.rowsPerSecond)
    const line = `Chunk ${done.chunkNo}: ${done.expected} rows in ${Math.round(done.durationMs)} ms`
    engine.log.debug({ chunkNo: done.chunkNo }, line)
    return { line }
  } catch (failure) {
    if (!taken || isTransient(failure)) throw failure
    const attempts = taken.attempts + 1
    observe('failed')
    if (attempts < maxAttempts) retries.inc({ job_kind: kind.name, what: 'chunk' })
    await recordChunkAttempt(engine.db, jobId, taken.chunkNo, {
      error: sentenceOf(failure),
      attempts,
      restMs: restMs(attempts),
      final: attempts >= maxAttempts,
    })
    engine.log.warn({ chunkNo: taken.chunkNo, attempts, err: failure }, 'a chunk failed')
    return { failure, line: `Chunk ${taken.chunkNo} failed, attempt ${attempts}: ${sentenceOf(failure)}` }
  }
}

/**
 * Ends a job of which nothing is Pending: Completed when every chunk is done, else Failed. Two last chunks that
 * finish together cannot both leave it to the other: this runs after their commits, under the job's lock. Returns a
 * sentence if it has ended the job.
 */
async function finish(engine: Engine, kind: JobKind, jobId: string): Promise<string | undefined> {
  // First without the lock: usually other lanes still work.
  if ((await countChunks(engine.db, jobId)).pending > 0) return undefined
  const ended = await attempt('finish', engine, kind, jobId, () =>
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
  if (ended !== undefined) engine.log.info(ended)
  return ended
}

/** Plans or finishes; an error is recorded, and the last allowed attempt fails the job. */
async function attempt<Result>(
  step: 'plan' | 'finish',
  engine: Engine,
  kind: JobKind,
  jobId: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await inSpan(step, {}, work)
  } catch (failure) {
    if (isTransient(failure)) throw failure
    const attempts = await recordJobAttempt(engine.db, jobId, sentenceOf(failure))
    engine.log.warn(
      { attempts, err: failure },
      step === 'plan' ? 'the job could not be planned' : 'the job could not be finished',
    )
    if (attempts >= maxAttempts || failure instanceof UnrecoverableError) {
      await engine.db.transaction().execute(async (tx) => {
        await lockJobShared(tx, jobId)
        await failJob(tx, kind, jobId, sentenceOf(failure))
      })
    } else {
      retries.inc({ job_kind: kind.name, what: 'job' })
    }
    throw failure
  }
}

function sentenceOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure)
}
