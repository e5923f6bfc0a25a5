import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { NewEvent } from '../events/event-sql.ts'
import type { Db } from '../platform/database/connect.ts'
import { mergeStrangersEvents, type StrangersEvents } from './strangers-events.ts'

let written: NewEvent[]
let strangers: StrangersEvents

beforeEach(() => {
  vi.useFakeTimers()
  written = []
  strangers = mergeStrangersEvents({
    db: {
      transaction: () => ({ execute: (run: (tx: unknown) => Promise<void>) => run(undefined) }),
    } as unknown as Db,
    announce: async (_tx, event) => written.push(event),
    onError: (error) => {
      throw error
    },
  })
})
afterEach(() => vi.useRealTimers())

const tell = (address: string, email: string, refusal = 'wrong-password') =>
  strangers.tell({
    eventName: 'SignInRefused',
    subject: null,
    actor: { name: 'anonymous', role: 'anonymous', via: null, address, requestId: 'r' },
    payload: { email, refusal },
  })
const shown = () => written.map(({ actor, payload }) => [actor.address, actor.requestId, payload])

test('the first of its kind is written at once, and the others once a minute, with the accounts', async () => {
  await tell('203.0.113.1', 'ada@example.org')
  for (let guess = 0; guess < 3; guess += 1) await tell('203.0.113.1', 'ada@example.org')
  await tell('203.0.113.1', 'ben@example.org')
  expect(shown()).toEqual([['203.0.113.1', 'r', { email: 'ada@example.org', refusal: 'wrong-password' }]])
  await vi.advanceTimersByTimeAsync(60_000)
  expect(shown()[1]).toEqual([
    '203.0.113.1',
    null,
    { refusal: 'wrong-password', emails: { 'ada@example.org': 3, 'ben@example.org': 1 }, times: 4 },
  ])
  await tell('203.0.113.1', 'ada@example.org')
  expect(written).toHaveLength(2)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(written).toHaveLength(3)
})

test('after a minute in which nothing came the next is written at once', async () => {
  await tell('203.0.113.1', 'ada@example.org')
  await vi.advanceTimersByTimeAsync(60_000)
  await tell('203.0.113.1', 'ada@example.org')
  expect(written).toHaveLength(2)
})

test('other kinds and other networks are counted separately, and the addresses of one IPv6 network together', async () => {
  await tell('2001:db8::1', 'ada@example.org')
  await tell('2001:db8::2', 'ada@example.org')
  await tell('2001:db8:0:1::1', 'ada@example.org')
  await tell('2001:db8::3', 'ada@example.org', 'account-locked')
  expect(shown().map(([address]) => address)).toEqual(['2001:db8::1', '2001:db8:0:1::1', '2001:db8::3'])
})

test('from any number of addresses, a few dozen events are written a minute, and none is lost', async () => {
  const count = 5000
  for (let number = 0; number < count; number += 1) {
    await tell(`203.0.${number >> 8}.${number & 255}`, `user${number}@example.org`)
  }
  expect(written.length).toBeLessThan(40)
  await strangers.close()
  expect(written.length).toBeLessThan(80)
  const times = written.map(({ payload }) => Number(payload?.times ?? 1))
  expect(times.reduce((sum, one) => sum + one)).toBe(count)
})
