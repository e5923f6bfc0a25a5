import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../database/connect.ts'
import type { DeliveryStatus } from './delivery-rules.ts'
import type { NoticeKind } from './notice-rules.ts'
import { owed, type Told } from './notice-sql.ts'

/** A delivery that is being made, with everything its letter says, as it is now. */
export interface Letter extends Told {
  deliveryId: string
  address: string
  attempts: number
  fundName: string
  recipientName: string
  /** Why it is not to be sent any more; null when it is. */
  withdrawal: string | null
}

/**
 * Takes the deliveries of which `due` selects and locks the ids, for the length of the lease. The lease is written down, since
 * sending is no part of any transaction; whoever is killed lets go of them by its end.
 */
export const take = (due: RawBuilder<unknown>, leaseMs: number) => sql`
  update deliveries set
    attempts = attempts + 1, updated_at = now(),
    not_before = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
  where delivery_id in (${due})
  returning delivery_id, notice_id, address, attempts`

/**
 * Takes letters that are due, oldest first; whoever else looks meanwhile passes them over.
 *
 * What the letters say is read in the same statement: whoever has died, left or paid since the notice was made is not
 * counted, and a letter that is no longer true says so in `withdrawal`.
 */
export async function takeDueLetters(db: Db, limit: number, leaseMs: number): Promise<Letter[]> {
  const due = sql`
    select delivery_id from deliveries
    where channel = 'email' and delivery_status = 'Pending' and not_before <= clock_timestamp()
    order by not_before
    limit ${limit}
    for update skip locked`
  const { rows } = await sql<Letter>`
    with taken as (${take(due, leaseMs)})
    select t.delivery_id, t.address, t.attempts, n.notice_kind, f.name as fund_name,
      coalesce(a.full_name, u.name) as recipient_name, n.cycle_id, c.cycle_code, cl.claim_code,
      d.full_name as deceased_full_name, cl.date_of_death, c.contribution_amount, c.currency, c.deadline,
      c.total_members, share.members, share.amount, e.payload ->> 'reason' as failure_reason,
      case
        when u.id is not null and (u.disabled_at is not null or u.role not in ('admin', 'treasurer'))
          then 'The user is disabled, or has another role now.'
        when n.notice_kind = 'cycle-failed' and c.cycle_status <> 'Failed' then 'The cycle is not Failed any more.'
        when n.notice_kind in ('cycle-ready', 'agent-digest') and c.cycle_status <> 'Active' then 'The cycle is not Active any more.'
        when n.notice_kind <> 'webhook-disabled' and c.deadline_at < now() then 'The last day to pay is over.'
        when share.members = 0 then 'None of the agent’s members owes anything any more.'
      end as withdrawal
    from taken t
    join notices n using (notice_id)
    join events e using (event_id)
    join contribution_cycles c using (cycle_id)
    join claims cl using (claim_id)
    join members d on d.member_id = c.deceased_member_id
    cross join fund f
    left join users u on u.id = n.recipient_id
    left join agents a on a.agent_id = n.recipient_id
    left join lateral (
      select count(owed) as members, coalesce(sum(owed), 0)::bigint as amount
      from (
        select ${owed(sql`n.cycle_id`)} as owed from members m where m.agent_id = a.agent_id offset 0
      ) hers
    ) share on n.notice_kind = 'agent-digest'`.execute(db)
  return rows
}

/**
 * Writes down how an attempt ended; nothing, when somebody else has settled it meanwhile.
 *
 * @param end.restMs how long a delivery that stays Pending rests
 */
export async function settleDelivery(
  db: Db,
  deliveryId: string,
  end: { to: DeliveryStatus; error?: string; providerId?: string; restMs?: number },
): Promise<void> {
  await sql`
    update deliveries set
      delivery_status = ${end.to}, error = ${end.error ?? null}, provider_id = ${end.providerId ?? null},
      not_before = clock_timestamp() + ${end.restMs ?? 0} * interval '1 millisecond', updated_at = now()
    where delivery_id = ${deliveryId} and delivery_status = 'Pending'`.execute(db)
}

/** Has a Dead delivery sent again, with all its attempts; false when it is in another state. */
export async function reviveDelivery(db: Db, deliveryId: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update deliveries set delivery_status = 'Pending', attempts = 0, not_before = now(), updated_at = now()
    where delivery_id = ${deliveryId} and delivery_status = 'Dead'`.execute(db)
  return numAffectedRows === 1n
}

export interface DeliveryView {
  deliveryId: string
  noticeKind: NoticeKind
  channel: 'email' | 'webhook'
  deliveryStatus: DeliveryStatus
  recipientName: string
  address: string
  cycleId: string
  cycleCode: string
  attempts: number
  /** When it is tried next; null when it is not. */
  notBefore: string | null
  error: string | null
  providerId: string | null
  createdAt: string
  updatedAt: string
}

const deliveryViews = sql`
  select dl.delivery_id, n.notice_kind, dl.channel, dl.delivery_status, coalesce(a.full_name, u.name, 'Webhook') as recipient_name,
    dl.address, n.cycle_id, c.cycle_code, dl.attempts,
    case when dl.delivery_status = 'Pending' then dl.not_before end as not_before,
    dl.error, dl.provider_id, dl.created_at, dl.updated_at
  from deliveries dl
  join notices n using (notice_id)
  join contribution_cycles c using (cycle_id)
  left join users u on u.id = n.recipient_id
  left join agents a on a.agent_id = n.recipient_id`

/** A page of deliveries, newest first, before the given one. */
export async function findDeliveries(
  db: Db,
  filter: {
    status?: DeliveryStatus | undefined
    channel?: 'email' | 'webhook' | undefined
    cycleId?: string | undefined
  },
  page: { before?: { createdAt: string; deliveryId: string } | undefined; limit: number },
): Promise<DeliveryView[]> {
  const { before } = page
  const { rows } = await sql<DeliveryView>`
    ${deliveryViews}
    where ${filter.status ? sql`dl.delivery_status = ${filter.status}` : sql`true`}
      and ${filter.channel ? sql`dl.channel = ${filter.channel}` : sql`true`}
      and ${filter.cycleId ? sql`n.cycle_id = ${filter.cycleId}` : sql`true`}
      and ${before ? sql`(dl.created_at, dl.delivery_id) < (${before.createdAt}::timestamptz, ${before.deliveryId}::uuid)` : sql`true`}
    order by dl.created_at desc, dl.delivery_id desc
    limit ${page.limit}`.execute(db)
  return rows
}

export async function findDelivery(db: Db, deliveryId: string): Promise<DeliveryView | undefined> {
  const { rows } = await sql<DeliveryView>`${deliveryViews} where dl.delivery_id = ${deliveryId}`.execute(db)
  return rows[0]
}
