import { expect, test } from 'vitest'
import { beyondLimit, collectingPeriod, limitsOf, strategyFor } from './cycle-rules.ts'

test('the start date is the fund’s, wherever the server stands', () => {
  const now = new Date('2026-11-23T20:00:00Z')
  expect(collectingPeriod(now, 'Asia/Kolkata', 15)).toEqual({
    startDate: '2026-11-24',
    deadline: '2026-12-09',
    deadlineAt: '2026-12-09T18:30:00Z',
  })
  expect(collectingPeriod(now, 'America/Chicago', 15).startDate).toBe('2026-11-23')
})

test('the deadline’s day ends when it ends there, also when the clocks change on it', () => {
  // The day of 1 November 2026 has 25 hours in New York, that of 14 March 2027 has 23.
  expect(collectingPeriod(new Date('2026-10-17T12:00:00Z'), 'America/New_York', 15).deadlineAt).toBe(
    '2026-11-02T05:00:00Z',
  )
  expect(collectingPeriod(new Date('2027-02-27T12:00:00Z'), 'America/New_York', 15).deadlineAt).toBe(
    '2027-03-15T04:00:00Z',
  )
})

test('one person goes as far as the limit, and no minor unit further', () => {
  const limits = limitsOf(57, 10, 100)
  expect(limits).toEqual({ total: 114, amount: 10 })
  expect(beyondLimit({ contributionAmount: 10, members: 11 }, limits)).toEqual([])
  expect(beyondLimit({ contributionAmount: 5, members: 23 }, limits)).toEqual([
    { reason: 'total', figure: 115, limit: 114 },
  ])
  expect(beyondLimit({ contributionAmount: 11, members: 1 }, limits)).toEqual([
    { reason: 'amount', figure: 11, limit: 10 },
  ])
  // Without an amount of the tier's own the total alone counts.
  expect(beyondLimit({ contributionAmount: 114, members: 1 }, limitsOf(57, null, 100))).toEqual([])
})

test('hybrid goes inline up to the limit', () => {
  expect(strategyFor('hybrid', 1000, 1000)).toBe('inline')
  expect(strategyFor('hybrid', 1001, 1000)).toBe('queued')
  expect(strategyFor('inline', 1001, 1000)).toBe('inline')
  expect(strategyFor('queued', 1, 1000)).toBe('queued')
})
