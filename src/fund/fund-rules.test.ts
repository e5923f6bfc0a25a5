import { expect, test } from 'vitest'
import { isTimeZone, localDate, yearlyCode } from './fund-rules.ts'

test('today is the day it is where the fund is', () => {
  const now = new Date('2026-12-31T20:00:00Z')
  expect(localDate(now, 'UTC')).toBe('2026-12-31')
  expect(localDate(now, 'Asia/Kolkata')).toBe('2027-01-01')
})

test('a time zone is a valid IANA name', () => {
  expect(['UTC', 'Asia/Kolkata', 'Mars/Olympus', ''].map(isTimeZone)).toEqual([true, true, false, false])
})

test('codes have five digits, and more when they need them', () => {
  expect(yearlyCode('CC', 2026, 15)).toBe('CC-2026-00015')
  expect(yearlyCode('CC', 2026, 123_456)).toBe('CC-2026-123456')
})
