import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import writeExcelFile from 'write-excel-file/node'
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database.ts'
import { operator } from '../platform/values/actor.ts'
import type { Clock } from '../platform/values/clock.ts'
import { memberFile, readColumnMap } from './column-rules.ts'
import { type ImportInput, importMembers } from './import-members.ts'
import { memberStatuses } from './member-rules.ts'
import type { RowFault } from './row-check-rules.ts'

const clock: Clock = { now: () => new Date('2026-03-01T12:00:00Z') }
const header = 'memberCode,fullName,tier,agentCode,status,joinedOn,phone,email'

let database: TestDatabase
/** A prefix of its own for each test's member codes: members cannot be deleted. */
let round = 0
let p: string

beforeAll(async () => {
  database = await createTestDatabase()
  await sql`insert into tiers (tier_code, tier_name) values ('A', 'Tier A'), ('B', 'Tier B')`.execute(
    database.db,
  )
  await sql`insert into agents (agent_code, full_name) values ('AG-001', 'One'), ('AG-002', 'Two')`.execute(
    database.db,
  )
})
afterAll(() => database.drop())
beforeEach(() => {
  round += 1
  p = `T${round}`
})

async function run(csv: string | Buffer | Readable, options: Partial<ImportInput> = {}) {
  const faults: RowFault[] = []
  const bytes = csv instanceof Readable ? csv : Readable.from([Buffer.from(csv)], { objectMode: false })
  const result = await importMembers(
    { pool: database.pool, clock },
    {
      csv: bytes,
      onDuplicate: 'skip',
      createAgents: false,
      createTiers: false,
      dryRun: false,
      actor: operator('clerk'),
      onFault: (fault) => void faults.push(fault),
      ...options,
    },
  )
  return { result, faults }
}

const file = (...rows: string[]) => `${[header, ...rows].join('\n')}\n`
const row = (code: string, name = 'Somebody', rest = 'A,AG-001,Active,2020-01-01,,') =>
  `${code},${name},${rest}`

/** What the register says of the members of this test. */
async function register(prefix = p): Promise<Record<string, unknown>[]> {
  const { rows } = await sql<Record<string, unknown>>`
    select m.member_code, m.full_name, t.tier_code, a.agent_code, m.member_status, m.joined_on, m.phone, m.email
    from members m join tiers t using (tier_id) left join agents a using (agent_id)
    where starts_with(m.member_code, ${prefix}) order by m.member_code`.execute(database.db)
  return rows
}

/** The stored version of each row: it changes with every update, even one that changes no value. */
async function versions(): Promise<unknown[]> {
  const { rows } = await sql`
    select member_code, xmin::text, ctid::text from members order by member_code`.execute(database.db)
  return rows
}

const count = (table: 'tiers' | 'agents' | 'members') =>
  database.db
    .selectFrom(table)
    .select(sql<number>`count(*)`.as('n'))
    .executeTakeFirstOrThrow()
    .then(({ n }) => n)

describe('the file of problems', () => {
  const problems = new URL('../../test/support/data/members-problems.csv', import.meta.url)
  // Line, column, how the value begins, what the reason says.
  const expected: [number, string | null, string | null, RegExp][] = [
    [3, 'tier', 'Z', /no such tier/],
    [4, 'agentCode', 'AG-999', /no such agent/],
    [5, 'joinedOn', '2021-02-29', /no date of the calendar/],
    [6, 'status', 'Alive', /Active, Suspended, Inactive, Deceased/],
    [7, 'memberCode', '', /memberCode is missing/],
    [8, 'fullName', '', /fullName is missing/],
    [11, 'memberCode', 'P-009', /on line 10 already/],
    [12, null, null, /3 fields and the header 8/],
    [13, null, null, /9 fields and the header 8/],
    [14, 'fullName', '=HYPERLINK("http://example.org")', /formula/],
    [16, 'fullName', 'NNNN', /longer than 200/],
    [17, 'joinedOn', '2999-01-01', /in the future; today is 2026-03-01/],
    [18, 'fullName', 'New␊Line', /line break/],
    [20, 'email', 'not-an-email', /no e-mail address. The row is taken without it/],
  ]

  test('has every bad row reported with its line and its column, and every good row imported', async () => {
    const { result, faults } = await run(createReadStream(problems))
    expect(faults.map((fault) => [fault.line, fault.column])).toEqual(
      expected.map(([line, column]) => [line, column]),
    )
    for (const [index, [, , value, reason]] of expected.entries()) {
      const fault = faults[index] as RowFault
      if (value === null) expect(fault.value).toBeNull()
      else expect(fault.value?.startsWith(value)).toBe(true)
      expect(fault.value?.length ?? 0).toBeLessThanOrEqual(80)
      expect(fault.reason).toMatch(reason)
    }
    expect(result).toMatchObject({ rows: 19, inserted: 6, faulty: 13, createdAgents: 0, createdTiers: 0 })
    const names = (await register('P-')).map((member) => [member.memberCode, member.fullName])
    expect(names).toEqual([
      ['P-001', 'Good Row'],
      ['P-008', 'Quoted, Name "Q"'],
      ['P-009', 'Twice'],
      ['P-013', "Robert'); DROP TABLE members;--"],
      ['P-017', 'Bad Email'],
      ['P-018', 'Spaces Kept Out'],
    ])
  })

  test('says the same when it comes byte by byte', async () => {
    const bytes = await readFile(problems)
    const whole = await run(bytes, { dryRun: true })
    const single = await run(Readable.from([...bytes].map((byte) => Buffer.from([byte]))), { dryRun: true })
    expect(single).toEqual(whole)
  })
})

