import { expect, test } from 'vitest'
import { rowCheck } from './import-rules.ts'

/** What is shown of a name that is refused for its first character. */
function shownOf(name: string): string | null | undefined {
  const check = rowCheck(['memberCode', 'fullName', 'tier', 'status', 'joinedOn'], '2026-11-25')
  return check({ line: 2, fields: ['M-1', name, 'A', 'Active', '2020-01-01'] }).faults[0]?.value
}

test('of a refused value 80 characters are shown, and that it goes on', () => {
  expect(shownOf(`=${'x'.repeat(79)}`)).toBe(`=${'x'.repeat(79)}`)
  expect(shownOf(`=${'x'.repeat(80)}`)).toBe(`=${'x'.repeat(78)}…`)
})

test('control characters of a refused value are made visible', () => {
  expect(shownOf('=\u0000 \u001b\u007f\u0085')).toBe('=\u2400 \u241b\u2421\u2421')
})
