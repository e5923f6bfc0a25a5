import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database.ts'
import type { Tx } from '../platform/database/connect.ts'
import { operator } from '../platform/values/actor.ts'
import { findBrokenLinks, findChainHead, findEvents, insertEvent } from './event-sql.ts'

const subject = '11111111-1111-4111-8111-111111111111'
const actor = operator('ada')

let database: TestDatabase
beforeEach(async () => {
  database = await createTestDatabase()
})
afterEach(() => database.drop())

const write = (tx: Tx, amount: number | null) =>
  insertEvent(tx, { eventName: 'FundChanged', subject, actor, payload: { amount } })
const commit = (amount: number | null) => database.db.transaction().execute((tx) => write(tx, amount))
const broken = async () =>
  (await findBrokenLinks(database.db, 10)).map(({ eventId, fault }) => `${eventId} ${fault}`)

/** As a user who may change everything in the database. */
const tamper = (statement: string) =>
  database.db.transaction().execute(async (tx) => {
    await sql`set local session_replication_role = replica`.execute(tx)
    await sql.raw(statement).execute(tx)
  })

test('events are chained in the order of their commits, however their transactions overlap', async () => {
  let first: Promise<unknown> | undefined
  await new Promise<void>((started, failed) => {
    first = database.db.transaction().execute(async (tx) => {
      await write(tx, 1)
      // Another transaction begins later and commits earlier.
      await commit(2).then(() => started(), failed)
    })
  })
  await first
  await Promise.all(Array.from({ length: 20 }, (_, index) => commit(index)))
  const { rows } = await sql<{ amounts: number[] }>`
    select array_agg((payload ->> 'amount')::int order by position) as amounts
    from event_chain join events using (event_id)`.execute(database.db)
  expect(rows[0]?.amounts.slice(0, 2)).toEqual([2, 1])
  expect(rows[0]?.amounts).toHaveLength(22)
  expect(await broken()).toEqual([])
  expect(await findChainHead(database.db)).toEqual({
    position: 22,
    digest: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
})

test('an event that is rolled back leaves no link', async () => {
  await commit(1)
  const undone = database.db.transaction().execute(async (tx) => {
    await write(tx, 2)
    throw new Error('changed my mind')
  })
  await expect(undone).rejects.toThrow('changed my mind')
  await commit(3)
  expect(await broken()).toEqual([])
  expect((await findChainHead(database.db)).position).toBe(2)
})

test('events and links cannot be changed or removed unless triggers are switched off', async () => {
  await commit(1)
  for (const statement of [
    `update events set actor = 'nobody'`,
    'delete from events',
    'truncate events',
    'update event_chain set position = 7',
    'delete from event_chain',
  ]) {
    await expect(sql.raw(statement).execute(database.db)).rejects.toThrow('is refused')
  }
})

describe('a user who may change everything in the database', () => {
  let ids: number[]
  beforeEach(async () => {
    for (const amount of [1, null, 3]) await commit(amount)
    ids = (await findEvents(database.db, subject, { limit: 10 })).map(({ eventId }) => eventId)
  })

  for (const [what, edit] of [
    ['an amount', `payload = '{"amount": 5}'`],
    ['an amount that was null', `payload = '{}'`],
    ['who did it', `actor = 'bob'`],
    ['in which role', `role = 'clerk'`],
    ['when', `at = at + interval '1 microsecond'`],
    ['to what', 'subject = null'],
    ['whence', `address = '10.0.0.1'`],
  ]) {
    test(`and edits ${what} is found out, and only that event is named`, async () => {
      await tamper(`update events set ${edit} where event_id = ${ids[1]}`)
      expect(await broken()).toEqual([`${ids[1]} changed`])
    })
  }

  test('and removes an event is found out, whether its link goes too or not', async () => {
    await tamper(`delete from events where event_id = ${ids[1]}`)
    expect(await broken()).toEqual([`${ids[1]} removed`])
    await tamper(`delete from event_chain where event_id = ${ids[1]}`)
    expect(await broken()).toEqual([`${ids[2]} changed`])
  })

  test('and removes the first one with its link is found out', async () => {
    await tamper(
      `delete from events where event_id = ${ids[0]}; delete from event_chain where event_id = ${ids[0]}`,
    )
    expect(await broken()).toEqual([`${ids[1]} changed`])
  })

  test('and writes an event past the chain is found out', async () => {
    await tamper(`insert into events (event_name, actor) values ('FundChanged', 'bob')`)
    expect((await broken())[0]).toMatch(/not in the chain$/)
  })

  test('and removes the last one is found out by who has written down the head', async () => {
    const head = await findChainHead(database.db)
    await tamper(
      `delete from events where event_id = ${ids[2]}; delete from event_chain where event_id = ${ids[2]}`,
    )
    expect(await broken()).toEqual([])
    expect(await findChainHead(database.db)).not.toEqual(head)
  })
})
