import { expect, test } from 'vitest'
import {
  codeRule,
  emailRule,
  memberCodeRule,
  nameRule,
  phoneRule,
  type TextRule,
  textSchema,
} from './text-rules.ts'

test('a name is as long as 200 characters, whatever each takes in memory', () => {
  expect(nameRule.reasonAgainst('x'.repeat(200))).toBeUndefined()
  expect(nameRule.reasonAgainst('𝒩'.repeat(200))).toBeUndefined()
  expect(nameRule.reasonAgainst('𝒩'.repeat(201))).toBe('It is longer than 200 characters.')
})

test('a name may begin with something in quotation marks, and not be all of it', () => {
  expect(nameRule.reasonAgainst('"Bo" Lim')).toBeUndefined()
  expect(nameRule.reasonAgainst('"Bo Lim"')).toMatch(/quotation mark/)
})

test('an e-mail address is as long as 254 characters', () => {
  const address = (length: number) => `${'a'.repeat(length - '@example.org'.length)}@example.org`
  expect(emailRule.reasonAgainst(address(254))).toBeUndefined()
  expect(emailRule.reasonAgainst(address(255))).toBe('This is no e-mail address.')
})

test('a text is trimmed, must not be empty, and is refused with its reason', () => {
  const schema = textSchema(nameRule)
  const messages = (text: unknown) => schema.safeParse(text).error?.issues.map(({ message }) => message)
  expect(schema.parse('  Ada ')).toBe('Ada')
  expect(messages('  ')).toEqual(['It is missing.'])
  expect(messages('=1')).toEqual([expect.stringMatching(/formula/)])
})

const read = ({ tidy, reasonAgainst }: TextRule, written: string) => {
  const text = tidy(written)
  return reasonAgainst(text) ?? { text }
}

test('texts that look the same become the same', () => {
  const composed = 'Zoé Élite'.normalize('NFC')
  for (const written of [composed.normalize('NFD'), `\u00a0Zoé \u00a0Élite\u200b`, '\ufeffZoé\u2003Élite ']) {
    expect(nameRule.tidy(written)).toBe(composed)
  }
  expect(codeRule.tidy(' A\u200b-\u00ad1\u2060\u200e ')).toBe('A-1')
  // What joins letters in Indian and Persian names is seen, and stays.
  expect(nameRule.tidy('क्\u200dष')).toBe('क्\u200dष')
})

test.each([
  ['\u202eakar', /direction/],
  ['a\u2066b', /direction/],
  ['\u3164', /neither letter nor digit/],
  ['?', /neither letter nor digit/],
  ['\u2060\u200f-', /formula/],
  ['\ue000x', /only one font/],
  ['#N/A', /spreadsheet has written an error/],
  ['#ref!', /spreadsheet has written an error/],
  ['####', /spreadsheet has written an error/],
])('the name %j is refused', (name, reason) => {
  expect(read(nameRule, name)).toMatch(reason)
})

test.each(['1.00E+12', '9,19E+11', '1E+06'])('%s is no code: a spreadsheet has shortened it', (code) => {
  expect(read(codeRule, code)).toMatch(/shortened/)
  expect(read(memberCodeRule, code)).toMatch(/shortened/)
})

test.each([
  ['+91 98200 00001', '+91 98200 00001'],
  ["'+919820000001", '+919820000001'],
  ['\u00a0+91\u00a098200\u00a000003 ', '+91 98200 00003'],
  ['+91–98200—00001', '+91-98200-00001'],
  ['＋91 98200', '+91 98200'],
  ['+٩١٩٨٢٠', '+919820'],
  ['९८२०', '9820'],
  ['(+91) 98200-00001', '(+91) 98200-00001'],
  ['+91 1', '+91 1'],
])('the telephone number %j is %j', (written, text) => {
  expect(read(phoneRule, written)).toEqual({ text })
})

test.each([
  '-',
  '--',
  '0',
  '+',
  '( )',
  '000',
  '0000000000',
  '+91',
  '98200 00001 ext 5',
  '9.19E+11',
  '9820000001.0',
  'n/a',
  '98200 00001 / 98200 00002',
  '98200 00001 98200 00002',
  '98+20',
])('%j is no telephone number', (written) => {
  expect(read(phoneRule, written)).toEqual(expect.stringMatching(/phone number/))
})

test.each([
  "o'brien@example.org",
  'jörg@example.org',
  'asha@münchen.example',
  'asha@xn--mnchen-3ya.example',
  'a&b@example.org',
  'आशा@उदाहरण.भारत',
  'ASHA@EXAMPLE.ORG',
  'asha+fund@example.org',
  'first.last@sub.example.org',
])('%s is an e-mail address', (email) => {
  expect(read(emailRule, email)).toEqual({ text: email.normalize('NFC') })
})

test.each([
  'asha@example.org; ravi@example.org',
  'mailto:asha@example.org',
  'Asha <asha@example.org>',
  'asha@example.org.',
  'n/a',
  '.asha@example.org',
  'a..b@example.org',
  'asha@example',
  'asha@-example.org',
  '@example.org',
  'a b@example.org',
])('%s is no e-mail address', (email) => {
  expect(read(emailRule, email)).toBe('This is no e-mail address.')
})