describe('a row', () => {
  const refused: [string, (code: string) => string, string, RegExp][] = [
    ['a code with a space inside', (code) => row(`${code} x`), 'memberCode', /no spaces/],
    ['a code of 41 characters', (code) => row(code.padEnd(41, 'x')), 'memberCode', /longer than 40/],
    ['a code that is a formula', (code) => row(`=${code}`), 'memberCode', /formula/],
    ['a code that a spreadsheet has shortened', () => row('1.00E+12'), 'memberCode', /shortened/],
    ['a name that nobody sees', (code) => row(code, '\u200b'), 'fullName', /only invisible/],
    [
      'an error of a spreadsheet',
      (code) => row(code, '#N/A'),
      'fullName',
      /spreadsheet has written an error/,
    ],
    ['a name of 201 characters', (code) => row(code, '𝒩'.repeat(201)), 'fullName', /longer than 200/],
    ['a name with a control character', (code) => row(code, 'a\u001bb'), 'fullName', /control/],
    ['a name with a line separator', (code) => row(code, 'a\u2028b'), 'fullName', /line break/],
    ['a name that begins with +', (code) => row(code, '+1'), 'fullName', /formula/],
    ['a name that begins with -', (code) => row(code, '-1'), 'fullName', /formula/],
    ['a name that begins with @', (code) => row(code, '@SUM(1)'), 'fullName', /formula/],
    [
      'a name whose quotes are followed by a space',
      (code) => row(code, '"Name" '),
      'fullName',
      /quotation mark/,
    ],
    ['a name with a NUL byte', (code) => row(code, 'a\0b'), 'fullName', /not UTF-8/],
    ['a status of another list', (code) => row(code, 'N', 'A,,Expired,2020-01-01,,'), 'status', /one of/],
    ['a death', (code) => row(code, 'N', 'A,,Deceased,2020-01-01,,'), 'status', /submit a death claim/],
    ['no status', (code) => row(code, 'N', 'A,,,2020-01-01,,'), 'status', /missing/],
    ['no tier', (code) => row(code, 'N', ',,Active,2020-01-01,,'), 'tier', /missing/],
    ['no date', (code) => row(code, 'N', 'A,,Active,,,'), 'joinedOn', /missing/],
    ['the year 0', (code) => row(code, 'N', 'A,,Active,0000-01-01,,'), 'joinedOn', /1900 or later/],
    [
      'a date in another order',
      (code) => row(code, 'N', 'A,,Active,01/02/2020,,'),
      'joinedOn',
      /Which number is the day/,
    ],
    ['a date with a time', (code) => row(code, 'N', 'A,,Active,2020-01-01T09:30,,'), 'joinedOn', /no date/],
    ['tomorrow', (code) => row(code, 'N', 'A,,Active,2026-03-02,,'), 'joinedOn', /future/],
  ]
  test.each(refused)('with %s is refused alone', async (_what, bad, column, reason) => {
    const { result, faults } = await run(file(row(`${p}-1`), bad(p), row(`${p}-3`)))
    expect(faults).toMatchObject([
      { line: 3, column, value: expect.any(String), reason: expect.stringMatching(reason), isWarning: false },
    ])
    expect(result).toMatchObject({ rows: 3, inserted: 2, faulty: 1 })
    expect(await register()).toHaveLength(2)
  })

  test('with bytes that are not UTF-8, in a file that is, is refused alone', async () => {
    const bytes = Buffer.concat([
      Buffer.from(`${header}\n${row(`${p}-0`, 'José Ñ')}\n${p}-1,Jos`),
      Buffer.from([0xe9]),
    ])
    const csv = Buffer.concat([bytes, Buffer.from(`,A,,Active,2020-01-01,,\n${row(`${p}-2`)}`)])
    const { result, faults } = await run(csv)
    expect(faults).toMatchObject([
      { line: 3, column: 'fullName', reason: expect.stringMatching(/not UTF-8/) },
    ])
    expect(result).toMatchObject({ rows: 3, inserted: 2, faulty: 1 })
  })

  test('has all its faults reported, those of the register too', async () => {
    const { faults } = await run(file(row(`${p} 1`, '', 'Z,AG-9,Alive,2020-02-30,x,y')))
    expect(faults.map((fault) => fault.column).sort()).toEqual(
      ['memberCode', 'fullName', 'status', 'joinedOn', 'tier', 'agentCode'].sort(),
    )
  })

  test('may join today where the fund is, though it is tomorrow elsewhere', async () => {
    await database.db.updateTable('fund').set({ timeZone: 'Pacific/Kiritimati' }).execute()
    const tomorrow = await run(file(row(`${p}-1`, 'N', 'A,,Active,2026-03-02,,')))
    await database.db.updateTable('fund').set({ timeZone: 'UTC' }).execute()
    expect(tomorrow.result).toMatchObject({ inserted: 1, faulty: 0 })
  })

  test('takes the longest code and name, and a backslash as it is', async () => {
    const code = p.padEnd(40, 'x')
    await run(file(row(code, '𝒩'.repeat(200)), row(`${p}-2`, 'C:\\new\\N')))
    expect((await register()).map((member) => member.fullName).sort()).toEqual(
      ['𝒩'.repeat(200), 'C:\\new\\N'].sort(),
    )
  })

  test('whose code comes again counts the first time that it is good', async () => {
    const { result, faults } = await run(
      file(row(`${p}-1`, 'Bad', 'Z,,Active,2020-01-01,,'), row(`${p}-1`, 'Good'), row(`${p}-1`, 'Again')),
    )
    expect(faults.map((fault) => [fault.line, fault.column])).toEqual([
      [2, 'tier'],
      [4, 'memberCode'],
    ])
    expect(faults[1]?.reason).toContain('line 3')
    expect(result).toMatchObject({ inserted: 1, faulty: 2 })
    expect(await register()).toMatchObject([{ fullName: 'Good' }])
  })
})

