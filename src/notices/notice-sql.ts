import { sql } from 'kysely'
import type { Db, Tx } from '../platform/database/connect.ts'
import { divideKeys } from '../platform/jobs/divide-keys.ts'
import type { PlannedChunk } from '../platform/jobs/job-kind.ts'
import type { NoticeKind } from './notice-rules.ts'

/**
 * What the member of the row `m` owes in the cycle; null: nothing. A look at the key for each member, and no join: the
 * planner does not know yet how many rows a new cycle has, and would read them all for every few members.
 */
export const owed = (cycleId: unknown) => sql`(
  select mc.contribution_amount from member_contributions mc
  where mc.cycle_id = ${cycleId} and mc.member_id = m.member_id and mc.contribution_status = 'Pending'
)`

/**
 * Tells every admin and treasurer of the event, in the transaction that makes it true: a notice each, and a letter.
 */
export async function insertUserNotices(
  tx: Tx,
  notice: {
    eventId: number
    cycleId: string
    noticeKind: Exclude<NoticeKind, 'agent-digest' | 'member-notice' | 'webhook'>
  },
): Promise<void> {
  await sql`
    with told as (select id, email from users where role in ('admin', 'treasurer') and disabled_at is null),
    made as (
      insert into notices (event_id, cycle_id, notice_kind, recipient_id, made_at)
      select ${notice.eventId}, ${notice.cycleId}, ${notice.noticeKind}, id, clock_timestamp() from told
      returning notice_id, recipient_id
    )
    insert into deliveries (notice_id, channel, address)
    select notice_id, 'email', email from made join told on id = recipient_id`.execute(tx)
}

/** Whether the fund has agents at all; the job finds out which of them have anything to collect. */
export async function hasAgents(tx: Tx): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`select exists (select from agents) as found`.execute(tx)
  return rows[0]?.found === true
}

/**
 * Names the agents who must be told: those of the members who owe. From then on they are a set that does not change,
 * whoever moves to another agent meanwhile.
 */
export async function nameAgents(tx: Tx, eventId: number, cycleId: string): Promise<void> {
  await sql`
    insert into notices (event_id, cycle_id, notice_kind, recipient_id)
    select ${eventId}::bigint, ${cycleId}::uuid, 'agent-digest', a.agent_id
    from agents a
    cross join lateral (
      -- The first that is found will do.
      select from members m where m.agent_id = a.agent_id and ${owed(cycleId)} is not null limit 1
    ) owing`.execute(tx)
}

export async function countNamed(tx: Tx, eventId: number): Promise<number> {
  const { rows } = await sql<{ agents: number }>`
    select count(*) as agents from notices
    where event_id = ${eventId} and notice_kind = 'agent-digest'`.execute(tx)
  return (rows[0] as { agents: number }).agents
}

/** The given agents in ranges of `size`. */
export function divideNamed(tx: Tx, eventId: number, named: number, size: number): Promise<PlannedChunk[]> {
  const agents = sql`(select recipient_id from notices where event_id = ${eventId} and notice_kind = 'agent-digest')`
  return divideKeys(tx, agents, named, size)
}

/**
 * Makes the digests of one range of agents, and a letter for each channel of the fund on which one has an address, be it that
 * of her login. Whoever has nobody to ask any more gets neither.
 *
 * @returns agents of the range
 */
