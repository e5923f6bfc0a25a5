import { randomBytes } from 'node:crypto'
import { type Selectable, type SqlBool, sql } from 'kysely'
import { Temporal } from 'temporal-polyfill'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { Events } from '../platform/database/schema.ts'
import type { Actor } from '../platform/values/actor.ts'
import { splitPersonal } from './event-rules.ts'

/**
 * The names of what happens. Each feature adds those that it announces, in the file that says what it brings:
 * `declare module '../events/event-sql.ts' { interface EventNames { PaymentPosted: true } }`.
 *
 * @public
 */
// biome-ignore lint/suspicious/noEmptyInterface: the features fill it
export interface EventNames {}

export type EventName = keyof EventNames

export type EventRow = Omit<Selectable<Events>, 'payload' | 'personalDigest'> & {
  payload: Record<string, unknown>
}

export interface NewEvent {
  readonly eventName: EventName
  /** The id of its subject; the fund has none. */
  readonly subject: string | null
  readonly actor: Actor
  readonly payload?: Record<string, unknown>
  /** The personal data of `before` and `after`. It is stored beside the chain, until the member is erased. */
  readonly personal?: { readonly memberId: string; readonly fields: readonly string[] }
}

/** Writes the event in the same transaction as the change, and returns its id. */
export async function insertEvent(
  tx: Tx,
  { eventName, subject, actor, payload = {}, personal }: NewEvent,
): Promise<number> {
  const { name, role, via, address, requestId } = actor
  const split = splitPersonal(payload, personal?.fields ?? [])
  const salt = split.personal && randomBytes(32)
  const data = split.personal && JSON.stringify(split.personal)
  const { rows } = await sql<{ eventId: number }>`
    with event as (
      insert into events (event_name, subject, payload, actor, role, via, address, request_id, personal_digest)
      values (
        ${eventName}, ${subject}, ${JSON.stringify(split.payload)}, ${name}, ${role}, ${via}, ${address}, ${requestId},
        personal_digest(${salt}, ${data}::jsonb)
      )
      returning event_id
    ),
    beside as (
      insert into personal_data (event_id, member_id, salt, data)
      select event_id, ${personal?.memberId}::uuid, ${salt}::bytea, ${data}::jsonb from event where ${data}::jsonb is not null
    )
    select event_id from event`.execute(tx)
  return (rows[0] as { eventId: number }).eventId
}

const eventViews = (db: Db) =>
  db
    .selectFrom('events as e')
    .leftJoin('personalData as p', 'p.eventId', 'e.eventId')
    .select([
      'e.eventId',
      'e.eventName',
      'e.subject',
      'e.at',
      'e.actor',
      'e.role',
      'e.via',
      'e.address',
      'e.requestId',
    ])
    .select(sql<Record<string, unknown>>`with_personal_data(e.payload, p.data)`.as('payload'))
    .$castTo<EventRow>()

/** What happened to the subject, oldest first, after the given event. */
export async function findEvents(
  db: Db,
  subject: string,
  page: { after?: number; limit: number },
): Promise<EventRow[]> {
  let query = eventViews(db).where('e.subject', '=', subject).orderBy('e.eventId').limit(page.limit)
  if (page.after !== undefined) query = query.where('e.eventId', '>', page.after)
  return query.execute()
}

export interface AuditFilter {
  readonly actor?: string | undefined
  readonly eventName?: string | undefined
  readonly subject?: string | undefined
  /** Both are instants; the first is included, the second is not. */
  readonly from?: string | undefined
  readonly to?: string | undefined
}

/** All events that pass the filter, newest first, before the given one. */
export async function findAuditEvents(
  db: Db,
  filter: AuditFilter,
  page: { before?: number | undefined; limit: number },
): Promise<EventRow[]> {
  let query = eventViews(db).orderBy('e.eventId', 'desc').limit(page.limit)
  if (page.before !== undefined) query = query.where('e.eventId', '<', page.before)
  if (filter.actor !== undefined) query = query.where('e.actor', '=', filter.actor)
  if (filter.eventName !== undefined) query = query.where('e.eventName', '=', filter.eventName)
  if (filter.subject !== undefined) query = query.where('e.subject', '=', filter.subject)
  if (filter.from !== undefined) query = query.where(sql<SqlBool>`e.at >= ${utc(filter.from)}::timestamptz`)
  if (filter.to !== undefined) query = query.where(sql<SqlBool>`e.at < ${utc(filter.to)}::timestamptz`)
  return query.execute()
}