describe('the file as a whole', () => {
  const refused: [string, string | Buffer, RegExp][] = [
    ['with nothing in it', '', /empty/],
    ['with blank lines only', '\n\r\n\n', /empty/],
    ['that begins like a workbook', Buffer.from('504b030414000600', 'hex'), /cannot be opened as one/],
    ['that is an old workbook', Buffer.from('d0cf11e0a1b11ae1', 'hex'), /\.xls/],
    ['that is compressed', Buffer.from('1f8b08000000', 'hex'), /compressed/],
    ['that is a page', '<!DOCTYPE html><table><tr><td>memberCode', /page, not CSV/],
    ['that is JSON', '[{"memberCode":"1"}]', /JSON, not CSV/],
    ['without a header', `${'a,b,c\n'.repeat(30)}`, /no column "a"/],
    ['with an unknown column', `${header},wallet\n`, /no column "wallet"/],
    ['with a column twice', `${header},phone\n`, /phone is there twice/],
    [
      'without a required column',
      'memberCode,fullName,tier,agentCode\n',
      /lacks the columns status, joinedOn/,
    ],
    [
      'with a quote never closed',
      `${header}\r\nT-1,"a\r\nb",A,,Active,2020-01-01,,\r\n\r\nT-2,"No end,A,,Active,2020-01-01,,\r\nT-3,N,A\r\n`,
      /line 5 and never closed/,
    ],
    ['with a row without end', `${header}\n\nT-1,"${'x\n'.repeat(600_000)}`, /line 3 is longer/],
  ]
  test.each(refused)('%s is refused with a sentence of its own', async (_what, csv, detail) => {
    const before = await count('members')
    await expect(run(csv)).rejects.toMatchObject({
      code: 'import-refused',
      message: expect.stringMatching(detail),
    })
    expect(await count('members')).toBe(before)
  })

  test('that comes as a request is refused by an answer, though its body is not read to the end', async () => {
    const server = createServer((request, response) => {
      run(request).catch((error: Error) => response.writeHead(400).end(error.message))
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    try {
      const { port } = server.address() as AddressInfo
      for (const rows of [1, 50_000]) {
        const body = `no,header\n${`${row('1')}\n`.repeat(rows)}`
        const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body })
        expect(answer.status).toBe(400)
        expect(await answer.text()).toMatch(/no column "no"/)
      }
    } finally {
      server.close()
    }
  })

  test('may name its columns in any order, after a byte order mark, in quotes, and leave some out', async () => {
    const { result } = await run(
      `\ufeff"status", joinedOn ,memberCode,tier,fullName\r\nActive,2020-01-01,${p}-1,A,One\nInactive,2020-01-01,${p}-2,A,"Two"`,
    )
    expect(result).toMatchObject({ rows: 2, inserted: 2, faulty: 0 })
    expect(await register()).toMatchObject([{ agentCode: null }, { memberStatus: 'Inactive' }])
  })

  test('with a header only is an import of nothing', async () => {
    expect((await run(`${header}\n`)).result).toMatchObject({ rows: 0, inserted: 0, faulty: 0 })
  })

  test('keeps its line numbers through blank lines and line breaks in quotes, with either line end', async () => {
    const bad = (code: string) => row(code, '"a\r\nb\n\nc"')
    const { faults } = await run(`${header}\r\n\r\n${bad(`${p}-1`)}\n\n${bad(`${p}-2`)}\r\n${row('')}\n`)
    expect(faults.map((fault) => fault.line)).toEqual([3, 8, 12])
  })
})

/**
 * A workbook that nobody's spreadsheet has written, with one long text that its cells can share.
 *
 * @param says how large it says a part is, where that is not what it is, and how many `parts` it says there are
 */
function workbookOf(sheet: string, says: Record<string, number> = {}): Buffer {
  const parts = Object.entries({
    'xl/workbook.xml': '<workbook xmlns:r="r"><sheets><sheet r:id="one"/></sheets></workbook>',
    'xl/_rels/workbook.xml.rels': '<links><link Id="one" Target="sheet.xml"/></links>',
    'xl/sharedStrings.xml': `<sst><si><t>${'x'.repeat(900_000)}</t></si></sst>`,
    'xl/sheet.xml': sheet,
  })
  const [files, list]: [Buffer[], Buffer[]] = [[], []]
  let place = 0
  for (const [name, text] of parts) {
    const packed = deflateRawSync(text)
    const about = Buffer.alloc(26)
    about.writeUInt16LE(8, 4)
    about.writeUInt32LE(packed.length, 14)
    about.writeUInt32LE(says[name] ?? text.length, 18)
    about.writeUInt16LE(name.length, 22)
    const where = Buffer.alloc(14)
    where.writeUInt32LE(place, 10)
    const file = Buffer.concat([Buffer.from('PK\x03\x04'), about, Buffer.from(name), packed])
    files.push(file)
    list.push(Buffer.from('PK\x01\x02\0\0'), about, where, Buffer.from(name))
    place += file.length
  }
  const end = Buffer.alloc(18)
  end.writeUInt16LE(says.parts ?? parts.length, 6)
  end.writeUInt32LE(Buffer.concat(list).length, 8)
  end.writeUInt32LE(place, 12)
  return Buffer.concat([...files, ...list, Buffer.from('PK\x05\x06'), end])
}

