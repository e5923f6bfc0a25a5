import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../test/support/test-database.ts'
import type { Tx } from '../database/connect.ts'
import { idempotently } from './idempotency.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
  await sql`create table deeds (deed text)`.execute(database.db)
  await sql`
    create table unique_deeds (deed text unique deferrable initially deferred)`.execute(database.db)
})

afterAll(() => database.drop())

beforeEach(async () => {
  await sql`truncate deeds, idempotency_keys`.execute(database.db)
})

const request = {
  key: 'key-1',
  method: 'POST',
  path: '/api/deeds',
  body: { amount: 5, tags: { a: 1, b: 2 } },
  actor: 'ada@example.org',
}

const refusal = (code: string) => expect.objectContaining({ code })

async function doDeed(tx: Tx): Promise<{ statusCode: number; body: { deedNo: number } }> {
  await sql`insert into deeds values ('done')`.execute(tx)
  const { rows } = await sql<{ deedNo: number }>`select count(*) as deed_no from deeds`.execute(tx)
  return { statusCode: 201, body: { deedNo: rows[0]?.deedNo ?? 0 } }
}

async function countDeeds(): Promise<number> {
  const { rows } = await sql<{ deeds: number }>`select count(*) as deeds from deeds`.execute(database.db)
  return rows[0]?.deeds ?? 0
}

async function storedKeys(): Promise<string[]> {
  const { rows } = await sql<{ idempotencyKey: string }>`
    select idempotency_key from idempotency_keys order by idempotency_key`.execute(database.db)
  return rows.map((row) => row.idempotencyKey)
}

test('the same request with the same key is carried out once and answered twice', async () => {
  const first = await idempotently(database.db, request, doDeed)
  const again = { ...request, body: { tags: { b: 2, a: 1 }, amount: 5 } }
  const second = await idempotently(database.db, again, doDeed)
  expect(first).toEqual({ statusCode: 201, body: { deedNo: 1 }, replayed: false })
  expect(second).toEqual({ ...first, replayed: true })
  expect(await countDeeds()).toBe(1)
})

test('without a key each request is carried out, each in a transaction', async () => {
  const keyless = { ...request, key: undefined }
  await idempotently(database.db, keyless, doDeed)
  await idempotently(database.db, keyless, doDeed)
  const broken = idempotently(database.db, keyless, async (tx) => {
    await doDeed(tx)
    throw new Error('broken')
  })
  await expect(broken).rejects.toThrow('broken')
  expect([await countDeeds(), await storedKeys()]).toEqual([2, []])
})

test.each([
  ['method', { method: 'PUT' }],
  ['path', { path: '/api/others' }],
  ['body', { body: { ...request.body, amount: 6 } }],
])('a key that came with another %s before is refused', async (_what, difference) => {
  await idempotently(database.db, request, doDeed)
  await expect(idempotently(database.db, { ...request, ...difference }, doDeed)).rejects.toEqual(
    refusal('idempotency-key-reused'),
  )
  expect(await countDeeds()).toBe(1)
})

test('a second request is refused while the first one runs, and gets its answer afterwards', async () => {
  let finish = (): void => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  let began = (): void => {}
  const begun = new Promise<void>((resolve) => {
    began = resolve
  })
  const first = idempotently(database.db, request, async (tx) => {
    const answer = await doDeed(tx)
    began()
    await finished
    return answer
  })
  await begun
  const other = idempotently(database.db, { ...request, key: 'key-2' }, async () => ({
    statusCode: 200,
    body: 'not held up',
  }))
  await expect(other).resolves.toMatchObject({ body: 'not held up' })
  await expect(idempotently(database.db, request, doDeed)).rejects.toEqual(refusal('idempotency-key-busy'))
  finish()
  await first
  await expect(idempotently(database.db, request, doDeed)).resolves.toMatchObject({ replayed: true })
})

test('a run that throws stores nothing, and its key can be used again', async () => {
  const broken = idempotently(database.db, request, async (tx) => {
    await doDeed(tx)
    throw new Error('broken')
  })
  await expect(broken).rejects.toThrow('broken')
  expect([await countDeeds(), await storedKeys()]).toEqual([0, []])
  await expect(idempotently(database.db, request, doDeed)).resolves.toMatchObject({ replayed: false })
})

test('an answer that cannot be stored rolls the run back', async () => {
  const unstorable = idempotently(database.db, request, async (tx) => ({
    statusCode: 200,
    body: { text: (await doDeed(tx)) && '\0' },
  }))
  await expect(unstorable).rejects.toThrow()
  expect(await countDeeds()).toBe(0)
})

test('a run that cannot be committed leaves no answer behind', async () => {
  const uncommittable = idempotently(database.db, request, async (tx) => {
    await sql`insert into unique_deeds values ('same'), ('same')`.execute(tx)
    return { statusCode: 200, body: 'never' }
  })
  await expect(uncommittable).rejects.toThrow('unique')
  expect(await storedKeys()).toEqual([])
})

test('the run is the first writer of its transaction', async () => {
  const { body } = await idempotently(database.db, request, async (tx) => {
    const { rows } = await sql<{ assigned: boolean }>`
      select pg_current_xact_id_if_assigned() is not null as assigned`.execute(tx)
    return { statusCode: 200, body: rows[0]?.assigned }
  })
  expect(body).toBe(false)
})

test('after 24 hours a key is removed and can be used again, and so are the other old ones', async () => {
  for (const key of ['key-1', 'key-2', 'key-3']) {
    await idempotently(database.db, { ...request, key }, doDeed)
  }
  await sql`
    update idempotency_keys
    set created_at = created_at - interval '24 hours'
    where idempotency_key in ('key-1', 'key-2')`.execute(database.db)
  const other = { ...request, path: '/api/others' }
  await expect(idempotently(database.db, other, doDeed)).resolves.toMatchObject({ replayed: false })
  expect(await storedKeys()).toEqual(['key-1', 'key-3'])
  await expect(idempotently(database.db, other, doDeed)).resolves.toMatchObject({ replayed: true })
})

test.each([
  ['an empty key', ''],
  ['a space', 'a b'],
  ['a letter beyond ASCII', 'schlüssel'],
  ['256 characters', 'x'.repeat(256)],
])('a malformed key is refused before anything runs: %s', async (_what, key) => {
  const run = vi.fn(doDeed)
  await expect(idempotently(database.db, { ...request, key }, run)).rejects.toEqual(refusal('invalid-input'))
  expect(run).not.toHaveBeenCalled()
})

test('a key may be as long as 255 characters, and an answer may have no body', async () => {
  const longest = { ...request, key: '~'.repeat(255) }
  const run = async () => ({ statusCode: 204, body: undefined })
  await idempotently(database.db, longest, run)
  await expect(idempotently(database.db, longest, run)).resolves.toMatchObject({
    statusCode: 204,
    replayed: true,
  })
})
