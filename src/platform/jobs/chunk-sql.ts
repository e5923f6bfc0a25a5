import { sql } from 'kysely'
import type { Db, Tx } from '../database/connect.ts'
import type { Chunk, PlannedChunk } from './job-kind.ts'
import type { JobRow } from './job-sql.ts'

export async function insertChunks(tx: Tx, jobId: string, chunks: readonly PlannedChunk[]): Promise<void> {
  await sql`
    insert into job_chunks (job_id, chunk_no, first_key, last_key, expected)
    select ${jobId}, ordinality, first_key, last_key, expected
    from unnest(
      ${chunks.map((chunk) => chunk.firstKey)}::text[],
      ${chunks.map((chunk) => chunk.lastKey)}::text[],
      ${chunks.map((chunk) => chunk.expected)}::bigint[]
    ) with ordinality as planned (first_key, last_key, expected, ordinality)`.execute(tx)
}

export interface TakenChunk extends Chunk {
  readonly attempts: number
}

/** The next chunk that is due and not locked, locked until the transaction ends. */
export async function takeChunk(
  tx: Tx,
  jobId: string,
): Promise<{ job: JobRow; chunk: TakenChunk } | undefined> {
  const { rows } = await sql<JobRow & TakenChunk & { chunkAttempts: number }>`
    select j.job_id, j.job_kind, j.subject, j.params, j.job_status, j.total, j.attempts, j.created_by,
      j.hold_reason, j.trace_parent, c.chunk_no, c.first_key, c.last_key, c.expected, c.attempts as chunk_attempts
    from jobs j join job_chunks c using (job_id)
    where j.job_id = ${jobId} and j.job_status = 'Processing'
      and c.chunk_status = 'Pending' and (c.not_before is null or c.not_before <= clock_timestamp())
    order by c.chunk_no
    limit 1
    for update of c skip locked`.execute(tx)
  const row = rows[0]
  if (!row) return undefined
  const { chunkNo, firstKey, lastKey, expected, chunkAttempts, ...job } = row
  return { job, chunk: { chunkNo, firstKey, lastKey, expected, attempts: chunkAttempts } }
}

export async function markChunkDone(
  tx: Tx,
  jobId: string,
  chunkNo: number,
  processed: number,
  durationMs: number,
): Promise<void> {
  await sql`
    update job_chunks set
      chunk_status = 'Done', processed = ${processed}, duration_ms = ${durationMs},
      finished_at = clock_timestamp(), error = null, not_before = null
    where job_id = ${jobId} and chunk_no = ${chunkNo}`.execute(tx)
}

/** Counts a failed attempt; the last one allowed makes the chunk Failed. A chunk done meanwhile stays done. */
export async function recordChunkAttempt(
  db: Db,
  jobId: string,
  chunkNo: number,
  attempt: { error: string; attempts: number; restMs: number; final: boolean },
): Promise<void> {
  await sql`
    update job_chunks set
      attempts = ${attempt.attempts},
      error = ${attempt.error},
      not_before = clock_timestamp() + ${attempt.restMs} * interval '1 millisecond',
      chunk_status = case when ${attempt.final} then 'Failed' else 'Pending' end
    where job_id = ${jobId} and chunk_no = ${chunkNo}
      and chunk_status = 'Pending' and attempts < ${attempt.attempts}`.execute(db)
}

/** Failed chunks become Pending, with all attempts again; Done chunks stay done. */
export async function reviveChunks(tx: Tx, jobId: string): Promise<void> {
  await sql`
    update job_chunks set chunk_status = 'Pending', attempts = 0, not_before = null
    where job_id = ${jobId} and chunk_status = 'Failed'`.execute(tx)
}

export interface ChunkCounts {
  pending: number
  failed: number
  done: number
  /** Why the first failed chunk failed. */
  error: string | null
}

export async function countChunks(db: Db, jobId: string): Promise<ChunkCounts> {
  const { rows } = await sql<ChunkCounts>`
    select
      count(*) filter (where chunk_status = 'Pending') as pending,
      count(*) filter (where chunk_status = 'Failed') as failed,
      count(*) filter (where chunk_status = 'Done') as done,
      (array_agg(error order by chunk_no) filter (where chunk_status = 'Failed'))[1] as error
    from job_chunks where job_id = ${jobId}`.execute(db)
  return rows[0] as ChunkCounts
}

/** The chunks of a job that are done, as they were planned. */
export async function findDoneChunks(db: Db, jobId: string): Promise<PlannedChunk[]> {
  return db
    .selectFrom('jobChunks')
    .select(['firstKey', 'lastKey', 'expected'])
    .where('jobId', '=', jobId)
    .where('chunkStatus', '=', 'Done')
    .orderBy('chunkNo')
    .execute()
}