describe('the file is read as it is written,', () => {
  const lines = (separator: string) => [
    header.replaceAll(',', separator),
    ...['1', '2'].map((n) => row(`${p}-${n}`, 'Zoé').replaceAll(',', separator)),
  ]
  const files: [string, () => string | Buffer][] = [
    ['by semicolons', () => lines(';').join('\r\n')],
    ['by tabs', () => lines('\t').join('\n')],
    ['by bars', () => lines('|').join('\n')],
    [
      'by semicolons, each cell in quotes',
      () =>
        lines('";"')
          .map((line) => `"${line}"`)
          .join('\n'),
    ],
    ['with the line that tells the separator', () => ['sep=;', ...lines(';')].join('\r\n')],
    ['with the ends of lines of an old Mac', () => lines(',').join('\r')],
    ['in UTF-16 with its mark', () => Buffer.from(`\ufeff${lines(',').join('\r\n')}`, 'utf16le')],
    ['in UTF-16 without a mark', () => Buffer.from(lines(',').join('\n'), 'utf16le')],
    ['in UTF-16 of the other order', () => Buffer.from(lines(',').join('\n'), 'utf16le').swap16()],
    ['in Windows-1252', () => Buffer.from(lines(',').join('\n'), 'latin1')],
    ['with two marks', () => `\ufeff\ufeff${lines(',').join('\n')}`],
    ['below a title', () => ['Members of the fund,,,', ',,,', '', ...lines(',')].join('\n')],
    [
      'with empty columns and rows',
      () =>
        lines(',')
          .map((line) => `${line},,`)
          .join(`\n${','.repeat(9)}\n`),
    ],
    [
      'without the last empty cells',
      () =>
        lines(',')
          .map((line) => line.replace(/,+$/, ''))
          .join('\n'),
    ],
    [
      'twice, with header and mark in the middle',
      () => `${lines(',').slice(0, 2).join('\n')}\n\ufeff${lines(',')[0]}\n\ufeff${lines(',')[2]}`,
    ],
    [
      'with columns as people name them',
      () =>
        [
          'Member Code,FULL_NAME, tier\u200b,agent code,Status,Joined\u00a0On,Phone,e-mail',
          ...lines(',').slice(1),
        ].join('\n'),
    ],
  ]
  test.each(files)('%s', async (_what, written) => {
    const { result, faults } = await run(written())
    expect(faults).toEqual([])
    expect(result).toMatchObject({ rows: 2, inserted: 2 })
    expect(await register()).toMatchObject([{ fullName: 'Zoé', agentCode: 'AG-001' }, { fullName: 'Zoé' }])
  })

  test('in a workbook: dates, numbers and texts as the sheet shows them, below a title, lines as its rows', async () => {
    const day = (iso: string) => ({ value: new Date(`${iso}T00:00:00Z`), type: Date, format: 'dd/mm/yyyy' })
    const book = await writeExcelFile([
      ['Members of the fund'],
      [],
      ['Member Code', 'Full Name', 'Tier', 'Agent Code', 'Status', 'Joined On', 'Phone', 'E-mail'],
      [
        `${p}-1`,
        'Zoé "Bo" Núñez, Jr.',
        'A',
        'AG-001',
        'Active',
        day('2019-12-31'),
        919_820_000_001,
        'a@example.org',
      ],
      [],
      [`${p}-2`, 'Asha', 'A', null, 'active', day('1955-03-01'), null, null],
      [`${p}-3`, 'Two\nLines', 'A', null, 'Active', day('2020-01-01'), null, null],
      [`${p}-4`, '#N/A', 'A', null, 'Active', day('2020-01-01'), null, null],
    ]).toBuffer()
    const { result, faults } = await run(book)
    expect(result).toMatchObject({ rows: 4, inserted: 2, faulty: 2 })
    expect(faults.map(({ line, reason }) => [line, reason])).toEqual([
      [7, expect.stringMatching(/line break/)],
      [8, expect.stringMatching(/spreadsheet has written an error/)],
    ])
    expect(await register()).toMatchObject([
      {
        fullName: 'Zoé "Bo" Núñez, Jr.',
        joinedOn: '2019-12-31',
        phone: '919820000001',
        email: 'a@example.org',
      },
      { fullName: 'Asha', joinedOn: '1955-03-01', memberStatus: 'Active' },
    ])
    for (const length of [100, book.length - 30, book.length >> 1]) {
      await expect(run(book.subarray(0, length))).rejects.toMatchObject({ code: 'import-refused' })
    }
    const garbled = Buffer.from(book)
    garbled.fill(7, 100, garbled.length >> 1)
    await expect(run(garbled)).rejects.toMatchObject({ code: 'import-refused' })
  })

  const tooLarge = 'The workbook is too large: save the sheet as CSV.'
  test.each<[string, string, string, Record<string, number>?]>([
    ['to more than a gigabyte', '', tooLarge, { 'xl/sheet.xml': 1_000_000_000 }],
    ['to far too many styles and sheets', '', tooLarge, { 'xl/workbook.xml': 20_000_001 }],
    ['to more parts than there are', '', tooLarge, { parts: 10_001 }],
    [
      'to more than it says',
      '<row r="1"/>'.repeat(10_000),
      'The workbook is damaged: save it again.',
      { 'xl/sheet.xml': 1_000 },
    ],
    ['to much between two tags', ' '.repeat(1_100_000), tooLarge],
    [
      'to a cell of many texts',
      `<row><c t="inlineStr">${`<t>${'x'.repeat(50_000)}</t>`.repeat(21)}</c></row>`,
      tooLarge,
    ],
    ['to one text in many cells', `<row>${'<c t="s"><v>0</v></c>'.repeat(12)}</row>`, tooLarge],
    ['to rows without end', '<row r="2000000"/>', 'The sheet has more than 1048576 rows.'],
  ])('unless it is a small workbook that unpacks %s', async (_what, rows, said, says) => {
    await expect(run(workbookOf(`<worksheet>${rows}</worksheet>`, says))).rejects.toMatchObject({
      code: 'import-refused',
      message: said,
    })
  })

  test('in a workbook of many long rows, for none of them is too long by itself', async () => {
    const cells = (texts: string[]) =>
      `<row>${texts.map((text) => `<c t="inlineStr"><t>${text}</t></c>`).join('')}</row>`
    const columns = ['memberCode', 'fullName', 'tier', 'status', 'joinedOn', 'story']
    const long = cells([p, 'Ada', 'A', 'Active', '2020-01-01', 'x'.repeat(40_000)])
    const sheet = [cells(columns), ...Array.from({ length: 300 }, () => long)]
    const book = workbookOf(`<worksheet>${sheet.join('')}</worksheet>`)
    expect((await run(book, { map: readColumnMap(memberFile, ['story=']) })).result).toMatchObject({
      rows: 300,
      inserted: 1,
    })
  })

  test('with columns of other names, as they are mapped, and its dates in the order that is told', async () => {
    const csv = `No;Name of member;Class;State;Since;Village\n${p}-1;Asha;A;active;31/12/2019;Pune\n`
    const map = readColumnMap(memberFile, [
      'no=memberCode',
      'Name Of Member=fullName',
      'class=tier',
      'STATE=status',
      'Since=joinedOn',
      'Village=',
    ])
    const { result } = await run(csv, { map, dateOrder: 'dmy' })
    expect(result).toMatchObject({ inserted: 1, faulty: 0 })
    expect(await register()).toMatchObject([{ fullName: 'Asha', joinedOn: '2019-12-31' }])
    for (const entry of ['No', 'No=walletId', '=memberCode', 'a=b=c', '=', 'memberCode']) {
      expect(() => readColumnMap(memberFile, [entry])).toThrow('does not say what a column means')
    }
  })
})

