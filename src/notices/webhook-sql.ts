import { type Selectable, sql } from 'kysely'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { WebhookEndpoints } from '../platform/database/schema.ts'
import { take, traceOfCycle } from './delivery-sql.ts'

/** An endpoint without its secret. */
export type EndpointView = Omit<Selectable<WebhookEndpoints>, 'secret' | 'previousSecret' | 'previousUntil'>

const endpointColumns = ['endpointId', 'url', 'createdAt', 'disabledAt', 'disabledReason'] as const

export async function insertEndpoint(
  tx: Tx,
  endpoint: { url: string /** Encrypted. */; secret: string },
): Promise<EndpointView> {
  return tx
    .insertInto('webhookEndpoints')
    .values(endpoint)
    .returning(endpointColumns)
    .executeTakeFirstOrThrow()
}

/** A page of endpoints, newest first, before the given one. */
export async function findEndpoints(
  db: Db,
  page: { before?: { createdAt: string; endpointId: string } | undefined; limit: number },
): Promise<EndpointView[]> {
  let query = db
    .selectFrom('webhookEndpoints')
    .select(endpointColumns)
    .orderBy('createdAt', 'desc')
    .orderBy('endpointId', 'desc')
    .limit(page.limit)
  if (page.before) {
    const { createdAt, endpointId } = page.before
    query = query.where(
      sql<boolean>`(created_at, endpoint_id) < (${createdAt}::timestamptz, ${endpointId}::uuid)`,
    )
  }
  return query.execute()
}

/** Switches the endpoint on, or off for a reason; undefined when it is in that state already, or does not exist. */
export async function switchEndpoint(
  tx: Tx,
  endpointId: string,
  disabledReason: string | null,
): Promise<EndpointView | undefined> {
  return tx
    .updateTable('webhookEndpoints')
    .set({ disabledReason, disabledAt: disabledReason === null ? null : sql`now()` })
    .where('endpointId', '=', endpointId)
    .where('disabledAt', disabledReason === null ? 'is not' : 'is', null)
    .returning(endpointColumns)
    .executeTakeFirst()
}

export async function findEndpoint(db: Db, endpointId: string): Promise<EndpointView | undefined> {
  return db
    .selectFrom('webhookEndpoints')
    .select(endpointColumns)
    .where('endpointId', '=', endpointId)
    .executeTakeFirst()
}

/** Signs with another secret from now on, and for this long with the old one too. */
export async function replaceSecret(
  tx: Tx,
  endpointId: string,
  secret: string,
  overlapMs: number,
): Promise<EndpointView | undefined> {
  return tx
    .updateTable('webhookEndpoints')
    .set({
      previousSecret: sql.ref('secret'),
      previousUntil: sql`now() + ${overlapMs} * interval '1 millisecond'`,
      secret,
    })
    .where('endpointId', '=', endpointId)
    .returning(endpointColumns)
    .executeTakeFirst()
}

/** Secrets that are not encrypted, recognized by their prefix. */
export async function findPlainSecrets(db: Db, prefix: string): Promise<string[]> {
  const { rows } = await sql<{ secret: string }>`
    select secret from (
      select secret from webhook_endpoints union select previous_secret from webhook_endpoints
    ) kept
    where starts_with(secret, ${prefix})`.execute(db)
  return rows.map(({ secret }) => secret)
}

/** Replaces the plain secret by the encrypted one everywhere. */
export async function replacePlainSecret(db: Db, plain: string, sealed: string): Promise<void> {
  await sql`
    update webhook_endpoints set
      secret = case secret when ${plain} then ${sealed} else secret end,
      previous_secret = case previous_secret when ${plain} then ${sealed} else previous_secret end
    where ${plain} in (secret, previous_secret)`.execute(db)
}

/** A delivery to an endpoint that is being sent. */
export interface Post {
  deliveryId: string
  attempts: number
  traceParent: string | null
  /** The same in every attempt, so that the receiver recognizes a duplicate. */
  noticeId: string
  endpointId: string
  cycleId: string
  url: string
  /** Encrypted; one, or two during a rotation. */
  secrets: string[]
  eventName: string
  at: string
  data: Record<string, unknown>
  /** Why it must not be sent any more; null when it must. */
  withdrawal: string | null
}

/**
 * Takes posts that are due, as letters are taken; of each cycle and endpoint only the first that has not arrived, so that
 * they arrive in the order of what happened.
 */
export async function takeDuePosts(db: Db, limit: number, leaseMs: number): Promise<Post[]> {
  const due = sql`
    select dl.delivery_id from deliveries dl
    join notices n using (notice_id)
    where dl.channel = 'webhook' and dl.delivery_status = 'Pending' and dl.not_before <= clock_timestamp()
      and not exists (
        select from notices earlier join deliveries waiting using (notice_id)
        where earlier.recipient_id = n.recipient_id and earlier.cycle_id = n.cycle_id
          and earlier.event_id < n.event_id and waiting.delivery_status = 'Pending'
      )
    order by n.event_id
    limit ${limit}
    for update of dl skip locked`
  const { rows } = await sql<Post>`
    with taken as (${take(due, leaseMs)})
    select t.delivery_id, t.attempts, ${traceOfCycle} as trace_parent, n.notice_id, w.endpoint_id, n.cycle_id, w.url,
      array_remove(array[w.secret, case when w.previous_until > now() then w.previous_secret end], null) as secrets,
      e.event_name, e.at,
      jsonb_build_object('cycleId', n.cycle_id, 'cycleCode', c.cycle_code) || e.payload as data,
      case when w.disabled_at is not null then 'The endpoint is disabled.' end as withdrawal
    from taken t
    join notices n using (notice_id)
    join events e using (event_id)
    join contribution_cycles c using (cycle_id)
    join webhook_endpoints w on w.endpoint_id = n.recipient_id
    order by n.event_id`.execute(db)
  return rows
}
