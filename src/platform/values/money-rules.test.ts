import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Currency, currencyCodes, currencyOf } from './currency-rules.ts'
import { DomainError } from './errors.ts'
import { apportion, convertDecimals, formatAmount, formatDecimal, parseAmount } from './money-rules.ts'

const known = (code: string) => currencyOf(code) as Currency

test('decimals are those of ISO 4217, whatever the runtime shows', () => {
  const codes = ['USD', 'JPY', 'KWD', 'CLF', 'IDR', 'PKR', 'RSD', 'COP', 'MMK', 'HUF', 'ISK', 'UGX', 'XCG']
  expect(codes.map((code) => currencyOf(code)?.currencyExponent)).toEqual([
    2, 0, 3, 4, 2, 2, 2, 2, 2, 2, 0, 0, 2,
  ])
  expect(['XYZ', 'usd', 'XAU', 'XXX', ''].map(currencyOf)).toEqual(Array(5).fill(undefined))
  expect(currencyCodes).toHaveLength(167)
})

test.each([
  ['100', 'USD', 10_000],
  ['99.50', 'USD', 9950],
  ['99.5', 'USD', 9950],
  ['99,50', 'EUR', 9950],
  [' 0.01 ', 'USD', 1],
  ['99.5000', 'USD', 9950],
  ['90071992547409.91', 'USD', Number.MAX_SAFE_INTEGER],
  // Grouped as people write it.
  ['50,000', 'USD', 5_000_000],
  ['1,500.00', 'USD', 150_000],
  ['5,00,000', 'INR', 50_000_000],
  ['12,34,56,789.05', 'INR', 12_345_678_905],
  ['50.000,00', 'EUR', 5_000_000],
  ['1.500.000', 'IDR', 150_000_000],
  ['1,500,000', 'USD', 150_000_000],
  ['50 000', 'EUR', 5_000_000],
  ['50\u202f000,5', 'EUR', 5_000_050],
  ['50\u00a0000', 'EUR', 5_000_000],
  ['50’000.50', 'CHF', 5_000_050],
  // A currency without minor units.
  ['100', 'JPY', 100],
  ['5000.00', 'JPY', 5000],
  ['5,000.00', 'JPY', 5000],
  ['50.000', 'JPY', 50_000],
  ['50,000', 'JPY', 50_000],
  // With three decimals.
  ['1000.234', 'KWD', 1_000_234],
  ['0.234', 'KWD', 234],
  ['1,500.250', 'KWD', 1_500_250],
  ['1.50', 'KWD', 1500],
])('%s %s is %i minor units', (text, currency, amountMinor) => {
  expect(parseAmount(text, known(currency))).toBe(amountMinor)
})

test.each([
  ['50.000', 'USD', 'write 50000 or 50.00.'],
  ['99.999', 'USD', 'write 99999 or 99.99.'],
  ['50,000', 'KWD', 'write 50000 or 50.000.'],
  ['50.000', 'KWD', 'write 50000 or 50.000.'],
  ['0.999', 'USD', 'more decimals than USD has (2)'],
  ['5000.50', 'JPY', 'has decimals, and JPY has none'],
  ['0', 'USD', 'more than 0'],
  ['0.00', 'USD', 'more than 0'],
  ['90071992547409.92', 'USD', 'larger than any amount'],
  ['', 'USD', 'write digits, as in 5000, 5,000 or 99.50'],
  ['-1', 'USD', 'write digits'],
  ['+1', 'USD', 'write digits'],
  ['$5', 'USD', 'write digits'],
  ['1e3', 'USD', 'write digits'],
  ['1.', 'USD', 'write digits'],
  ['.5', 'USD', 'write digits'],
  ['1,50,00', 'USD', 'write digits'],
  ['1,5000', 'JPY', 'has decimals'],
  ['1,000.000,00', 'USD', 'write digits'],
  ['1 500,00,0', 'USD', 'write digits'],
  ['0,500,000', 'USD', 'write digits'],
  ['٣', 'USD', 'write digits'],
])('"%s" %s is refused: %s', (text, currency, sentence) => {
  const read = () => parseAmount(text, known(currency))
  expect(read).toThrow(DomainError)
  expect(read).toThrow(sentence)
})

test('what is written is what was read', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      fc.constantFrom('USD', 'INR', 'JPY', 'IDR', 'CLF'),
      fc.constantFrom('en', 'en-IN', 'de', 'hi'),
      (amountMinor, code, locale) => {
        const currency = known(code)
        expect(parseAmount(formatDecimal(amountMinor, currency), currency)).toBe(amountMinor)
        const shown = formatAmount(amountMinor, currency, locale).replaceAll(/[^\d.,]/g, '')
        // `1.500` of a yen is unambiguous, and every other currency is shown with its decimals.
        expect(parseAmount(shown, currency)).toBe(amountMinor)
      },
    ),
  )
})

test('an amount is shown with the decimals that are kept, whatever the currency usually has', () => {
  expect(formatAmount(123_456, { currency: 'IDR', currencyExponent: 2 })).toBe('IDR\u00a01,234.56')
  expect(formatAmount(123_456, { currency: 'IDR', currencyExponent: 0 })).toBe('IDR\u00a0123,456')
  expect(formatAmount(123_456, { currency: 'KWD', currencyExponent: 3 })).toBe('KWD\u00a0123.456')
})

test('a balance below zero is shown with its sign, however small it is', () => {
  expect([-5, -250, -123_456].map((balance) => formatDecimal(balance, known('USD')))).toEqual([
    '-0.05',
    '-2.50',
    '-1234.56',
  ])
  expect(formatAmount(-5, known('USD'))).toBe('-$0.05')
  expect(formatDecimal(-5, known('JPY'))).toBe('-5')
})

test('an amount keeps its meaning in a currency with other decimals, or says that it cannot', () => {
  const convert = (minor: number, from: string, to: string) => convertDecimals(minor, known(from), known(to))
  expect([convert(100, 'INR', 'JPY'), convert(100, 'INR', 'KWD'), convert(7, 'INR', 'USD')]).toEqual([
    1, 1000, 7,
  ])
  expect([convert(50, 'INR', 'JPY'), convert(1, 'KWD', 'INR')]).toEqual([undefined, undefined])
})

test('an apportioned sum is never below the target, and above it by less than a step a member', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      fc.integer({ min: 1, max: 10 ** 7 }),
      fc.constantFrom(1, 3, 5, 50, 100, 1000),
      (target, members, step) => {
        const each = BigInt(apportion(target, members, step))
        const [sum, stepOf] = [each * BigInt(members), BigInt(step)]
        expect(each % stepOf).toBe(0n)
        expect(sum >= BigInt(target)).toBe(true)
        expect(sum - BigInt(target) < stepOf * BigInt(members)).toBe(true)
      },
    ),
  )
})