describe('codes that look the same', () => {
  test('of tiers and agents mean the existing one, or the first, with a warning that names both', async () => {
    const csv = file(
      row(`${p}-1`, 'N', 'a,ag-001,Active,2020-01-01,,'),
      row(`${p}-2`, 'N', `A,${p}New,Active,2020-01-01,,`),
      row(`${p}-3`, 'N', `A\u200b,${p}NEW,Active,2020-01-01,,`),
    )
    const { result, faults } = await run(csv, { createAgents: true })
    expect(result).toMatchObject({ inserted: 3, faulty: 0, newTiers: [] })
    expect(result.newAgents).toMatchObject([{ agentCode: `${p}New`, fullName: `${p}New` }])
    expect(faults.map(({ line, column, reason }) => [line, column, reason])).toEqual([
      [2, 'tier', 'It is taken as A, which differs in capitals or leading zeros only.'],
      [2, 'agentCode', 'It is taken as AG-001, which differs in capitals or leading zeros only.'],
      [4, 'agentCode', `It is taken as ${p}New, which differs in capitals or leading zeros only.`],
    ])
    expect((await register()).map(({ tierCode, agentCode }) => [tierCode, agentCode])).toEqual([
      ['A', 'AG-001'],
      ['A', `${p}New`],
      ['A', `${p}New`],
    ])
  })

  test('of members are a fault that names both, in the file and on the register', async () => {
    await run(file(row(`00${round}7`), row(`${p}-x`), row(`${p}-é`.normalize('NFD'))))
    const { result, faults } = await run(
      file(row(`${round}7`), row(`${p}-X`), row(`${p}-y`), row(`${p}-Y`), row(`${p}-É`), row(`${p}-é`)),
    )
    expect(result).toMatchObject({ inserted: 1, unchanged: 1, faulty: 4 })
    expect(faults.map(({ line, reason }) => [line, reason])).toEqual([
      [2, `There is a member 00${round}7, whose code differs from this in capitals or leading zeros only.`],
      [3, `There is a member ${p}-x, whose code differs from this in capitals or leading zeros only.`],
      [5, `The code differs from ${p}-y, on line 4, in capitals or leading zeros only.`],
      [6, `There is a member ${p}-é, whose code differs from this in capitals or leading zeros only.`],
    ])
    // Of one kind each, though they name others.
    expect(result.problems.map(({ rows, isWarning }) => [rows, isWarning])).toEqual([
      [3, false],
      [1, false],
    ])
  })
})

describe('a member who is there already', () => {
  test('is not touched by the same file again', async () => {
    const csv = file(row(`${p}-1`), row(`${p}-2`, 'Two', 'B,,Suspended,2020-01-01,+1 (2) 3,a@example.org'))
    expect((await run(csv)).result).toMatchObject({ inserted: 2, unchanged: 0 })
    const before = await versions()
    for (const onDuplicate of ['skip', 'update'] as const) {
      const { result } = await run(csv, { onDuplicate })
      expect(result).toMatchObject({ rows: 2, inserted: 0, updated: 0, unchanged: 2, skipped: 0, faulty: 0 })
    }
    expect(await versions()).toEqual(before)
  })

  const changes: [string, string, Record<string, unknown>][] = [
    ['name', 'Other,A,AG-001,Active,2020-01-01,12345,a@example.org', { fullName: 'Other' }],
    ['tier', 'Name,B,AG-001,Active,2020-01-01,12345,a@example.org', { tierCode: 'B' }],
    ['agent', 'Name,A,AG-002,Active,2020-01-01,12345,a@example.org', { agentCode: 'AG-002' }],
    ['status', 'Name,A,AG-001,Suspended,2020-01-01,12345,a@example.org', { memberStatus: 'Suspended' }],
    ['date', 'Name,A,AG-001,Active,2020-01-02,12345,a@example.org', { joinedOn: '2020-01-02' }],
    ['phone', 'Name,A,AG-001,Active,2020-01-01,23456,a@example.org', { phone: '23456' }],
    ['e-mail', 'Name,A,AG-001,Active,2020-01-01,12345,b@example.org', { email: 'b@example.org' }],
  ]
  test.each(changes)('and has another %s is skipped or updated, as asked', async (_what, changed, now) => {
    await run(file(row(`${p}-1`, 'Name', 'A,AG-001,Active,2020-01-01,12345,a@example.org'), row(`${p}-2`)))
    const before = await register()
    const csv = file(`${p}-1,${changed}`, row(`${p}-2`))
    expect((await run(csv)).result).toMatchObject({ skipped: 1, unchanged: 1, updated: 0 })
    expect(await register()).toEqual(before)
    expect((await run(csv, { onDuplicate: 'update' })).result).toMatchObject({ updated: 1, unchanged: 1 })
    expect(await register()).toEqual([{ ...before[0], ...now }, before[1]])
    const { rows } = await sql<{ memberCode: string }>`
      select member_code from members where starts_with(member_code, ${p}) and updated_at > created_at`.execute(
      database.db,
    )
    expect(rows).toEqual([{ memberCode: `${p}-1` }])
  })

  test('keeps a value if its cell is empty, unless it is to be erased', async () => {
    await run(file(row(`${p}-1`, 'Name', 'A,AG-001,Active,2020-01-01,12345,a@example.org')))
    const [before] = await register()
    const blank = file(row(`${p}-1`, 'Other', 'A,,Active,2020-01-01,,'))
    expect((await run(blank, { onDuplicate: 'update' })).result).toMatchObject({ updated: 1 })
    expect(await register()).toEqual([{ ...before, fullName: 'Other' }])
    expect((await run(blank, { onDuplicate: 'update' })).result).toMatchObject({ unchanged: 1 })
    const erasing = await run(blank, { onDuplicate: 'update', blankErases: true })
    expect(erasing.result).toMatchObject({ updated: 1 })
    expect(await register()).toEqual([
      { ...before, fullName: 'Other', agentCode: null, phone: null, email: null },
    ])
  })

  test('keeps its number and address if the file has invalid ones', async () => {
    await run(file(row(`${p}-1`, 'Name', 'A,AG-001,Active,2020-01-01,12345,a@example.org')))
    const before = await register()
    const odd = file(row(`${p}-1`, 'Name', 'A,N/A,Active,2020-01-01,-,mailto:b@example.org'))
    const { result, faults } = await run(odd, { onDuplicate: 'update' })
    expect(result).toMatchObject({ unchanged: 1, faulty: 0 })
    expect(faults.map(({ column, isWarning }) => [column, isWarning])).toEqual([
      ['agentCode', true],
      ['phone', true],
      ['email', true],
    ])
    expect(await register()).toEqual(before)
  })

  test('whose status changes is counted by what it was and becomes', async () => {
    await run(file(row(`${p}-1`), row(`${p}-2`), row(`${p}-3`, 'N', 'A,,Inactive,2020-01-01,,')))
    const csv = file(
      row(`${p}-1`, 'N', 'A,,suspended,2020-01-01,,'),
      row(`${p}-2`, 'N', 'A,,SUSPENDED,2020-01-01,,'),
      row(`${p}-3`, 'N', 'A,,Active,2020-01-01,,'),
      row(`${p}-4`),
    )
    const { result } = await run(csv, { onDuplicate: 'update', dryRun: true })
    expect(result.statusChanges).toEqual([
      { from: 'Active', to: 'Suspended', members: 2 },
      { from: 'Inactive', to: 'Active', members: 1 },
      { from: null, to: 'Active', members: 1 },
    ])
  })

  test('keeps what the file has no column for', async () => {
    await run(file(row(`${p}-1`, 'Name', 'A,AG-001,Active,2020-01-01,12345,a@example.org')))
    const short = (name: string) =>
      `memberCode,fullName,tier,status,joinedOn\n${p}-1,${name},A,Active,2020-01-01\n`
    expect((await run(short('Name'), { onDuplicate: 'update' })).result).toMatchObject({ unchanged: 1 })
    expect((await run(short('Other'), { onDuplicate: 'update' })).result).toMatchObject({ updated: 1 })
    expect(await register()).toMatchObject([
      { fullName: 'Other', agentCode: 'AG-001', phone: '12345', email: 'a@example.org' },
    ])
  })

  /** A member who has died. */
  async function dead(): Promise<void> {
    await run(file(row(`${p}-1`, 'Name', 'A,,Active,2020-01-01,,')))
    await sql`update members set member_status = 'Deceased' where member_code = ${`${p}-1`}`.execute(
      database.db,
    )
  }

  test('stays Deceased', async () => {
    await dead()
    const csv = file(row(`${p}-1`, 'Name', 'A,,Active,2020-01-01,,'))
    expect((await run(csv)).result).toMatchObject({ skipped: 1, faulty: 0 })
    const { result, faults } = await run(csv, { onDuplicate: 'update' })
    expect(result).toMatchObject({ updated: 0, faulty: 1 })
    expect(faults).toMatchObject([{ line: 2, column: 'status', value: 'Active' }])
    expect(await register()).toMatchObject([{ memberStatus: 'Deceased' }])
  })

  test('keeps the tier in which they died, and may be corrected otherwise', async () => {
    await dead()
    const [before] = await register()
    const moved = file(row(`${p}-1`, 'Name', `${p}-T,,Deceased,2020-01-01,,`))
    const { result, faults } = await run(moved, { onDuplicate: 'update', createTiers: true })
    expect(result).toMatchObject({ updated: 0, faulty: 1, createdTiers: 0 })
    expect(faults).toMatchObject([{ line: 2, column: 'tier', value: `${p}-T` }])
    expect(await register()).toEqual([before])
    const renamed = file(row(`${p}-1`, 'Other', 'A,,Deceased,2020-01-01,,'))
    expect((await run(renamed, { onDuplicate: 'update' })).result).toMatchObject({ updated: 1, faulty: 0 })
  })

  test('stays Deceased if the death came during the import', async () => {
    await run(file(row(`${p}-1`)))
    const importing = await database.db.transaction().execute(async (tx) => {
      await sql`update members set member_status = 'Deceased' where member_code = ${`${p}-1`}`.execute(tx)
      const started = run(file(row(`${p}-1`, 'Other')), { onDuplicate: 'update' })
      await waitForWaiter('insert into import_before')
      return { started }
    })
    const { result, faults } = await importing.started
    expect(result).toMatchObject({ rows: 1, updated: 0, faulty: 1 })
    expect(faults).toMatchObject([{ line: 2, column: 'status' }])
    expect(await register()).toMatchObject([{ memberStatus: 'Deceased', fullName: 'Somebody' }])
    // The import did not cause the death, so undoing it would not undo the death.
    const { rows: kept } = await sql`select from import_changes where import_id = ${result.importId}`.execute(
      database.db,
    )
    expect(kept).toEqual([])
  })
})

