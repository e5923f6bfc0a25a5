import type { Db, Tx } from '../platform/database/connect.ts'
import { type EventName, insertEvent, type NewEvent } from './event-sql.ts'

/** A stored event, in the same transaction as the change. */
export interface AnnouncedEvent extends NewEvent {
  readonly eventId: number
}

/** Acts on an event in the same transaction: if it throws, what happened is rolled back too. It may announce what follows. */
type Subscriber = (tx: Tx, event: AnnouncedEvent, announce: Announce) => Promise<void>

/** What a feature does when another feature announces an event, by the name of the event. */
export type Subscriptions = { readonly [name in EventName]?: Subscriber }

/**
 * Writes the event down and lets everybody who has subscribed act on it, all in the transaction that makes it true.
 * Whoever announces does not know who listens.
 *
 * @returns the id of the event
 */
export type Announce = (tx: Tx, event: NewEvent) => Promise<number>

/** What every verb with a change needs. */
export interface AnnounceDeps {
  readonly db: Db
  readonly announce: Announce
}

/** @param subscribers of all features; those of one event act in this order, one after the other */
export function announceTo(subscribers: readonly Subscriptions[]): Announce {
  const announce: Announce = async (tx, event) => {
    const eventId = await insertEvent(tx, event)
    for (const subscriptions of subscribers) {
      await subscriptions[event.eventName]?.(tx, { ...event, eventId }, announce)
    }
    return eventId
  }
  return announce
}