export async function makeDigests(
  tx: Tx,
  { eventId, cycleId }: { eventId: number; cycleId: string },
  range: { firstKey: string; lastKey: string },
): Promise<number> {
  const { rows } = await sql<{ agents: number }>`
    with made as (
      update notices n set
        made_at = clock_timestamp(),
        (members, amount) = (
          select count(owed), coalesce(sum(owed), 0)::bigint
          -- Nothing is skipped: it keeps what is owed from being looked up once for the count and once for the sum.
          from (select ${owed(cycleId)} as owed from members m where m.agent_id = n.recipient_id offset 0) hers
        )
      where n.event_id = ${eventId} and n.notice_kind = 'agent-digest'
        and n.recipient_id between ${range.firstKey}::uuid and ${range.lastKey}::uuid
      returning n.notice_id, n.recipient_id, n.members
    ),
    sent as (
      insert into deliveries (notice_id, channel, address)
      select made.notice_id, channel, address
      from made
      join agents a on a.agent_id = made.recipient_id
      left join lateral (
        select email from users where agent_id = a.agent_id and disabled_at is null order by created_at limit 1
      ) u on true
      cross join lateral (
        select channel, case channel when 'email' then coalesce(a.email, u.email) else a.phone end as address
        from fund cross join unnest(agent_channels) channel
      ) ways
      where made.members > 0 and address is not null
    )
    select count(*) as agents from made`.execute(tx)
  return (rows[0] as { agents: number }).agents
}

/** How many agents were told of the event, and how many letters they will get. */
export async function countDigests(
  tx: Tx,
  eventId: number,
): Promise<{ named: number; made: number; letters: number }> {
  const { rows } = await sql<{ named: number; made: number; letters: number }>`
    select count(*) as named, count(made_at) as made,
      coalesce(sum((select count(*) from deliveries d where d.notice_id = n.notice_id)), 0)::bigint as letters
    from notices n
    where event_id = ${eventId} and notice_kind = 'agent-digest'`.execute(tx)
  return rows[0] as { named: number; made: number; letters: number }
}

/** Whether the fund tells its members. */
export async function areMembersTold(tx: Tx): Promise<boolean> {
  const { rows } = await sql<{ told: boolean }>`select member_channels <> '{}' as told from fund`.execute(tx)
  return rows[0]?.told === true
}

/** The members of a cycle's contributions, as a relation of one column. */
export const owing = (cycleId: string) =>
  sql`(select member_id from member_contributions where cycle_id = ${cycleId})`

/**
 * Makes the notices of one range of members who owe and have an address, and a letter for each channel on which they do.
 *
 * @returns contributions of the range
 */
export async function makeMemberNotices(
  tx: Tx,
  { eventId, cycleId }: { eventId: number; cycleId: string },
  range: { firstKey: string; lastKey: string },
): Promise<number> {
  const { rows } = await sql<{ members: number }>`
    with asked as materialized (
      select mc.member_id, mc.contribution_status, m.email, m.phone
      from member_contributions mc
      join members m using (member_id)
      where mc.cycle_id = ${cycleId}::uuid
        and mc.member_id between ${range.firstKey}::uuid and ${range.lastKey}::uuid
    ),
    ways as materialized (
      select member_id, channel, case channel when 'email' then email else phone end as address
      from asked cross join fund cross join unnest(member_channels) channel
      where contribution_status = 'Pending' and case channel when 'email' then email else phone end is not null
        -- A family that has reported a death gets no letter to the dead.
        and not exists (
          select from claims where deceased_member_id = asked.member_id and claim_status = 'Submitted'
        )
    ),
    made as (
      insert into notices (event_id, cycle_id, notice_kind, recipient_id, made_at)
      select ${eventId}::bigint, ${cycleId}::uuid, 'member-notice', member_id, clock_timestamp()
      from (select distinct member_id from ways) told
      returning notice_id, recipient_id
    ),
    sent as (
      insert into deliveries (notice_id, channel, address, is_bulk)
      select notice_id, channel, address, true from made join ways on member_id = recipient_id
    )
    select count(*) as members from asked`.execute(tx)
  return (rows[0] as { members: number }).members
}

