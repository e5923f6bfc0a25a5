import { type Selectable, type SqlBool, sql } from 'kysely'
import { Temporal } from 'temporal-polyfill'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { Events } from '../platform/database/schema.ts'
import type { Actor } from '../platform/values/actor.ts'

/**
 * The names of what happens. Each feature adds those that it announces, in the file that says what it brings:
 * `declare module '../events/event-sql.ts' { interface EventNames { PaymentPosted: true } }`.
 *
 * @public
 */
// biome-ignore lint/suspicious/noEmptyInterface: the features fill it
export interface EventNames {}

export type EventName = keyof EventNames

export type EventRow = Omit<Selectable<Events>, 'payload'> & { payload: Record<string, unknown> }

export interface NewEvent {
  readonly eventName: EventName
  /** What it happened to; the fund has no id. */
  readonly subject: string | null
  readonly actor: Actor
  readonly payload?: Record<string, unknown>
}

/** Writes the fact down in the transaction that makes it true, and returns its id. */
export async function insertEvent(tx: Tx, { eventName, subject, actor, payload }: NewEvent): Promise<number> {
  const { name, role, via, address, requestId } = actor
  const { rows } = await sql<{ eventId: number }>`
    insert into events (event_name, subject, payload, actor, role, via, address, request_id)
    values (
      ${eventName}, ${subject}, ${JSON.stringify(payload ?? {})}, ${name}, ${role}, ${via}, ${address}, ${requestId}
    )
    returning event_id`.execute(tx)
  return (rows[0] as { eventId: number }).eventId
}

/** What happened to the subject, oldest first, after the given event. */
export async function findEvents(
  db: Db,
  subject: string,
  page: { after?: number; limit: number },
): Promise<EventRow[]> {
  let query = db
    .selectFrom('events')
    .selectAll()
    .where('subject', '=', subject)
    .orderBy('eventId')
    .limit(page.limit)
  if (page.after !== undefined) query = query.where('eventId', '>', page.after)
  return query.$castTo<EventRow>().execute()
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
  let query = db.selectFrom('events').selectAll().orderBy('eventId', 'desc').limit(page.limit)
  if (page.before !== undefined) query = query.where('eventId', '<', page.before)
  if (filter.actor !== undefined) query = query.where('actor', '=', filter.actor)
  if (filter.eventName !== undefined) query = query.where('eventName', '=', filter.eventName)
  if (filter.subject !== undefined) query = query.where('subject', '=', filter.subject)
  if (filter.from !== undefined) query = query.where(sql<SqlBool>`at >= ${utc(filter.from)}::timestamptz`)
  if (filter.to !== undefined) query = query.where(sql<SqlBool>`at < ${utc(filter.to)}::timestamptz`)
  return query.$castTo<EventRow>().execute()
}

/** PostgreSQL does not take every offset that is an offset. */
function utc(instant: string): string {
  return Temporal.Instant.from(instant).toString()
}

export interface BrokenLink {
  /** Null when the event has no place in the chain. */
  position: number | null
  eventId: number
  fault: 'removed' | 'changed' | 'not in the chain' | 'out of place'
}

/** Links that do not hold: first the events that were removed, edited, or written past the chain. */
export async function findBrokenLinks(db: Db, limit: number): Promise<BrokenLink[]> {
  const { rows } = await sql<BrokenLink>`
    select * from (
      select c.position, coalesce(c.event_id, e.event_id) as event_id,
        case
          when e.event_id is null then 'removed'
          when c.event_id is null then 'not in the chain'
          when c.digest <> event_digest(c.previous, e) then 'changed'
          when c.position <> c.previous_position + 1 then 'out of place'
        end as fault
      from (
        select position, event_id, digest,
          lag(digest, 1, ''::bytea) over chain as previous, lag(position, 1, 0::bigint) over chain as previous_position
        from event_chain window chain as (order by position)
      ) c
      full join events e using (event_id)
    ) links
    where fault is not null
    order by position nulls last, event_id
    limit ${limit}`.execute(db)
  return rows
}

/** A place in the chain: whoever has written it down elsewhere can tell whether all before it is as it was. */
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
