/**
 * Amounts are integer minor units of the fund's currency, held in a safe integer. A person writes and reads them
 * in major units (`99.50`); the exponent comes from the currency, never from "/ 100".
 */
import { DomainError } from './errors.ts'

/** How many decimal places the currency has: 2 for USD, 0 for JPY, 3 for KWD. Source: the CLDR data in `Intl`. */
export function currencyExponent(currency: string): number {
  const { maximumFractionDigits } = new Intl.NumberFormat('en', {
    style: 'currency',
    currency,
  }).resolvedOptions()
  return maximumFractionDigits ?? 0
}

/** Whether `Intl` knows the ISO 4217 code. */
export function isCurrency(code: string): boolean {
  return Intl.supportedValuesOf('currency').includes(code)
}

/**
 * `"99.50"` → 9950 minor units. Digits with at most one decimal point; no signs, spaces, symbols or thousands
 * separators, because "1,500" is fifteen hundred to one reader and one and a half to another.
 *
 * @throws DomainError `invalid-input`
 */
export function parseAmount(text: string, currency: string): number {
  const exponent = currencyExponent(currency)
  const match = /^(\d{1,16})(?:\.(\d+))?$/.exec(text)
  if (!match) {
    throw new DomainError('invalid-input', `"${text}" is not an amount: write digits, as in 100 or 99.50.`)
  }
  const [, whole = '', fraction = ''] = match
  if (fraction.length > exponent) {
    throw new DomainError('invalid-input', `"${text}" has more decimals than ${currency} has (${exponent}).`)
  }
  const amountMinor = Number(whole + fraction.padEnd(exponent, '0'))
  if (amountMinor === 0) throw new DomainError('invalid-input', 'The amount must be more than 0.')
  if (!Number.isSafeInteger(amountMinor)) {
    throw new DomainError('invalid-input', `"${text}" is larger than any amount kept here.`)
  }
  return amountMinor
}

/** 9950 → `"99.50"`: what `parseAmount` reads, for files. A decimal string keeps every digit; dividing would not. */
export function formatDecimal(amountMinor: number, currency: string): string {
  const exponent = currencyExponent(currency)
  const digits = String(amountMinor).padStart(exponent + 1, '0')
  const whole = digits.slice(0, digits.length - exponent)
  return exponent === 0 ? whole : `${whole}.${digits.slice(-exponent)}`
}

/** 9950 → `"$99.50"`, for people; `locale` is a BCP 47 tag. */
export function formatAmount(amountMinor: number, currency: string, locale = 'en'): string {
  const decimal = formatDecimal(amountMinor, currency) as `${number}`
  return new Intl.NumberFormat(locale, { style: 'currency', currency }).format(decimal)
}

/**
 * What each of `payers` must pay so that `targetMinor` is reached: the share rounded *up* to a multiple of
 * `stepMinor`, so that the sum is never below the target. The surplus is less than `payers × stepMinor`.
 */
export function apportion(targetMinor: number, payers: number, stepMinor: number): number {
  return Math.ceil(targetMinor / payers / stepMinor) * stepMinor
}