/** Waits until a statement that begins like this waits for a lock. */
async function waitForWaiter(beginning: string): Promise<void> {
  await expect
    .poll(
      async () => {
        const { rows } = await sql`
          select from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'
            and starts_with(ltrim(query, E' \n'), ${beginning})`.execute(database.db)
        return rows.length
      },
      { timeout: 10_000 },
    )
    .toBeGreaterThan(0)
}

test('Tiers and agents are created if asked, only for rows that are written, with their code as their name', async () => {
  await run(file(row(`${p}-0`)))
  const csv = file(
    row(`${p}-1`, 'N', `${p}X,${p}Y,Active,2020-01-01,,`),
    row(`${p}-2`, 'N', `${p}X,${p}Z,Active,2020-01-01,,`),
    row(`${p}-2`, 'Repeated', `${p}NO,${p}NO,Active,2020-01-01,,`),
    row(`${p}-0`, 'Skipped', `${p}NO,${p}NO,Active,2020-01-01,,`),
    row(`${p}-3`, 'Faulty', `${p}NO,${p}NO,Nothing,2020-01-01,,`),
  )
  const { result } = await run(csv, { createAgents: true, createTiers: true })
  expect(result).toMatchObject({ inserted: 2, skipped: 1, faulty: 2, createdTiers: 1, createdAgents: 2 })
  const tiers = await database.db.selectFrom('tiers').selectAll().where('tierCode', 'like', `${p}%`).execute()
  expect(tiers).toMatchObject([{ tierCode: `${p}X`, tierName: `${p}X`, contributionAmount: null }])
  const agents = await database.db
    .selectFrom('agents')
    .selectAll()
    .where('agentCode', 'like', `${p}%`)
    .execute()
  expect(agents.map((agent) => agent.fullName).sort()).toEqual([`${p}Y`, `${p}Z`])
})