/** PostgreSQL does not accept every valid offset. */
function utc(instant: string): string {
  return Temporal.Instant.from(instant).toString()
}

export interface BrokenLink {
  /** Null when the event has no place in the chain. */
  position: number | null
  eventId: number
  fault:
    | 'removed'
    | 'changed'
    | 'not in the chain'
    | 'out of place'
    | 'its personal data is removed or changed'
}

/** Broken links: first the events that were removed, edited, or written without a link. */
export async function findBrokenLinks(db: Db, limit: number): Promise<BrokenLink[]> {
  const { rows } = await sql<BrokenLink>`
    select * from (
      select c.position, coalesce(c.event_id, e.event_id) as event_id,
        case
          when e.event_id is null then 'removed'
          when c.event_id is null then 'not in the chain'
          when c.digest <> event_digest(c.previous, e) and not coalesce(is_erased(r.member_id), false) then 'changed'
          when c.position <> c.previous_position + 1 then 'out of place'
          when case
            when e.personal_digest is null or p.event_id is null then (e.personal_digest is null) <> (p.event_id is null)
            when p.data is null then not is_erased(p.member_id)
            else personal_digest(p.salt, p.data) <> e.personal_digest
          end then 'its personal data is removed or changed'
        end as fault
      from (
        select position, event_id, digest,
          lag(digest, 1, ''::bytea) over chain as previous, lag(position, 1, 0::bigint) over chain as previous_position
        from event_chain window chain as (order by position)
      ) c
      full join events e using (event_id)
      left join personal_data p using (event_id)
      left join redacted_events r using (event_id)
    ) links
    where fault is not null
    order by position nulls last, event_id
    limit ${limit}`.execute(db)
  return rows
}

/** A place in the chain: a copy of it elsewhere proves later that everything before it is unchanged. */
export interface ChainLink {
  readonly position: number
  readonly digest: string
}

/** Whether the chain still has the link. */
export async function hasLink(db: Db, { position, digest }: ChainLink): Promise<boolean> {
  const { rows } = await sql`
    select from event_chain where position = ${position} and digest = decode(${digest}, 'hex')`.execute(db)
  return rows.length > 0
}

/** The end of the chain. */
export async function findChainHead(db: Db): Promise<ChainLink> {
  const { rows } = await sql<ChainLink>`
    select position, encode(digest, 'hex') as digest from event_chain order by position desc limit 1`.execute(
    db,
  )
  return rows[0] ?? { position: 0, digest: '' }
}

/** Events that the chain can no longer prove, because personal data was removed from them. */
export async function countRedacted(db: Db): Promise<number> {
  const { rows } = await sql<{ redacted: number }>`select count(*) as redacted from redacted_events`.execute(
    db,
  )
  return rows[0]?.redacted ?? 0
}

/**
 * Destroys what events say of who an erased member is.
 *
 * Events of before `personal_data` are found by their subject.
 *
 * @param about the member, or what else is the member's, e.g. a claim
 * @param fields as in `NewEvent`
 */
export async function destroyPersonalData(
  tx: Tx,
  { memberId, about }: { memberId: string; about: readonly string[] },
  fields: readonly string[],
): Promise<void> {
  await sql`
    update personal_data set salt = null, data = null where member_id = ${memberId} and data is not null`.execute(
    tx,
  )
  const stripped = (part: string) => sql`
    case when payload ? ${part} then jsonb_build_object(${part}::text, (payload -> ${part}) - ${fields}::text[]) else '{}' end`
  await sql`
    insert into redacted_events (event_id, member_id)
    select event_id, ${memberId}::uuid from events
    where subject = any(${about}::uuid[]) and personal_digest is null
      and (payload -> 'before' ?| ${fields}::text[] or payload -> 'after' ?| ${fields}::text[])
    on conflict do nothing`.execute(tx)
  await sql`
    update events set payload = payload || ${stripped('before')} || ${stripped('after')}
    where event_id in (select event_id from redacted_events where member_id = ${memberId})`.execute(tx)
}
