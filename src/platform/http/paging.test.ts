import { expect, test } from 'vitest'
import { z } from 'zod'
import { DomainError } from '../values/errors.ts'
import { decodeCursor, encodeCursor, pageFrom, pageOf, pageQuery } from './paging.ts'

const key = z.tuple([z.string(), z.int()])
const rows = [1, 2, 3].map((number) => ({ name: `Åsa ${number}`, number }))
const keyOf = (row: { name: string; number: number }) => [row.name, row.number]

test('a page that is not the last one points to the next by the key of its last row', () => {
  const page = pageFrom(rows, 2, keyOf)
  expect(page.items).toEqual(rows.slice(0, 2))
  expect(decodeCursor(page.nextCursor ?? undefined, key)).toEqual(['Åsa 2', 2])
  expect(pageOf(z.object({ name: z.string(), number: z.int() })).parse(page)).toEqual(page)
})

test('the last page points to no other, whether it is full, part full or empty', () => {
  expect(pageFrom(rows, 3, keyOf)).toEqual({ items: rows, nextCursor: null })
  expect(pageFrom(rows, 50, keyOf).nextCursor).toBeNull()
  expect(pageFrom([], 50, keyOf)).toEqual({ items: [], nextCursor: null })
})

test('without a cursor a list begins with its first row', () => {
  expect(decodeCursor(undefined, key)).toBeUndefined()
})

test.each([
  ['no base64', '%%%'],
  ['an empty one', ''],
  ['no JSON', Buffer.from('[1').toString('base64url')],
  ['another list’s key', encodeCursor(['a'])],
  ['a key of other types', encodeCursor([1, 'a'])],
  ['a NUL, which PostgreSQL cannot compare', encodeCursor(['a\0', 1])],
])('a cursor that is not ours is invalid input: %s', (_what, cursor) => {
  expect(() => decodeCursor(cursor, key)).toThrow(
    expect.toSatisfy((error) => error instanceof DomainError && error.faults[0]?.pointer === '?cursor'),
  )
})

test('a limit is a whole number from 1 to 200, and 50 when none is given', () => {
  const query = z.strictObject(pageQuery)
  expect(query.parse({})).toEqual({ limit: 50 })
  expect(query.parse({ limit: '200' })).toEqual({ limit: 200 })
  for (const limit of ['0', '201', '1.5', 'ten', '', ['1', '2']]) {
    const { error } = query.safeParse({ limit })
    expect(error?.issues[0]?.message).toBe('must be a whole number from 1 to 200')
  }
})
