import { expect, test } from 'vitest'
import { memberFile } from './column-rules.ts'
import { readDate } from './import-dates.ts'
import { memberReaders } from './import-rules.ts'
import { rowCheck } from './row-check-rules.ts'

/** What is shown of a name that is refused for its first character. */
function shownOf(name: string): string | null | undefined {
  const check = rowCheck(
    memberFile,
    memberReaders,
    ['memberCode', 'fullName', 'tier', 'status', 'joinedOn'],
    {
      today: '2026-11-25',
      dateOrder: undefined,
    },
  )
  return check({ line: 2, fields: ['M-1', name, 'A', 'Active', '2020-01-01'] }).faults[0]?.value
}

test('of a refused value 80 characters are shown, with a sign that more follows', () => {
  expect(shownOf(`=${'x'.repeat(79)}`)).toBe(`=${'x'.repeat(79)}`)
  expect(shownOf(`=${'x'.repeat(80)}`)).toBe(`=${'x'.repeat(78)}…`)
})

test('control characters of a refused value are made visible', () => {
  expect(shownOf('=\u0000 \u001b\u007f\u0085')).toBe('=\u2400 \u241b\u2421\u2421')
})

test.each([
  ['2020-01-05', undefined, '2020-01-05'],
  ['2020-1-5', undefined, '2020-01-05'],
  ['2020/01/05', undefined, '2020-01-05'],
  ['20200105', undefined, '2020-01-05'],
  ['2020-01-05T00:00:00Z', undefined, '2020-01-05'],
  ['2020-01-05 00:00:00', undefined, '2020-01-05'],
  ['05-Jan-2020', undefined, '2020-01-05'],
  ['5 January 2020', undefined, '2020-01-05'],
  ['05.01.2020', 'dmy', '2020-01-05'],
  ['31/12/2020', 'dmy', '2020-12-31'],
  ['1/5/2020', 'mdy', '2020-01-05'],
  ['2024-02-29', undefined, '2024-02-29'],
] as const)('the date %s (%s) is %s', (text, order, date) => {
  expect(readDate(text, order)).toEqual({ date })
})

test.each([
  ['05.01.2020', undefined, /Which number is the day/],
  ['31/12/2020', 'mdy', /no date of the calendar/],
  ['2020-02-30', undefined, /no date of the calendar/],
  ['1900-01-00', undefined, /no date of the calendar/],
  ['1899-12-30', undefined, /1900 or later/],
  ['0020-01-05', undefined, /1900 or later/],
  ['0202-01-05', undefined, /1900 or later/],
  ['0000-00-00', undefined, /1900 or later/],
  ['43831', undefined, /as spreadsheets count them/],
  ['2020-01-05T13:00:00Z', undefined, /written YYYY-MM-DD/],
  ['05-Foo-2020', undefined, /month is not known/],
] as const)('%s (%s) is no date', (text, order, reason) => {
  expect(readDate(text, order)).toEqual({ reason: expect.stringMatching(reason) })
})