/** Active cycles of which all members were told but this one, who owes; with the event that they were told of. */
export async function findCyclesNotTold(
  tx: Tx,
  memberId: string,
  jobKind: string,
): Promise<{ cycleId: string; eventId: number }[]> {
  const { rows } = await sql<{ cycleId: string; eventId: number }>`
    select c.cycle_id, e.event_id
    from contribution_cycles c
    join events e on e.subject = c.cycle_id and e.event_name = 'ContributionCycleActivated'
    where c.cycle_status = 'Active'
      and exists (
        select from member_contributions mc
        where mc.cycle_id = c.cycle_id and mc.member_id = ${memberId} and mc.contribution_status = 'Pending'
      )
      and exists (
        select from jobs j where j.subject = c.cycle_id and j.job_kind = ${jobKind} and j.job_status = 'Completed'
      )
      and not exists (
        select from notices n
        where n.cycle_id = c.cycle_id and n.recipient_id = ${memberId} and n.notice_kind = 'member-notice'
      )`.execute(tx)
  return rows
}

/** How many members were told of the event, and how many letters they will get. */
export async function countMemberNotices(
  tx: Tx,
  eventId: number,
): Promise<{ members: number; letters: number }> {
  const { rows } = await sql<{ members: number; letters: number }>`
    select count(distinct notice_id) as members, count(*) as letters
    from notices join deliveries using (notice_id)
    where event_id = ${eventId} and notice_kind = 'member-notice'`.execute(tx)
  return rows[0] as { members: number; letters: number }
}

/** What a notice is about. */
export interface Told {
  noticeKind: NoticeKind
  cycleId: string
  cycleCode: string
  claimCode: string
  deceasedFullName: string
  dateOfDeath: string
  contributionAmount: number | null
  currency: string
  currencyExponent: number
  deadline: string
  /** The number of members who have to pay. */
  totalMembers: number
  /** In a digest: members of the agent who owe. */
  members: number | null
  /** What they owe together; of a member, what she owes. */
  amount: number | null
  failureReason: string | null
}

/** A notice as its recipient reads it. */
export interface NoticeView extends Told {
  noticeId: string
  madeAt: string
  readAt: string | null
}

/** A page of what these recipients were told, newest first, before the given one. */
export async function findNotices(
  db: Db,
  recipientIds: readonly string[],
  page: { before?: { madeAt: string; noticeId: string } | undefined; limit: number },
): Promise<NoticeView[]> {
  const { before } = page
  const { rows } = await sql<NoticeView>`
    select n.notice_id, n.notice_kind, n.cycle_id, c.cycle_code, cl.claim_code, coalesce(cl.deceased_full_name, d.full_name) as deceased_full_name,
      cl.date_of_death, c.contribution_amount, c.currency, c.currency_exponent, c.deadline, c.total_members, n.members, n.amount,
      e.payload ->> 'reason' as failure_reason, n.made_at, n.read_at
    from notices n
    join events e using (event_id)
    join contribution_cycles c using (cycle_id)
    join claims cl using (claim_id)
    join members d on d.member_id = c.deceased_member_id
    where n.recipient_id = any(${[...recipientIds]}::uuid[]) and n.made_at is not null
      and n.members is distinct from 0
      and ${before ? sql`(n.made_at, n.notice_id) < (${before.madeAt}::timestamptz, ${before.noticeId}::uuid)` : sql`true`}
    order by n.made_at desc, n.notice_id desc
    limit ${page.limit}`.execute(db)
  return rows
}

export async function markRead(db: Db, recipientIds: readonly string[]): Promise<void> {
  await sql`
    update notices set read_at = now()
    where recipient_id = any(${[...recipientIds]}::uuid[]) and made_at is not null and read_at is null
  `.execute(db)
}

export const noticeChannel = 'almoner_notices'

/** Notifies workers, at the commit, that there is something to send; with the id of a job that creates more. */
export async function notifyNotices(db: Db, job?: { jobKind: string; jobId: string }): Promise<void> {
  await sql`select pg_notify(${noticeChannel}, ${job ? `${job.jobKind} ${job.jobId}` : ''})`.execute(db)
}

/** The job of the notification; undefined: none. */
export function jobIn(message: string): { jobKind: string; jobId: string } | undefined {
  const [jobKind, jobId] = message.split(' ')
  return jobKind !== undefined && jobId !== undefined ? { jobKind, jobId } : undefined
}
