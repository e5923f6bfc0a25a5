import { sql } from 'kysely'
import type { Db, Tx } from '../database/connect.ts'

/** The recent cost of a row of this kind, in milliseconds. */
export async function findCost(db: Db, jobKind: string): Promise<number | undefined> {
  const row = await db
    .selectFrom('jobCosts')
    .select('msPerRow')
    .where('jobKind', '=', jobKind)
    .executeTakeFirst()
  return row?.msPerRow
}

/** The cost of a row of this job, over its chunks of at least `minRows` rows. */
export async function measureCost(db: Db, jobId: string, minRows: number): Promise<number | undefined> {
  const { rows } = await sql<{ msPerRow: number | null }>`
    select sum(duration_ms) / sum(processed) as ms_per_row
    from job_chunks where job_id = ${jobId} and chunk_status = 'Done' and processed >= ${minRows}`.execute(db)
  return rows[0]?.msPerRow ?? undefined
}

export async function rememberCost(tx: Tx, jobKind: string, msPerRow: number): Promise<void> {
  await sql`
    insert into job_costs (job_kind, ms_per_row) values (${jobKind}, ${msPerRow})
    on conflict (job_kind) do update set ms_per_row = excluded.ms_per_row`.execute(tx)
}