describe('What a file says of agents', () => {
  const wide = (...rows: string[]) =>
    `memberCode,fullName,tier,status,joinedOn,agentCode,agentName,agentEmail,agentPhone\n${rows.join('\n')}\n`
  const of = (code: string, agent: string) => `${code},N,A,Active,2020-01-01,${agent}`
  const agents = () =>
    database.db
      .selectFrom('agents')
      .select(['agentCode', 'fullName', 'email', 'phone'])
      .where((eb) => eb.or([eb('agentCode', 'like', `${p}%`), eb('agentCode', '=', 'AG-001')]))
      .orderBy('agentCode')
      .execute()

  test('is what those are made with who are new: each thing as the first line says it that says it', async () => {
    const csv = wide(
      of(`${p}-1`, `${p}a,,asha@example.org,`),
      of(`${p}-2`, `${p}A, Asha  Rao,,+91 98000`),
      of(`${p}-3`, `${p}b,-,at@,nine`),
      of(`${p}-4`, `${p}c,Nobody,,,`),
      `${p}-5,,A,Active,2020-01-01,${p}c,Faulty,,`,
    )
    const made = [
      { agentCode: `${p}a`, fullName: 'Asha Rao', email: 'asha@example.org', phone: '+91 98000' },
      { agentCode: `${p}b`, fullName: `${p}b`, email: null, phone: null },
      { agentCode: `${p}c`, fullName: 'Nobody', email: null, phone: null },
    ]
    const before = await agents()
    const foretold = await run(csv, { createAgents: true, dryRun: true })
    expect(foretold.result.newAgents).toEqual(made)
    expect(await agents()).toEqual(before)
    const { result, faults } = await run(csv, { createAgents: true })
    expect(result).toMatchObject({ inserted: 4, faulty: 1, createdAgents: 3, newAgents: made })
    expect((await agents()).slice(1)).toEqual(made)
    expect(faults.map(({ line, column, isWarning }) => [line, column, isWarning])).toEqual([
      [3, 'agentCode', true],
      [4, 'agentName', true],
      [4, 'agentEmail', true],
      [4, 'agentPhone', true],
      [6, 'fullName', false],
    ])
  })

  test('in two ways of one who is new is a warning that names both lines, once for each way', async () => {
    const { result, faults } = await run(
      wide(
        of(`${p}-1`, `${p}a,Asha,asha@example.org,+91 98000`),
        of(`${p}-2`, `${p}a,Asha,ASHA@example.org,+91-98000`),
        of(`${p}-3`, `${p}a,Bela,,98000`),
        of(`${p}-4`, `${p}a,Bela,,`),
      ),
      { createAgents: true },
    )
    expect(result).toMatchObject({
      inserted: 4,
      faulty: 0,
      newAgents: [{ fullName: 'Asha', phone: '+91 98000' }],
    })
    const reason = `Of the new agent ${p}a, line 2 says something else: that is taken.`
    expect(faults).toMatchObject([
      { line: 4, column: 'agentName', value: 'Bela', reason, isWarning: true },
      { line: 4, column: 'agentPhone', value: '98000', reason, isWarning: true },
    ])
  })

  test('changes nobody who is there, and is a warning where it differs', async () => {
    const before = await agents()
    const csv = wide(
      of(`${p}-1`, 'AG-001,One,,'),
      of(`${p}-2`, 'AG-001,Uno,uno@example.org,'),
      of(`${p}-3`, 'AG-001,Uno,,'),
      of(`${p}-4`, ',Uno,,'),
    )
    const { result, faults } = await run(csv, { createAgents: true })
    expect(result).toMatchObject({ inserted: 4, faulty: 0, createdAgents: 0 })
    expect(await agents()).toEqual(before)
    const kept = 'Agent AG-001 is there already, and a file of members changes no agent.'
    const expected = [
      [3, 'agentName', 'Uno', kept],
      [3, 'agentEmail', 'uno@example.org', kept],
      [5, 'agentCode', null, 'This says something of an agent, and the agentCode is missing.'],
    ]
    expect(faults.map((one) => [one.line, one.column, one.value, one.reason]).sort()).toEqual(expected.sort())
    // Whoever imports the file again is told the same.
    expect((await run(csv, { createAgents: true })).faults).toEqual(faults)
  })
})

test('A dry run counts and reports the same and writes nothing', async () => {
  await run(file(row(`${p}-1`), row(`${p}-2`), row(`${p}-3`, 'N', 'A,,Active,2020-01-01,,')))
  await sql`update members set member_status = 'Deceased' where member_code = ${`${p}-3`}`.execute(
    database.db,
  )
  const csv = file(
    row(`${p}-1`, 'Changed', `${p}X,${p}Y,Active,2020-01-01,,`),
    row(`${p}-2`),
    row(`${p}-3`),
    row(`${p}-4`, 'N', `${p}Z,,Active,2020-01-01,,`),
    row(`${p}-4`),
    row(`${p}-5`, ''),
  )
  const options = { createAgents: true, createTiers: true, onDuplicate: 'update' } as const
  const before = [await versions(), await count('tiers'), await count('agents')]
  const foretold = await run(csv, { ...options, dryRun: true })
  expect([await versions(), await count('tiers'), await count('agents')]).toEqual(before)
  const done = await run(csv, options)
  expect(foretold).toEqual({ faults: done.faults, result: { ...done.result, dryRun: true, importId: null } })
  expect(done.result).toMatchObject({ inserted: 1, updated: 1, unchanged: 1, faulty: 3, createdTiers: 2 })
})

describe('Together with others', () => {
  test('two imports of one file insert each member once', async () => {
    const csv = file(...Array.from({ length: 3000 }, (_, i) => row(`${p}-${i}`)))
    const results = (await Promise.all([run(csv), run(csv)])).map(({ result }) => result)
    expect(results.map((result) => [result.inserted, result.unchanged]).sort()).toEqual([
      [0, 3000],
      [3000, 0],
    ])
  })

  test('a member whom somebody else registers meanwhile is skipped and the others are imported', async () => {
    const importing = await database.db.transaction().execute(async (tx) => {
      await sql`
        insert into members (member_code, full_name, tier_id, joined_on)
        select ${`${p}-1`}, 'By hand', tier_id, '2020-01-01' from tiers where tier_code = 'A'`.execute(tx)
      const started = run(file(row(`${p}-1`), row(`${p}-2`)))
      await waitForWaiter('insert into members')
      return { started }
    })
    const { result } = await importing.started
    expect(result).toMatchObject({ rows: 2, inserted: 1, skipped: 1, unchanged: 0, faulty: 0 })
    expect(await register()).toMatchObject([{ fullName: 'By hand' }, { fullName: 'Somebody' }])
  })
})

