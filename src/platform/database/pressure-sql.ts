/**
 * How the database fares. Of other users' sessions and of replicas only a member of pg_monitor sees more than that they
 * are there; to anybody else they seem to fare well.
 */
import { sql } from 'kysely'
import type { Db } from './connect.ts'

export interface ReplicaLag {
  replica: string
  /** How much it still has to replay. */
  lagBytes: number
}

/** The replicas that are connected. */
export async function findReplicas(db: Db): Promise<ReplicaLag[]> {
  const { rows } = await sql<ReplicaLag>`
    select application_name as replica, max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn))::bigint as lag_bytes
    from pg_stat_replication where replay_lsn is not null group by 1`.execute(db)
  return rows
}

/** Sessions of this database that have waited for a lock for a second; sessions that wait to stop a job are not counted. */
export async function countLockWaits(db: Db): Promise<number> {
  const { rows } = await sql<{ waits: number }>`
    select count(*) as waits from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and wait_event <> 'advisory'
      and query_start < clock_timestamp() - interval '1 second'`.execute(db)
  return rows[0]?.waits ?? 0
}

/** Whether a checkpoint is waiting for the disk at this moment. */
export async function isCheckpointWaiting(db: Db): Promise<boolean> {
  const { rows } = await sql<{ waiting: boolean }>`
    select exists (
      select from pg_stat_activity
      where backend_type = 'checkpointer' and wait_event_type = 'IO'
    ) as waiting`.execute(db)
  return rows[0]?.waiting === true
}
