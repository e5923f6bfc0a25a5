/** Dates as people write them in files. Dates in numbers are accepted only when their order is given. */
import { Temporal } from 'temporal-polyfill'
import { z } from 'zod'

export const dateOrders = ['ymd', 'dmy', 'mdy'] as const
export type DateOrder = (typeof dateOrders)[number]

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/** No member joined earlier; a spreadsheet that has lost a date writes one of 1899. */
const firstYear = 1900

/**
 * @param order of numbers such as 05.01.2020; undefined while nobody has said it
 * @returns `YYYY-MM-DD`, or why it is none, as a sentence
 */
export function readDate(text: string, order: DateOrder | undefined): { date: string } | { reason: string } {
  // Nearly every date has this form.
  if (text >= String(firstYear) && z.regexes.date.test(text)) return { date: text }
  const parts = partsOf(text, order)
  if (typeof parts === 'string') return { reason: parts }
  const [year, month, day] = parts
  if (year < firstYear) return { reason: `The year must be ${firstYear} or later.` }
  try {
    return { date: Temporal.PlainDate.from({ year, month, day }, { overflow: 'reject' }).toString() }
  } catch {
    return { reason: 'This is no date of the calendar.' }
  }
}

function partsOf(text: string, order: DateOrder | undefined): [number, number, number] | string {
  // With a time of midnight, which has no meaning.
  const day = text.replace(/[T ]0{1,2}:00(:00(\.0+)?)?(Z|[+-]\d\d:?\d\d)?$/, '')
  const iso = /^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})$/.exec(day) ?? /^(\d{4})()(\d\d)(\d\d)$/.exec(day)
  if (iso) return [Number(iso[1]), Number(iso[3]), Number(iso[4])]
  const named = /^(\d{1,2})[-/. ]([a-z]{3})[a-z]*[-/. ,]+(\d{4})$/i.exec(day)
  if (named) {
    const month = months.indexOf(named[2]?.toLowerCase() ?? '') + 1
    return month > 0
      ? [Number(named[3]), month, Number(named[1])]
      : 'This is no date: its month is not known.'
  }
  const numbers = /^(\d{1,2})([-/.])(\d{1,2})\2(\d{4})$/.exec(day)
  if (numbers) {
    const [first, second, year] = [Number(numbers[1]), Number(numbers[3]), Number(numbers[4])]
    if (order === 'dmy') return [year, second, first]
    if (order === 'mdy') return [year, first, second]
    return 'Which number is the day? Say the order of the dates (dmy or mdy), or write YYYY-MM-DD.'
  }
  if (/^\d{5}$/.test(day))
    return 'This is a day as spreadsheets count them: let the column be a date, written YYYY-MM-DD.'
  return 'This is no date of the calendar, written YYYY-MM-DD.'
}
