import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { averageCost, chunkRowsFor, remainingSeconds, restMs } from './job-rules.ts'

describe('the size of chunks', () => {
  test.each([
    [1, undefined, 500],
    [5000, undefined, 500],
    [100_000, undefined, 5000],
    [1_000_000, undefined, 25_000],
    [10_000_000, 0.001, 25_000],
    [1_000_000, 0.02, 5000],
    [1_000_000, 10, 500],
    [1_000_000, 1000, 500],
  ])('of %i rows that cost %s ms each is %i', (total, msPerRow, rows) => {
    expect(chunkRowsFor(total, msPerRow)).toBe(rows)
  })
})

test('the remembered cost follows what rows cost lately', () => {
  expect(averageCost(undefined, 3)).toBe(3)
  expect(averageCost(2, 3)).toBeCloseTo(2.4)
})

test('failed attempts rest for 2 s, then for 4 s', () => {
  expect([restMs(1), restMs(2)]).toEqual([2000, 4000])
})

describe('the remaining time', () => {
  test('is unknown until two chunks are done, and 0 when nothing is left', () => {
    expect(remainingSeconds(100, { chunks: 1, rows: 10, workMs: 5, spanMs: 5 })).toBeNull()
    expect(remainingSeconds(100, { chunks: 2, rows: 10, workMs: 5000, spanMs: 5000 })).toBe(50)
    expect(remainingSeconds(100, { chunks: 2, rows: 0, workMs: 5000, spanMs: 5000 })).toBeNull()
    expect(remainingSeconds(0, { chunks: 0, rows: 0, workMs: 0, spanMs: 0 })).toBe(0)
  })

  test('counts the lanes that worked at once', () => {
    const recent = { chunks: 10, rows: 1000, workMs: 10_000, spanMs: 5000 }
    expect(remainingSeconds(2000, recent)).toBe(10)
  })

  test('is right for lanes that do not begin together and have half of their chunks done', () => {
    // Two lanes, half a chunk apart: five chunks of 2 s each, the span 11 s.
    const recent = { chunks: 10, rows: 1000, workMs: 20_000, spanMs: 11_000 }
    expect(remainingSeconds(1050, recent)).toBe(10)
    expect(remainingSeconds(50, recent)).toBe(1)
  })

  test('does not count a pause as work', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 ** 9 }), (pauseMs) => {
        const steady = { chunks: 10, rows: 1000, workMs: 10_000, spanMs: 10_000 }
        expect(remainingSeconds(500, { ...steady, spanMs: steady.spanMs + pauseMs })).toBe(5)
      }),
    )
  })
})
