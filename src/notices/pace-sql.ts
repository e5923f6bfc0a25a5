import { sql } from 'kysely'
import type { Db } from '../platform/database/connect.ts'
import type { Channel } from './notice-rules.ts'

/** How much unused time may be used at once after a pause: twice the time between two checks. */
const burstMs = 10_000

/**
 * Takes deliveries at the pace of their channel, which all processes share: so many a minute, evenly.
 *
 * @param perMinute undefined: as many as there are
 * @param limit how many at once
 * @param take takes as many as it is told at most, in the transaction it is given
 */
export async function takeAtPace<Taken>(
  db: Db,
  { channel, perMinute, limit }: { channel: Channel; perMinute: number | undefined; limit: number },
  take: (db: Db, limit: number) => Promise<Taken[]>,
): Promise<Taken[]> {
  if (perMinute === undefined) return take(db, limit)
  const spacingMs = 60_000 / perMinute
  const span = (ms: number) => sql`${ms} * interval '1 millisecond'`
  return db.transaction().execute(async (tx) => {
    await sql`insert into channel_paces (channel) values (${channel}) on conflict do nothing`.execute(tx)
    // Other senders wait here until the taken deliveries are counted.
    const { rows } = await sql<{ free: number }>`
      update channel_paces set
        next_at = greatest(next_at, clock_timestamp() - ${span(Math.max(burstMs, spacingMs))})
      where channel = ${channel}
      returning greatest(0, floor(extract(epoch from clock_timestamp() - next_at) * 1000 / ${spacingMs}))::integer as free`.execute(
      tx,
    )
    const free = Math.min(limit, rows[0]?.free ?? 0)
    if (free === 0) return []
    const taken = await take(tx, free)
    await sql`
      update channel_paces set next_at = next_at + ${span(spacingMs * taken.length)}
      where channel = ${channel}`.execute(tx)
    return taken
  })
}
