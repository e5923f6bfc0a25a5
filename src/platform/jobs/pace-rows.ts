import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Db } from '../database/connect.ts'

/** Waits until the next row may be written, or until the signal stops it. All processes share one time. */
export async function waitForTurn(db: Db, signal: AbortSignal | undefined): Promise<void> {
  const { rows } = await sql<{ waitMs: number }>`
    select greatest(0, extract(epoch from next_at - clock_timestamp()) * 1000)::float8 as wait_ms
    from row_pace where next_at > clock_timestamp()`.execute(db)
  const waitMs = rows[0]?.waitMs ?? 0
  if (waitMs > 0) await sleep(waitMs, undefined, { ...(signal && { signal }) }).catch(() => {})
}

/** Moves the time of the next row forward by the rows that were written. Unused time is not saved up. */
export async function countAgainstPace(db: Db, rowsDone: number, rowsPerSecond: number): Promise<void> {
  await sql`
    update row_pace set next_at =
      greatest(next_at, clock_timestamp()) + ${rowsDone / rowsPerSecond} * interval '1 second'`.execute(db)
}
