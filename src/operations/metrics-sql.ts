import { sql } from 'kysely'
import type { Db } from '../platform/database/connect.ts'

export async function countCycles(db: Db): Promise<{ status: string; count: number }[]> {
  const { rows } = await sql<{ status: string; count: number }>`
    select cycle_status as status, count(*) from contribution_cycles group by 1`.execute(db)
  return rows
}

interface JobCount {
  kind: string
  status: string
  count: number
  onHold: number
  /** Null: they are over. */
  oldestSeconds: number | null
}

/** Jobs by kind and status. */
export async function countJobs(db: Db): Promise<JobCount[]> {
  const { rows } = await sql<JobCount>`
    select job_kind as kind, job_status as status, count(*), count(hold_reason) as on_hold,
      case when job_status in ('Queued', 'Processing', 'Paused')
        then extract(epoch from clock_timestamp() - min(created_at))::float8 end as oldest_seconds
    from jobs group by 1, 2`.execute(db)
  return rows
}

/** A channel is counted up to this number only, because each reading scans the index of due deliveries. */
const countedAtMost = 100_000

/** @returns what waits to be sent, by channel, and for how many seconds the longest has been due */
export async function countDueDeliveries(
  db: Db,
): Promise<{ channel: string; count: number; overdueSeconds: number }[]> {
  const { rows } = await sql<{ channel: string; count: number; overdueSeconds: number }>`
    select channel, count(*),
      greatest(0, extract(epoch from clock_timestamp() - min(not_before)))::float8 as overdue_seconds
    from (
      select channel, not_before from deliveries where delivery_status = 'Pending' limit ${countedAtMost}
    ) due
    group by 1`.execute(db)
  return rows
}
