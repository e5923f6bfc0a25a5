import { expect, test } from 'vitest'
import { z } from 'zod'
import { isLargeChange, subjectOfFile } from './large-import-rules.ts'

test('a change is large when it is more than the share, and of ten members or more', () => {
  const large = (changed: number, members: number, percent = 10) =>
    isLargeChange({ changed, members, percent })
  expect([large(10, 100), large(11, 100)]).toEqual([false, true])
  expect([large(9, 9), large(10, 10)]).toEqual([false, true])
  expect([large(1000, 1000, 100), large(9, 1000, 0), large(10, 1_000_000, 0)]).toEqual([false, false, true])
})

test('a file has one UUID, another file has another', () => {
  const subjects = ['0'.repeat(64), `${'0'.repeat(63)}1`, 'f'.repeat(64), `1${'0'.repeat(63)}`].map(
    subjectOfFile,
  )
  expect(subjects.every((subject) => z.uuid().safeParse(subject).success)).toBe(true)
  // It has half of what the digest has.
  expect(new Set(subjects).size).toBe(3)
})
