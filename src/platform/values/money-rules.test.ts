import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DomainError } from './errors.ts'
import { apportion, currencyExponent, formatAmount, isCurrency, parseAmount } from './money.ts'

test('the exponent is the currency’s', () => {
  expect(['USD', 'JPY', 'KWD'].map(currencyExponent)).toEqual([2, 0, 3])
  expect([isCurrency('INR'), isCurrency('XYZ'), isCurrency('usd')]).toEqual([true, false, false])
})

test.each([
  ['100', 'USD', 10_000],
  ['99.50', 'USD', 9950],
  ['99.5', 'USD', 9950],
  ['0.01', 'USD', 1],
  ['100', 'JPY', 100],
  ['1.234', 'KWD', 1234],
  ['90071992547409.91', 'USD', Number.MAX_SAFE_INTEGER],
])('%s %s is %i minor units', (text, currency, amountMinor) => {
  expect(parseAmount(text, currency)).toBe(amountMinor)
})

test.each([
  '',
  '0',
  '0.00',
  '-1',
  '+1',
  '1,500',
  '1 500',
  '$5',
  '1e3',
  '1.',
  '.5',
  '99.999',
  '90071992547409.92',
  '٣',
])('"%s" is refused', (text) => {
  expect(() => parseAmount(text, 'USD')).toThrow(DomainError)
})

test('what is written is what was read', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (amountMinor) => {
      const written = formatAmount(amountMinor, 'USD').replaceAll(/[$,]/g, '')
      expect(parseAmount(written, 'USD')).toBe(amountMinor)
    }),
  )
})

test('an apportioned sum is never below the target, and above it by less than a step a member', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 ** 12 }),
      fc.integer({ min: 1, max: 10 ** 7 }),
      fc.constantFrom(1, 5, 50, 100, 1000),
      (target, members, step) => {
        const each = apportion(target, members, step)
        expect(each % step).toBe(0)
        expect(each * members).toBeGreaterThanOrEqual(target)
        expect(each * members - target).toBeLessThan(step * members)
      },
    ),
  )
})
