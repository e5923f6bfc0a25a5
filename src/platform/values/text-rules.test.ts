import { expect, test } from 'vitest'
import { reasonAgainstEmail, reasonAgainstName, textSchema } from './text-rules.ts'

test('a name is as long as 200 characters, whatever each takes in memory', () => {
  expect(reasonAgainstName('x'.repeat(200))).toBeUndefined()
  expect(reasonAgainstName('💠'.repeat(200))).toBeUndefined()
  expect(reasonAgainstName('💠'.repeat(201))).toBe('It is longer than 200 characters.')
})

test('a name may begin with something in quotation marks, and not be all of it', () => {
  expect(reasonAgainstName('"Bo" Lim')).toBeUndefined()
  expect(reasonAgainstName('"Bo Lim"')).toMatch(/quotation mark/)
})

test('an e-mail address is as long as 254 characters', () => {
  const address = (length: number) => `${'a'.repeat(length - '@example.org'.length)}@example.org`
  expect(reasonAgainstEmail(address(254))).toBeUndefined()
  expect(reasonAgainstEmail(address(255))).toBe('This is no e-mail address.')
})

test('a text is trimmed, must not be empty, and is refused with its reason', () => {
  const schema = textSchema(reasonAgainstName)
  const messages = (text: unknown) => schema.safeParse(text).error?.issues.map(({ message }) => message)
  expect(schema.parse('  Ada ')).toBe('Ada')
  expect(messages('  ')).toEqual(['It is missing.'])
  expect(messages('=1')).toEqual([expect.stringMatching(/formula/)])
})
