import type { ZodType } from 'zod'
import type { Db, Tx } from '../database/connect.ts'
import type { Message } from '../queue/queue.ts'

/** The part of a job that its kind gets. */
export interface Job<Params = unknown> {
  readonly jobId: string
  readonly jobKind: string
  /** What the job works on, e.g. a cycle's id. The engine never reads it. */
  readonly subject: string
  readonly params: Params
  readonly total: number | null
  readonly createdBy: string
}

/** One key range, both ends included. Keys are text to the engine; only the kind knows what they mean. */
export interface PlannedChunk {
  readonly firstKey: string
  readonly lastKey: string
  /** Rows that `run` must report; any other number fails the chunk. */
  readonly expected: number
}

export interface Chunk extends PlannedChunk {
  readonly chunkNo: number
}

/**
 * Long work over many rows. Each function does its work in the transaction it is given, and nothing outside it:
 * when that rolls back, nothing has happened.
 */
export interface JobKind<Params = unknown> {
  readonly name: string
  readonly params: ZodType<Params>
  /** Names of the subject for people, in log lines and traces, e.g. `{ cycleCode }`. */
  logFields(db: Db, subject: string): Promise<Record<string, string>>
  /** `low`: its tokens come after those of other kinds, where the queue knows priorities. */
  readonly priority?: Message['priority']
  /**
   * Divides the work into chunks of `chunkRows(total)` rows. What is planned must not change afterwards, whatever
   * else is written; null means that it still might, and the engine asks again soon.
   */
  plan(tx: Tx, job: Job<Params>, chunkRows: (total: number) => number): Promise<PlannedChunk[] | null>
  /** Does one chunk and returns the rows done. */
  run(tx: Tx, job: Job<Params>, chunk: Chunk): Promise<number>
  /** All chunks are done: checks it and makes the result valid. A `UnrecoverableError` fails the job at once. */
  finish(tx: Tx, job: Job<Params>): Promise<void>
  /** The attempts are used up. Chunks that are done stay done. */
  fail(tx: Tx, job: Job<Params>, reason: string): Promise<void>
  /** The job is cancelled and nothing of it runs any more. */
  cancel(tx: Tx, job: Job<Params>): Promise<void>
}

/** Trying again cannot help: a defect, not a temporary error. */
export class UnrecoverableError extends Error {
  override readonly name = 'UnrecoverableError'
}
