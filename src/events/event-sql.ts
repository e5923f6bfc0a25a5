import { type Selectable, sql } from 'kysely'
import type { Db, Tx } from '../database/connect.ts'
import type { Events } from '../database/schema.ts'

export type EventName =
  | 'ClaimSubmitted'
  | 'ClaimApproved'
  | 'ClaimRejected'
  | 'ContributionCycleInitiated'
  | 'ContributionCycleActivated'
  | 'ContributionCycleFailed'
  | 'ContributionCyclePaused'
  | 'ContributionCycleResumed'
  | 'ContributionCycleCancelled'
  | 'ContributionCycleRetried'

export type EventRow = Omit<Selectable<Events>, 'payload'> & { payload: Record<string, unknown> }

/** Writes the fact down in the transaction that makes it true. */
export async function insertEvent(
  tx: Tx,
  event: { eventName: EventName; subject: string; actor: string; payload?: Record<string, unknown> },
): Promise<void> {
  await sql`
    insert into events (event_name, subject, actor, payload)
    values (${event.eventName}, ${event.subject}, ${event.actor}, ${JSON.stringify(event.payload ?? {})})
  `.execute(tx)
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
