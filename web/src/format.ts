/** Numbers, money and time as people of the fund write them. */
import i18next from 'i18next'
import type { Currency } from '../../src/platform/values/currency-rules.ts'
import { formatAmount, formatDecimal, parseAmount } from '../../src/platform/values/money-rules.ts'

/** The language of the page, as the browser's owner writes it: `en-IN` writes ₹5,00,000.00 and 26 Nov 2026. */
function language(): string {
  const shown = i18next.language || 'en'
  return navigator.languages.find((one) => one.slice(0, 2) === shown) ?? shown
}

export function number(value: number): string {
  return new Intl.NumberFormat(language()).format(value)
}

/** Minor units, as people write them. */
export function money(amountMinor: number, currency: Currency): string {
  return formatAmount(amountMinor, currency, language())
}

/** A typed amount, `99.50` or `5,00,000`, in minor units; undefined when it is not a valid amount. */
export function minorUnits(text: string, currency: Currency): number | undefined {
  try {
    return parseAmount(text, currency)
  } catch {
    return undefined
  }
}

/** An amount as it is typed. */
export function typed(amountMinor: number, currency: Currency): string {
  return formatDecimal(amountMinor, currency)
}

/** A date of the calendar, `2026-11-25`, without any zone. */
export function date(isoDate: string): string {
  return new Intl.DateTimeFormat(language(), { dateStyle: 'medium', timeZone: 'UTC' }).format(
    new Date(`${isoDate}T00:00:00Z`),
  )
}

/** Today as a date input has it, in the time zone, or in that of this machine. */
export function today(timeZone?: string): string {
  const parts = new Intl.DateTimeFormat('en', {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    ...(timeZone !== undefined && { timeZone }),
  }).formatToParts(new Date())
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((one) => one.type === type)?.value ?? ''
  return `${part('year')}-${part('month')}-${part('day')}`
}

/** An instant, in the fund's time zone. */
export function instant(rfc3339: string, timeZone: string): string {
  return new Intl.DateTimeFormat(language(), { dateStyle: 'medium', timeStyle: 'medium', timeZone }).format(
    new Date(rfc3339),
  )
}

/** "2 more minutes": a number of seconds for people. */
export function duration(seconds: number): string {
  const [amount, unit] =
    seconds < 60
      ? [Math.max(1, seconds), 'second']
      : seconds < 5400
        ? [Math.round(seconds / 60), 'minute']
        : [Math.round(seconds / 3600), 'hour']
  return new Intl.NumberFormat(language(), { style: 'unit', unit, unitDisplay: 'long' }).format(amount)
}
