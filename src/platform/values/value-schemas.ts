/** Values that requests and answers of every feature hold. */
import { z } from 'zod'
import { codeRule, nameRule, textSchema } from './text-rules.ts'

/** Integer minor units of the fund's currency. */
export const amountSchema = z
  .int({ error: 'must be a whole number of minor units' })
  .min(1, { error: 'must be at least 1 minor unit' })
  .meta({ description: 'Minor units of the fund’s currency: 9950 is 99.50 in USD.' })

/** Of a currency, kept with it. */
export const exponentSchema = z.int().meta({
  description: 'How many decimals the currency has: with 2, an amount of 9950 is 99.50.',
})

/** A date of the calendar. PostgreSQL's has no year 0. */
export const dateSchema = z.iso
  .date({ error: 'must be a date such as 2026-11-23' })
  .refine((date) => date >= '0001', { error: 'must be a date such as 2026-11-23' })

/** An instant with any offset. In UTC it lies in a year of four digits, and Temporal counts nanoseconds at most. */
export const instantSchema = z.iso
  .datetime({ offset: true, error: 'must be an instant such as 2026-11-23T10:00:00Z' })
  .refine((instant) => isInCalendar(new Date(instant)) && !/\.\d{10}/.test(instant), {
    error: 'must be an instant such as 2026-11-23T10:00:00Z',
  })

/** PostgreSQL's calendar has no year 0, and years of five digits are written otherwise. */
function isInCalendar(date: Date): boolean {
  const year = date.getUTCFullYear()
  return year >= 1 && year <= 9999
}

export const codeSchema = textSchema(codeRule)
export const nameSchema = textSchema(nameRule)
