import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { sql } from 'kysely'
import { z } from 'zod'
import type { Db, Tx } from '../database/connect.ts'
import { DomainError } from '../values/errors.ts'

export interface IdempotentRequest {
  readonly key: string | undefined
  readonly method: string
  readonly path: string
  readonly body: unknown
  /** The user of the request: nobody gets the answer of another user. */
  readonly actor: string
}

export interface Answer<Body, Status extends number = number> {
  readonly statusCode: Status
  readonly body: Body
}

/** Documents the header: `headers: idempotencyHeaders`. Loose, because the headers of a request are never all known. */
export const idempotencyHeaders = z.looseObject({
  'idempotency-key': z
    .string()
    .optional()
    .meta({
      description:
        '1 to 255 visible ASCII characters of your choice, new for each thing to be done. The same request with the ' +
        'same key within 24 hours is not carried out again: it gets the first answer.',
    }),
})

/** What makes two requests of one user equal. If the body is a stream, the route gives what was read from it instead. */
export function idempotentRequest(request: FastifyRequest): IdempotentRequest {
  const key = request.headers['idempotency-key']
  return {
    key: Array.isArray(key) ? key.join(', ') : key,
    method: request.method,
    path: request.url,
    body: request.body,
    actor: request.actor.name,
  }
}

/**
 * Runs a request in one transaction, and with an Idempotency-Key at most once: its answer is stored in the same
 * transaction and given again to the same request for 24 hours. A run that throws stores nothing.
 *
 * Nothing before `run` writes, so the run's own first write is what gives the transaction its id.
 *
 * @throws DomainError invalid-input for a malformed key, idempotency-key-busy while the first request still runs,
 *   idempotency-key-reused when the key came with another request
 */
export async function idempotently<Body, const Status extends number>(
  db: Db,
  request: IdempotentRequest,
  run: (tx: Tx) => Promise<Answer<Body, Status>>,
): Promise<Answer<Body, Status> & { readonly replayed: boolean }> {
  const { key } = request
  if (key !== undefined) requireKey(key)
  return await db.transaction().execute(async (tx) => {
    if (key === undefined) return { ...(await run(tx)), replayed: false }
    await lockKey(tx, key)
    const fingerprint = fingerprintOf(request)
    const stored = await findAnswer(tx, key)
    if (stored && stored.fingerprint !== fingerprint) {
      throw new DomainError(
        'idempotency-key-reused',
        'This Idempotency-Key came with another request before. Choose a new key for a new request.',
      )
    }
    // What was stored is what a run with the same method, path and body answered.
    if (stored) return { ...(stored.answer as Answer<Body, Status>), replayed: true }
    const answer = await run(tx)
    await storeAnswer(tx, key, fingerprint, answer)
    return { ...answer, replayed: false }
  })
}

function requireKey(key: string): void {
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return
  const detail = 'must be 1 to 255 visible ASCII characters'
  throw new DomainError('invalid-input', `Idempotency-Key: ${detail}.`, [
    { pointer: 'idempotency-key', detail },
  ])
}

/** Held until the transaction ends: the next one to get it sees the stored answer. */
async function lockKey(tx: Tx, key: string): Promise<void> {
  const { rows } = await sql<{ gained: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended('idempotency:' || ${key}, 0)) as gained`.execute(tx)
  if (rows[0]?.gained) return
  throw new DomainError(
    'idempotency-key-busy',
    'A request with this Idempotency-Key is still running. Ask again in a moment.',
  )
}

async function findAnswer(
  tx: Tx,
  key: string,
): Promise<{ fingerprint: string; answer: Answer<unknown> } | undefined> {
  const { rows } = await sql<{ fingerprint: string; statusCode: number; body: unknown }>`
    select fingerprint, status_code, body
    from idempotency_keys
    where idempotency_key = ${key} and created_at > now() - interval '24 hours'`.execute(tx)
  const [row] = rows
  return row && { fingerprint: row.fingerprint, answer: { statusCode: row.statusCode, body: row.body } }
}

/** Old keys are removed after the new one is stored, and only unlocked ones: two requests never wait for each other. */
async function storeAnswer(tx: Tx, key: string, fingerprint: string, answer: Answer<unknown>): Promise<void> {
  await sql`
    insert into idempotency_keys (idempotency_key, fingerprint, status_code, body)
    values (${key}, ${fingerprint}, ${answer.statusCode}, ${JSON.stringify(answer.body ?? null)}::jsonb)
    on conflict (idempotency_key) do update
    set fingerprint = excluded.fingerprint,
        status_code = excluded.status_code,
        body = excluded.body,
        created_at = excluded.created_at`.execute(tx)
  await sql`
    delete from idempotency_keys
    where idempotency_key in (
      select idempotency_key
      from idempotency_keys
      where created_at <= now() - interval '24 hours'
      limit 1000
      for update skip locked
    )`.execute(tx)
}

function fingerprintOf(request: IdempotentRequest): string {
  return createHash('sha256')
    .update(JSON.stringify([request.actor, request.method, request.path, canonical(request.body)]))
    .digest('hex')
}

/** The same value whatever the order its keys were written in. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return Object.fromEntries(entries.map(([key, inner]) => [key, canonical(inner)]))
}
