import { sql } from 'kysely'
import type { Db } from '../platform/database/connect.ts'

/** The application name of the job connections of processes with a worker. */
const workerNames = ['almoner start jobs', 'almoner worker jobs', 'almoner lambda jobs']

/** Connected workers, counted by their connections, so that a killed one disappears at once. */
export async function countWorkers(db: Db): Promise<number> {
  const { rows } = await sql<{ workers: number }>`
    select count(distinct application_name) as workers from pg_stat_activity
    where datname = current_database() and application_name = any(${workerNames})`.execute(db)
  return rows[0]?.workers ?? 0
}

export interface Versions {
  postgres: string
  schema: string
}

export async function findVersions(db: Db): Promise<Versions> {
  const { rows } = await sql<Versions>`
    select current_setting('server_version') as postgres,
      (select name from schema_migrations order by id desc limit 1) as schema`.execute(db)
  return rows[0] as Versions
}

/** Contributions of a cycle or a member that does not exist: there is no foreign key that prevents it. */
export async function countOrphans(db: Db): Promise<number> {
  const { rows } = await sql<{ orphans: number }>`
    select count(*) as orphans from member_contributions mc
    where not exists (select from members m where m.member_id = mc.member_id)
      or not exists (select from contribution_cycles c where c.cycle_id = mc.cycle_id)`.execute(db)
  return rows[0]?.orphans ?? 0
}

/** Members of a tier, or with an agent, that does not exist: triggers prevent it, but can be switched off. */
export async function countStrays(db: Db): Promise<number> {
  const { rows } = await sql<{ strays: number }>`
    select count(*) as strays
    from members m left join tiers t using (tier_id) left join agents a using (agent_id)
    where t.tier_id is null or (m.agent_id is not null and a.agent_id is null)`.execute(db)
  return rows[0]?.strays ?? 0
}

/** Pending contributions of the dead in Active cycles. */
export async function countDeadPending(db: Db): Promise<number> {
  const { rows } = await sql<{ pending: number }>`
    select count(*) as pending
    from contribution_cycles c
    join member_contributions mc using (cycle_id)
    join members m using (member_id)
    where c.cycle_status = 'Active' and mc.contribution_status = 'Pending' and m.member_status = 'Deceased'
  `.execute(db)
  return rows[0]?.pending ?? 0
}

/** Cancelled cycles that still have contributions although no job is removing them. */
export async function findUntidyCycles(db: Db): Promise<string[]> {
  const { rows } = await sql<{ cycleCode: string }>`
    select cycle_code from contribution_cycles c
    where cycle_status = 'Cancelled'
      and exists (select from member_contributions mc where mc.cycle_id = c.cycle_id)
      and not exists (
        select from jobs j where j.subject = c.cycle_id and j.job_status in ('Queued', 'Processing', 'Paused')
      )
    order by cycle_code`.execute(db)
  return rows.map((row) => row.cycleCode)
}

/** Failed jobs, oldest first; one that creates a cycle with its code, for the command that retries or cancels it. */
export async function findFailedJobs(db: Db): Promise<{ jobId: string; cycleCode: string | null }[]> {
  const { rows } = await sql<{ jobId: string; cycleCode: string | null }>`
    select j.job_id, c.cycle_code from jobs j left join contribution_cycles c using (job_id)
    where j.job_status = 'Failed' order by j.created_at`.execute(db)
  return rows
}

/** Deliveries by state: those to send, and those that could not be sent. */
export async function countDeliveries(db: Db): Promise<{ pending: number; dead: number }> {
  const { rows } = await sql<{ pending: number; dead: number }>`
    select count(*) filter (where delivery_status = 'Pending') as pending,
      count(*) filter (where delivery_status = 'Dead') as dead
    from deliveries`.execute(db)
  return rows[0] as { pending: number; dead: number }
}

/** Codes of members, tiers and agents that look the same, at most this many groups of each. */
export async function findTwins(db: Db, limit: number): Promise<string[]> {
  const twins = (what: string, table: string, code: string) => sql`
    (select ${sql.lit(what)} || ' ' || string_agg(${sql.ref(code)}, ', ' order by ${sql.ref(code)}) as codes
    from ${sql.table(table)} group by code_key(${sql.ref(code)}) having count(*) > 1 limit ${limit})`
  const { rows } = await sql<{ codes: string }>`
    ${twins('members', 'members', 'member_code')} union all
    ${twins('tiers', 'tiers', 'tier_code')} union all
    ${twins('agents', 'agents', 'agent_code')}`.execute(db)
  return rows.map(({ codes }) => codes)
}
