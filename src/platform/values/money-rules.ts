/**
 * Amounts are integer minor units of the fund's currency, held in a safe integer. A person writes and reads them
 * in major units (`99.50`); how many decimal places there are is kept with the currency, never "/ 100".
 */
import type { Currency } from './currency-rules.ts'
import { DomainError } from './errors.ts'

/**
 * What somebody writes, in minor units. Taken are digits with a decimal point or comma, and groups as people write them:
 * `50,000`, `5,00,000`, `50 000`, `50.000,00`. Zeros after the last decimal place of the currency are taken too: `5000.00` yen.
 *
 * Refused is what means one amount to one reader and another to the next: `50.000` in a currency with decimals.
 *
 * @throws DomainError `invalid-input`, whose sentence says how to write it
 */
export function parseAmount(text: string, currency: Currency): number {
  const { currencyExponent } = currency
  const { whole, fraction } = takeApart(text.trim(), currency)
  const decimals = fraction.slice(0, currencyExponent)
  if (/[^0]/.test(fraction.slice(currencyExponent))) {
    throw refusal(
      currencyExponent === 0
        ? `"${text}" has decimals, and ${currency.currency} has none.`
        : `"${text}" has more decimals than ${currency.currency} has (${currencyExponent}).`,
    )
  }
  const amountMinor = Number(whole + decimals.padEnd(currencyExponent, '0'))
  if (amountMinor === 0) throw refusal('The amount must be more than 0.')
  if (!Number.isSafeInteger(amountMinor)) throw refusal(`"${text}" is larger than any amount kept here.`)
  return amountMinor
}

/** Groups of three digits, or as in India: of two, and three at the end; then decimals after another mark. */
const grouped = [
  /^(?<whole>[1-9]\d{0,2}([., '])\d{3}(?:\2\d{3})*)(?:(?!\2)[.,](?<fraction>\d+))?$/,
  /^(?<whole>[1-9]\d?([., '])\d{2}(?:\2\d{2})*\2\d{3})(?:(?!\2)[.,](?<fraction>\d+))?$/,
]
const plain = /^(?<whole>\d+)(?:(?<mark>[.,])(?<fraction>\d+))?$/

function takeApart(text: string, currency: Currency): { whole: string; fraction: string } {
  const { currencyExponent } = currency
  // Blanks between groups are often those that do not break.
  const written = text.replaceAll(/\s/gu, ' ').replaceAll('’', "'")
  const { whole, mark, fraction = '' } = plain.exec(written)?.groups ?? {}
  if (whole !== undefined) {
    // `50,000` and `50.000`: either a mark between groups, or a decimal mark.
    const looksGrouped = fraction.length === 3 && /^[1-9]\d{0,2}$/.test(whole)
    if (!looksGrouped) return { whole, fraction }
    if (currencyExponent === 0 || (mark === ',' && currencyExponent < 3)) {
      return { whole: whole + fraction, fraction: '' }
    }
    const decimals = fraction.slice(0, currencyExponent)
    throw refusal(
      `"${text}" means one amount to some and another to others: write ${whole}${fraction} or ${whole}.${decimals}.`,
    )
  }
  const match = grouped.map((form) => form.exec(written)?.groups).find((found) => found !== undefined)
  if (match?.whole === undefined) throw notAnAmount(text, currency)
  return { whole: match.whole.replaceAll(/\D/g, ''), fraction: match.fraction ?? '' }
}

function notAnAmount(text: string, currency: Currency): DomainError {
  const examples = currency.currencyExponent === 0 ? '5000 or 5,000' : '5000, 5,000 or 99.50'
  return refusal(`"${text}" is not an amount: write digits, as in ${examples}.`)
}

function refusal(sentence: string): DomainError {
  return new DomainError('invalid-input', sentence)
}

/** 9950 → `"99.50"`: what `parseAmount` reads, for files. A decimal string keeps every digit; dividing would not. */
export function formatDecimal(amountMinor: number, { currencyExponent }: Currency): string {
  const digits = String(Math.abs(amountMinor)).padStart(currencyExponent + 1, '0')
  const whole = (amountMinor < 0 ? '-' : '') + digits.slice(0, digits.length - currencyExponent)
  return currencyExponent === 0 ? whole : `${whole}.${digits.slice(-currencyExponent)}`
}

/**
 * 9950 → `"$99.50"`, for people. `Intl` decides where the sign stands and how digits are grouped, not how many decimals there are.
 *
 * @param locale a BCP 47 tag
 */
export function formatAmount(amountMinor: number, currency: Currency, locale = 'en'): string {
  const { currencyExponent } = currency
  const decimal = formatDecimal(amountMinor, currency) as `${number}`
  return new Intl.NumberFormat(locale, {
    style: 'currency',
    currency: currency.currency,
    minimumFractionDigits: currencyExponent,
    maximumFractionDigits: currencyExponent,
  }).format(decimal)
}

/**
 * The same amount in a currency with more or fewer decimals: a step of 1.00 rupee becomes one of 1 yen.
 *
 * @returns undefined when the currency has too few decimals for it
 */
export function convertDecimals(amountMinor: number, from: Currency, to: Currency): number | undefined {
  const converted = (amountMinor * 10 ** to.currencyExponent) / 10 ** from.currencyExponent
  return Number.isSafeInteger(converted) ? converted : undefined
}

/**
 * What each of `payers` must pay so that `targetMinor` is reached: the share rounded *up* to a multiple of
 * `stepMinor`, so that the sum is never below the target. The surplus is less than `payers × stepMinor`.
 */
export function apportion(targetMinor: number, payers: number, stepMinor: number): number {
  // Exact integers: with floating numbers the result may be one step too low for a large target.
  const ofAStep = BigInt(payers) * BigInt(stepMinor)
  return Number(((BigInt(targetMinor) + ofAStep - 1n) / ofAStep) * BigInt(stepMinor))
}
