import { type RawBuilder, sql } from 'kysely'
import type { LetterLanguage, PersonalChannel } from '../fund/fund-rules.ts'
import type { Db, Tx } from '../platform/database/connect.ts'
import { deliveriesSettled } from './delivery-metrics.ts'
import type { DeliveryStatus } from './delivery-rules.ts'
import { formOf, type LetterKind, type LetterTemplate } from './letter-rules.ts'
import type { Channel, NoticeKind } from './notice-rules.ts'
import { owed, type Told } from './notice-sql.ts'

/** What a letter says. */
export interface LetterContent extends Told {
  noticeKind: LetterKind
  fundName: string
  recipientName: string
  placeOfDeath: string | null
  /** In a letter to a member: whom she may pay. */
  agentName: string | null
}

/** A letter that is being sent. */
export interface Letter {
  deliveryId: string
  address: string
  attempts: number
  traceParent: string | null
  /** As it is now. */
  content: LetterContent
  language: LetterLanguage
  /** The fund's own wording; null if it has none. */
  template: LetterTemplate | null
  /** Why it must not be sent any more; null when it must. */
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
 * Takes letters of this channel that are due, oldest first and those of very many last; whoever else looks meanwhile passes them over.
 *
 * What the letters say is read in the same statement: whoever has died, left or paid since the notice was made is not
 * counted, and a letter that is no longer true says so in `withdrawal`.
 */
export async function takeDueLetters(
  db: Db,
  channel: PersonalChannel,
  limit: number,
  leaseMs: number,
): Promise<Letter[]> {
  const due = sql`
    select delivery_id from deliveries
    where channel = ${channel} and delivery_status = 'Pending' and not_before <= clock_timestamp()
    order by is_bulk, not_before
    limit ${limit}
    for update skip locked`
  const { rows } = await sql<LetterRow>`
    with taken as (${take(due, leaseMs)})
    select t.delivery_id, t.address, t.attempts, ${traceOfCycle} as trace_parent, ${letterColumns}, coalesce(p.language, f.notice_language) as language,
      nt.subject as template_subject, nt.body as template_body,
      case
        when u.id is not null and (u.disabled_at is not null or u.role not in ('admin', 'treasurer'))
          then 'The user is disabled, or has another role now.'
        when n.notice_kind = 'cycle-failed' and c.cycle_status <> 'Failed' then 'The cycle is not Failed any more.'
        when ${channel} = any(p.refused_channels) then 'The recipient does not want to be told this way.'
        when (n.notice_kind = 'agent-digest' and ${channel} <> all(f.agent_channels))
          or (n.notice_kind = 'member-notice' and ${channel} <> all(f.member_channels))
          then 'The fund does not tell this way any more.'
        when n.notice_kind in ('cycle-ready', 'agent-digest', 'member-notice') and c.cycle_status <> 'Active' then 'The cycle is not Active any more.'
        when n.notice_kind <> 'webhook-disabled' and c.deadline_at < now() then 'The last day to pay is over.'
        when share.members = 0 then 'None of the agent’s members owes anything any more.'
        when rm.member_status in ('Deceased', 'Inactive') then 'The member has died, or has left.'
        when n.notice_kind = 'member-notice' and due.amount is null then 'The member owes nothing any more.'
      end as withdrawal
    from taken t
    join notices n using (notice_id)
    ${letterJoins}
    left join notice_preferences p on p.recipient_id = n.recipient_id
    left join notice_templates nt on nt.notice_kind = n.notice_kind and nt.form = ${formOf(channel)}
      and nt.language = coalesce(p.language, f.notice_language)`.execute(db)
  return rows.map(
    ({
      deliveryId,
      address,
      attempts,
      traceParent,
      language,
      templateSubject,
      templateBody,
      withdrawal,
      ...content
    }) => ({
      deliveryId,
      address,
      attempts,
      traceParent,
      content,
      language,
      template:
        templateSubject === null || templateBody === null
          ? null
          : { subject: templateSubject, body: templateBody },
      withdrawal,
    }),
  )
}

interface LetterRow extends LetterContent, Omit<Letter, 'content' | 'template'> {
  templateSubject: string | null
  templateBody: string | null
}

/** The trace in which the contributions of the cycle `c` were created; null: it was not traced. */
export const traceOfCycle = sql`(select trace_parent from jobs where job_id = c.job_id)`

/** What a letter says of its notice `n`, with `letterJoins`. */
const letterColumns = sql`
  n.notice_kind, f.name as fund_name, coalesce(a.full_name, u.name, rm.full_name) as recipient_name, n.cycle_id, c.cycle_code,
  cl.claim_code, coalesce(cl.deceased_full_name, d.full_name) as deceased_full_name, cl.date_of_death, cl.place_of_death, c.contribution_amount, c.currency, c.currency_exponent,
  c.deadline, c.total_members, share.members, coalesce(share.amount, due.amount) as amount, ra.full_name as agent_name, e.payload ->> 'reason' as failure_reason`

const letterJoins = sql`
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
  ) share on n.notice_kind = 'agent-digest'
  left join members rm on rm.member_id = n.recipient_id and n.notice_kind = 'member-notice'
  left join agents ra on ra.agent_id = rm.agent_id
  left join lateral (
    select ${owed(sql`n.cycle_id`)} as amount from members m where m.member_id = rm.member_id
  ) due on true`

/** The content of the newest letter of this kind, with present values; undefined if the newest cycles have none. */
export async function findNewestContent(db: Db, noticeKind: LetterKind): Promise<LetterContent | undefined> {
  const { rows } = await sql<LetterContent>`
    with n as (
      select newest.*
      from (select cycle_id from contribution_cycles order by created_at desc limit 20) recent
      join events on subject = recent.cycle_id
      cross join lateral (
        select notices.* from notices
        where notices.event_id = events.event_id and notice_kind = ${noticeKind}
          and made_at is not null and members is distinct from 0
        limit 1
      ) newest
      order by newest.event_id desc
      limit 1
    )
    select ${letterColumns} from n ${letterJoins}`.execute(db)
  return rows[0]
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
  const { rows } = await sql<{ channel: Channel }>`
    update deliveries set
      delivery_status = ${end.to}, error = ${end.error ?? null}, provider_id = ${end.providerId ?? null},
      not_before = clock_timestamp() + ${end.restMs ?? 0} * interval '1 millisecond', updated_at = now()
    where delivery_id = ${deliveryId} and delivery_status = 'Pending'
    returning channel`.execute(db)
  for (const { channel } of rows) deliveriesSettled.inc({ channel, outcome: end.to })
}

/** Makes a Dead delivery Pending again, with all its attempts; false when it is in another state. */
export async function reviveDelivery(db: Db, deliveryId: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update deliveries set delivery_status = 'Pending', attempts = 0, not_before = now(), updated_at = now()
    where delivery_id = ${deliveryId} and delivery_status = 'Dead'`.execute(db)
  return numAffectedRows === 1n
}

export interface DeliveryView {
  deliveryId: string
  noticeKind: NoticeKind
  channel: Channel
  deliveryStatus: DeliveryStatus
  recipientName: string
  address: string
  cycleId: string
  cycleCode: string
  attempts: number
  /** When it is tried next; null when it is not tried again. */
  notBefore: string | null
  error: string | null
  providerId: string | null
  createdAt: string
  updatedAt: string
}

const deliveryViews = sql`
  select dl.delivery_id, n.notice_kind, dl.channel, dl.delivery_status, coalesce(a.full_name, u.name, m.full_name, 'Webhook') as recipient_name,
    dl.address, n.cycle_id, c.cycle_code, dl.attempts,
    case when dl.delivery_status = 'Pending' then dl.not_before end as not_before,
    dl.error, dl.provider_id, dl.created_at, dl.updated_at
  from deliveries dl
  join notices n using (notice_id)
  join contribution_cycles c using (cycle_id)
  left join users u on u.id = n.recipient_id
  left join agents a on a.agent_id = n.recipient_id
  left join members m on m.member_id = n.recipient_id`

/** A page of deliveries, newest first, before the given one. */
export async function findDeliveries(
  db: Db,
  filter: {
    status?: DeliveryStatus | undefined
    channel?: Channel | undefined
    cycleId?: string | undefined
    recipientId?: string | undefined
  },
  page: { before?: { createdAt: string; deliveryId: string } | undefined; limit: number },
): Promise<DeliveryView[]> {
  const { before } = page
  const { rows } = await sql<DeliveryView>`
    ${deliveryViews}
    where ${filter.status ? sql`dl.delivery_status = ${filter.status}` : sql`true`}
      and ${filter.channel ? sql`dl.channel = ${filter.channel}` : sql`true`}
      and ${filter.recipientId ? sql`n.recipient_id = ${filter.recipientId}` : sql`true`}
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

/** Removes the recipient's addresses from deliveries, and withdraws those that are not sent yet. */
export async function blankDeliveriesTo(tx: Tx, recipientId: string): Promise<void> {
  await sql`
    update deliveries dl set address = '', error = null, updated_at = now(),
      delivery_status = case delivery_status when 'Pending' then 'Withdrawn' else delivery_status end
    from notices n where n.notice_id = dl.notice_id and n.recipient_id = ${recipientId}`.execute(tx)
}
