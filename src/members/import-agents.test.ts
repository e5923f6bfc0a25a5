import { Readable } from 'node:stream'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import writeExcelFile from 'write-excel-file/node'
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database.ts'
import { type Announce, announceTo } from '../events/announce.ts'
import { operator } from '../platform/values/actor.ts'
import { agentFile, readColumnMap } from './column-rules.ts'
import { type AgentImportInput, importAgents } from './import-agents.ts'
import type { RowFault } from './row-check-rules.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(async () => {
  await sql`delete from agents`.execute(database.db)
  await sql`insert into agents (agent_code, full_name, email, phone)
    values ('AG-001', 'One', 'one@example.org', '111'), ('AG-002', 'Two', null, null)`.execute(database.db)
})

async function run(
  csv: string | Buffer,
  options: Partial<AgentImportInput> = {},
  announce: Announce = announceTo([]),
) {
  const faults: RowFault[] = []
  const result = await importAgents(
    { db: database.db, announce },
    {
      csv: Readable.from([Buffer.from(csv)], { objectMode: false }),
      update: false,
      dryRun: false,
      actor: operator('clerk'),
      onFault: (fault) => void faults.push(fault),
      ...options,
    },
  )
  return { result, faults }
}

const agents = () =>
  database.db
    .selectFrom('agents')
    .select(['agentCode', 'fullName', 'email', 'phone'])
    .orderBy('agentCode')
    .execute()
const events = () =>
  database.db
    .selectFrom('events')
    .select(['eventName', 'payload', 'actor'])
    .where('eventName', 'like', 'Agent%')
    .orderBy('eventId')
    .execute()

const file = (...rows: string[]) => `agentCode,name,email,phone\n${rows.join('\n')}\n`

test('Agents come from a file as if somebody had added each, and the same file again changes nothing', async () => {
  const csv = file('AG-001,One,,', 'AG-003, Asha  Rao,asha@example.org,+91 98000', 'AG-004,Bela,,')
  const [before, told] = [await agents(), await events()]
  const foretold = await run(csv, { dryRun: true })
  expect([await agents(), await events()]).toEqual([before, told])
  const { result } = await run(csv)
  expect(foretold.result).toEqual({ ...result, dryRun: true })
  expect(result).toMatchObject({ rows: 3, inserted: 2, updated: 0, unchanged: 1, skipped: 0, faulty: 0 })
  expect((await agents()).slice(2)).toEqual([
    { agentCode: 'AG-003', fullName: 'Asha Rao', email: 'asha@example.org', phone: '+91 98000' },
    { agentCode: 'AG-004', fullName: 'Bela', email: null, phone: null },
  ])
  expect((await events()).slice(told.length)).toMatchObject([
    { eventName: 'AgentAdded', actor: 'clerk', payload: { after: { agentCode: 'AG-003' } } },
    { eventName: 'AgentAdded', actor: 'clerk', payload: { after: { agentCode: 'AG-004' } } },
  ])
  expect((await run(csv, { update: true })).result).toMatchObject({ inserted: 0, updated: 0, unchanged: 3 })
})

test('Who is there and differs is changed only if that is asked, and keeps what an empty cell says nothing of', async () => {
  const csv = file('ag-001,Uno,,222', 'AG-002,Two,,')
  expect((await run(csv)).result).toMatchObject({ updated: 0, skipped: 1, unchanged: 1 })
  expect(await agents()).toMatchObject([{ fullName: 'One' }, { fullName: 'Two' }])
  const told = await events()
  const { result, faults } = await run(csv, { update: true })
  expect(result).toMatchObject({ updated: 1, skipped: 0, unchanged: 1 })
  expect(faults).toMatchObject([{ line: 2, column: 'agentCode', value: 'ag-001', isWarning: true }])
  expect(faults[0]?.reason).toContain('taken as AG-001')
  expect((await agents())[0]).toEqual({
    agentCode: 'AG-001',
    fullName: 'Uno',
    email: 'one@example.org',
    phone: '222',
  })
  expect((await events()).slice(told.length)).toMatchObject([
    {
      eventName: 'AgentChanged',
      payload: { agentCode: 'AG-001', before: { fullName: 'One' }, after: { fullName: 'Uno' } },
    },
  ])
})

test('What is wrong is told by its kind, and a good row is taken without a bad number or address', async () => {
  const { result, faults } = await run(
    file(
      'AG-5,,,',
      'AG-6,Six,at@,nine',
      'ag-6,Again,,',
      'AG-06,Other,,',
      'AG-7,Seven,,',
      'AG-7,Seven,,',
      '=1,X,,',
    ),
  )
  expect(result).toMatchObject({ rows: 7, inserted: 3, faulty: 4 })
  expect(faults.map(({ line, column, isWarning }) => [line, column, isWarning])).toEqual([
    [2, 'fullName', false],
    [3, 'email', true],
    [3, 'phone', true],
    [4, 'agentCode', false],
    [7, 'agentCode', false],
    [8, 'agentCode', false],
  ])
  expect(faults[3]?.reason).toBe('The agent is on line 3 already.')
  expect(result.problems.map(({ column, rows, isWarning }) => [column, rows, isWarning])).toEqual([
    ['agentCode', 2, false],
    ['fullName', 1, false],
    ['agentCode', 1, false],
    ['email', 1, true],
    ['phone', 1, true],
  ])
  expect((await agents()).at(-3)).toEqual({ agentCode: 'AG-06', fullName: 'Other', email: null, phone: null })
})

test('All of it is written or nothing', async () => {
  const before = await agents()
  let announced = 0
  const failing: Announce = async (tx, event) => {
    announced += 1
    if (announced === 3) throw new Error('nobody listens')
    return announceTo([])(tx, event)
  }
  const csv = file('AG-001,Uno,,', 'AG-003,Three,,', 'AG-004,Four,,')
  await expect(run(csv, { update: true }, failing)).rejects.toThrow('nobody listens')
  expect(announced).toBe(3)
  expect(await agents()).toEqual(before)
})

test('The file is read as one of members is: a workbook, another separator, columns of other names', async () => {
  const map = readColumnMap(agentFile, ['Collector=agentCode', 'Village='])
  const text = 'All collectors\n\nCollector;Agent Name;Village;Agent Phone\nAG-3;José;Pune;333\n'
  expect((await run(Buffer.from(text, 'latin1'), { map })).result).toMatchObject({ inserted: 1, faulty: 0 })
  const book = await writeExcelFile([
    ['Agent code', 'Full name', 'Phone'],
    ['AG-4', 'Four', 919820000001],
  ]).toBuffer()
  expect((await run(book)).result).toMatchObject({ inserted: 1, faulty: 0 })
  expect((await agents()).slice(2)).toMatchObject([
    { fullName: 'José', phone: '333' },
    { fullName: 'Four', phone: '919820000001' },
  ])
  await expect(run('agentCode,email\nA,b@example.org\n')).rejects.toThrow('lacks the columns fullName')
  const rows = Array.from({ length: 20_001 }, (_, index) => `A${index},N,,`)
  await expect(run(file(...rows))).rejects.toThrow('at most 20000 rows')
})
