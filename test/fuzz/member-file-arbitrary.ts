import fc from 'fast-check'
import { memberFile as kind, memberColumns } from '../../src/members/column-rules.ts'
import { oddText } from './odd-values.ts'
import type { Known } from './request-arbitrary.ts'

export interface FuzzedFile {
  readonly bytes: Buffer
  readonly columns: readonly string[]
  /** What stands in the file, by the line on which it begins; undefined when the file was damaged after it was written. */
  readonly rows: readonly { readonly line: number; readonly fields: readonly string[] }[] | undefined
}

/** A file of members: good files, bad files, and files of another kind. */
export function memberFile(known: Known): fc.Arbitrary<Buffer> {
  return fuzzedFile(known).map(({ bytes }) => bytes)
}

/** A file of members, with what was written into it. */
export function fuzzedFile(known: Known): fc.Arbitrary<FuzzedFile> {
  return columns.chain((header) =>
    fc
      .record({
        rows: fc.array(fc.tuple(fieldsOf(header, known), fc.nat(9)), { maxLength: 8 }),
        lineEnd: fc.constantFrom('\n', '\n', '\r\n', '\r\n', '\n\n', '\r\n\n'),
        mark: fc.constantFrom('', '', '', '\ufeff'),
        lastLineEnd: fc.boolean(),
        alwaysQuote: fc.boolean(),
        damage,
      })
      .map(({ rows, lineEnd, mark, lastLineEnd, alwaysQuote, damage: apply }) => {
        const written: { line: number; fields: string[] }[] = []
        const lines = [header.map((name) => quoted(name, alwaysQuote)).join(',')]
        const breaksOf = (text: string) => text.split('\n').length - 1
        let line = 1 + breaksOf(lineEnd) + breaksOf(lines[0] ?? '')
        for (const [fields, many] of rows) {
          // Now and then a field less or more than the header has.
          const some = many === 0 ? fields.slice(1) : many === 1 ? [...fields, 'more'] : fields
          const text = some.map((field) => quoted(field, alwaysQuote)).join(',')
          // A row with nothing but blanks is left out.
          if (some.some((field) => field.trim() !== '')) written.push({ line, fields: some })
          line += breaksOf(lineEnd) + breaksOf(text)
          lines.push(text)
        }
        const bytes = Buffer.from(`${mark}${lines.join(lineEnd)}${lastLineEnd ? lineEnd : ''}`)
        return apply
          ? { bytes: apply(bytes), columns: header, rows: undefined }
          : { bytes, columns: header, rows: written }
      }),
  )
}

/** The columns in any order, mostly all that are required, and now and then one that is wrong. */
const columns: fc.Arbitrary<string[]> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.subarray(memberColumns.filter((column) => !kind.required.includes(column))).chain((more) =>
      fc.shuffledSubarray<string>([...kind.required, ...more], {
        minLength: kind.required.length + more.length,
      }),
    ),
  },
  { weight: 1, arbitrary: fc.shuffledSubarray<string>([...memberColumns]) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constant([...memberColumns]), oddText).map(([all, odd]) => [...all, odd]),
  },
  { weight: 1, arbitrary: fc.constantFrom(...memberColumns).map((twice) => [...memberColumns, twice]) },
)

function fieldsOf(header: readonly string[], known: Known): fc.Arbitrary<string[]> {
  return fc.tuple(...header.map((name) => fieldOf(name, known)))
}

function fieldOf(column: string, known: Known): fc.Arbitrary<string> {
  const good: Record<string, fc.Arbitrary<string>> = {
    memberCode: fc.oneof(
      fc.constantFrom(...(known.memberCode ?? ['F-1'])),
      fc.nat(30).map((number) => `F-${number}`),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
    ),
    fullName: fc.oneof(
      fc.constantFrom(
        'Ada',
        'José "Pepe" Núñez',
        'a,b',
        ' Spaces ',
        '𝒩'.repeat(200),
        "O'Neill\\N",
        '\\.',
        '\\N',
        'a\tb',
      ),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }),
    ),
    tier: fc.constantFrom(...(known.tierCode ?? ['A'])),
    agentCode: fc.oneof(fc.constantFrom(...(known.agentCode ?? ['AG-001'])), fc.constant('')),
    status: fc.constantFrom('Active', 'Suspended', 'Inactive', 'Deceased'),
    joinedOn: fc.constantFrom('2020-01-01', '2024-02-29', '0001-01-01', '1900-12-31', '2026-01-01'),
    phone: fc.constantFrom('', '+1 (2) 3-4', '0'),
    email: fc.constantFrom('', 'a@example.org'),
    agentName: fc.constantFrom('', 'One', 'Else', '-'),
    agentEmail: fc.constantFrom('', 'a@example.org', 'A@example.org', 'at@'),
    agentPhone: fc.constantFrom('', '+1 (2) 3-4', '1234'),
  }
  const bad = fc.oneof(
    oddText,
    fc.constantFrom(
      '=cmd|x',
      '+1',
      '-1',
      '@a',
      '2999-01-01',
      '2021-02-29',
      '0000-01-01',
      'active',
      'ZZ',
      'a\nb',
      'a\r\nb',
      '"',
      '""',
      ',',
      '\r',
      '\ufeffa',
      'at@',
    ),
  )
  return fc.oneof(
    { weight: 24, arbitrary: Object.hasOwn(good, column) ? (good[column] as fc.Arbitrary<string>) : oddText },
    { weight: 1, arbitrary: bad },
  )
}

function quoted(field: string, always: boolean): string {
  return always || /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field
}

type Damage = ((bytes: Buffer) => Buffer) | undefined

/** What mail, editors and other programs do to files. */
const damage: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<NonNullable<Damage>>(
      (bytes) => Buffer.from(bytes.toString(), 'latin1'),
      (bytes) => Buffer.from(bytes.toString(), 'utf16le'),
      (bytes) => Buffer.from(`\ufeff${bytes.toString()}`, 'utf16le').swap16(),
      (bytes) => Buffer.from(bytes.toString().replaceAll(',', ';')),
      (bytes) => Buffer.from(bytes.toString().replaceAll(',', '\t')),
      (bytes) => Buffer.from(bytes.toString().replaceAll(/\r?\n/g, '\r')),
      (bytes) => Buffer.from(bytes.toString().replaceAll('"', '')),
      (bytes) => Buffer.from(bytes.toString().replaceAll(/^/gm, ' ')),
      (bytes) => Buffer.concat([bytes, bytes]),
      (bytes) => Buffer.concat([bytes, Buffer.alloc(100)]),
      () => Buffer.alloc(0),
    ),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({
        where: fc.double({ min: 0, max: 1, noNaN: true }),
        what: fc.constantFrom(
          'cut',
          'cut',
          '"',
          '"',
          '\0',
          '\n',
          '\r',
          ',',
          '\\',
          '\x80',
          '\xff',
          '\xed\xa0\x80',
          `"${'x'.repeat(3_000)}`,
        ),
      })
      .map(
        ({ where, what }): Damage =>
          (bytes) => {
            const at = Math.floor(where * bytes.length)
            const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)]
            return what === 'cut' ? before : Buffer.concat([before, Buffer.from(what, 'latin1'), after])
          },
      ),
  },
)