describe('An import that is stopped', () => {
  /** Endless rows. */
  function* endless() {
    yield `${header}\n`
    for (let i = 0; ; i += 1) yield `${row(`${p}-${i}`)}\n`
  }

  const leftovers = async () => {
    const { rows } =
      await sql`select relname from pg_class where relname like 'import\\_%' and relpersistence = 't'`.execute(
        database.db,
      )
    return rows
  }

  test('by its signal while reading writes nothing and leaves nothing', async () => {
    const controller = new AbortController()
    const onProgress = (rows: number) => {
      if (rows >= 5000) controller.abort(new Error('enough'))
    }
    const csv = Readable.from(endless())
    await expect(run(csv, { signal: controller.signal, onProgress })).rejects.toThrow('enough')
    expect(csv.destroyed).toBe(true)
    expect(await register()).toEqual([])
    await expect.poll(leftovers).toEqual([])
  })

  test('by its signal while writing writes nothing and releases its locks', async () => {
    const controller = new AbortController()
    await database.db.transaction().execute(async (tx) => {
      await sql`lock table members in share row exclusive mode`.execute(tx)
      const started = run(file(row(`${p}-1`)), { signal: controller.signal, createTiers: true })
      const ended = expect(started).rejects.toThrow('enough')
      await waitForWaiter('insert into members')
      controller.abort(new Error('enough'))
      await ended
    })
    expect(await register()).toEqual([])
    expect((await run(file(row(`${p}-1`)))).result.inserted).toBe(1)
    await expect.poll(leftovers).toEqual([])
  })

  test('by a signal given before it begins takes no connection', async () => {
    const connect = vi.spyOn(database.pool, 'connect')
    const signal = AbortSignal.abort(new Error('never'))
    await expect(run(file(row(`${p}-1`)), { signal })).rejects.toThrow('never')
    expect(connect).not.toHaveBeenCalled()
    connect.mockRestore()
    expect(await register()).toEqual([])
  })

  test('by its input writes nothing, leaves nothing, and says what broke', async () => {
    function* broken() {
      yield `${header}\n`
      for (let i = 0; i < 5000; i += 1) yield `${row(`${p}-${i}`)}\n`
      throw new Error('the disk is gone')
    }
    await expect(run(Readable.from(broken()))).rejects.toThrow('the disk is gone')
    expect(await register()).toEqual([])
    await expect.poll(leftovers).toEqual([])
  })

  test('by its signal does not wait for a silent input', async () => {
    const controller = new AbortController()
    const csv = new Readable({ read() {} })
    csv.push(`${header}\n`)
    setTimeout(() => controller.abort(new Error('enough')), 200)
    await expect(run(csv, { signal: controller.signal })).rejects.toThrow('enough')
    expect(csv.destroyed).toBe(true)
  })

  test('by an input that fails before it is read says so', async () => {
    await expect(run(createReadStream('/nowhere/members.csv'))).rejects.toThrow('ENOENT')
  })
})

test('An import of many rows tells its progress and leaves the register readable by its indexes alone', async () => {
  const rows = 12_000
  function* many() {
    yield `${header}\n`
    for (let i = 0; i < rows; i += 1) yield `${row(`${p}-${i}`)}\n`
  }
  const heard: number[] = []
  const { result } = await run(Readable.from(many()), { onProgress: (read) => heard.push(read) })
  expect(result.inserted).toBe(rows)
  expect(heard.length).toBeGreaterThan(5)
  expect(heard.at(-1)).toBe(rows)
  const { rows: found } = await sql<{ share: number }>`
    select relallvisible::float8 / relpages as share from pg_class where relname in ('members', 'standings')
  `.execute(database.db)
  expect(found.every(({ share }) => share > 0.9)).toBe(true)
})

test('Every fault is reported, by line, however many there are', async () => {
  const { result, faults } = await run(file(...Array.from({ length: 2500 }, (_, i) => row(`${p}-${i}`, ''))))
  expect(result).toMatchObject({ rows: 2500, faulty: 2500 })
  expect(faults.map((fault) => fault.line)).toEqual(Array.from({ length: 2500 }, (_, i) => i + 2))
})

test('Whatever the rows, each is counted once, is reported exactly if it is faulty, and a second run changes nothing', {
  timeout: 240_000,
}, async () => {
  let world = 0
  const rowOf = fc.record({
    code: fc.oneof(fc.integer({ min: 1, max: 12 }).map(String), fc.constantFrom('', ' x y ', '=1')),
    name: fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 12 }),
      fc.constantFrom('Ann', 'Bob', '"', ',', 'a\nb'),
    ),
    tier: fc.constantFrom('A', 'B', 'Z', ''),
    agent: fc.constantFrom('AG-001', 'AG-002', 'AG-9', ''),
    status: fc.constantFrom(...memberStatuses, 'Alive'),
    joinedOn: fc.constantFrom('2020-02-29', '2021-02-29', '2026-03-01', '2026-03-02'),
    phone: fc.constantFrom('', '12345', 'x'),
    email: fc.constantFrom('', 'a@example.org', 'a'),
  })
  const fileOf = fc.array(rowOf, { maxLength: 25 })
  const quoted = (value: string) => `"${value.replaceAll('"', '""')}"`
  const options = fc.record({
    onDuplicate: fc.constantFrom('skip' as const, 'update' as const),
    createAgents: fc.boolean(),
    createTiers: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fileOf, fileOf, options, async (first, second, choice) => {
      world += 1
      const csvOf = (rows: typeof first) =>
        file(
          ...rows.map(({ code, ...rest }) =>
            [/^\d/.test(code) ? `W${world}-${code}` : code, ...Object.values(rest)].map(quoted).join(','),
          ),
        )
      await run(csvOf(first), choice)
      const foretold = await run(csvOf(second), { ...choice, dryRun: true })
      const { result, faults } = await run(csvOf(second), choice)
      const { rows, inserted, updated, unchanged, skipped, faulty } = result
      expect(rows).toBe(second.length)
      expect(inserted + updated + unchanged + skipped + faulty).toBe(rows)
      expect(new Set(faults.filter(({ isWarning }) => !isWarning).map(({ line }) => line)).size).toBe(faulty)
      expect(result.problems.filter(({ isWarning }) => isWarning).length > 0).toBe(
        faults.some(({ isWarning }) => isWarning),
      )
      expect(foretold).toEqual({ faults, result: { ...result, dryRun: true, importId: null } })

      const before = await versions()
      const again = (await run(csvOf(second), choice)).result
      expect(again).toMatchObject({
        rows,
        inserted: 0,
        updated: 0,
        skipped,
        createdAgents: 0,
        createdTiers: 0,
      })
      expect(again.unchanged).toBe(inserted + updated + unchanged)
      expect(await versions()).toEqual(before)
    }),
    { numRuns: 40 },
  )
})
