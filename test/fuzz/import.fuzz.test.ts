import { Readable } from 'node:stream'
import fc from 'fast-check'
import { sql } from 'kysely'
import type pg from 'pg'
import { afterAll, describe, expect, test } from 'vitest'
import { type ImportInput, type ImportResult, importMembers } from '../../src/members/import-members.ts'
import { memberStatuses } from '../../src/members/member-rules.ts'
import { operator } from '../../src/platform/values/actor.ts'
import type { Clock } from '../../src/platform/values/clock.ts'
import { DomainError } from '../../src/platform/values/errors.ts'
import { codeRule, memberCodeRule, nameRule } from '../../src/platform/values/text-rules.ts'
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts'
import { amount, seed, tell } from './fuzz-run.ts'
import { type FuzzedFile, fuzzedFile } from './member-file-arbitrary.ts'

const registers = amount(4, 1)
/** Two files each: one into an empty register, and another upon it. */
const pairs = amount(2_500, 150)

const clock: Clock = { now: () => new Date('2026-11-25T12:00:00Z') }
const known = {
  tierCode: ['A', 'B', 'C'],
  agentCode: ['AG-001', 'AG-002', 'AG-003'],
  memberCode: ['F-1', 'F-2', 'F-3', 'F-4'],
}

const told = { files: 0, refused: 0, rows: 0, inserted: 0, updated: 0, unchanged: 0, skipped: 0, faulty: 0 }
const refusals = new Map<string, number>()

interface Upload {
  readonly file: FuzzedFile
  /** Where the first piece of the bytes ends, in thousandths. */
  readonly cut: number
  readonly onDuplicate: 'skip' | 'update'
  readonly createAgents: boolean
  readonly createTiers: boolean
}

const upload: fc.Arbitrary<Upload> = fc.record({
  file: fuzzedFile(known),
  cut: fc.nat(1000),
  onDuplicate: fc.constantFrom('skip', 'update'),
  createAgents: fc.boolean(),
  createTiers: fc.boolean(),
})

interface Member {
  readonly fullName: string
  readonly tier: string
  readonly status: string
  readonly joinedOn: string
}

type Register = ReadonlyMap<string, Member>

interface Fund extends TestDatabase {
  /** One connection, reset before every import: a new one would cost three times as much as the import. */
  readonly imports: pg.Pool
}

async function openFund(): Promise<Fund> {
  const database = await createTestDatabase()
  // What two persons agree on is asked elsewhere: here every file is imported by one.
  await sql`update fund set import_status_limit_percent = 100`.execute(database.db)
  const client = await database.pool.connect()
  const release = client.release.bind(client)
  client.release = () => {}
  const connect = async () => {
    await client.query('rollback')
    await client.query('discard all')
    return client
  }
  const drop = async () => {
    release(true)
    await database.drop()
  }
  return { ...database, drop, imports: { connect } as unknown as pg.Pool }
}

describe('every file is refused with a sentence, or its good rows are the register', () => {
  afterAll(() => {
    tell([
      ...Object.entries(told).map(([what, times]) => `${what}: ${times}`),
      ...[...refusals].sort().map(([sentence, times]) => `refused: ${sentence} × ${times}`),
    ])
  })

  test.concurrent.each(Array.from({ length: registers }, (_, index) => index))(
    'register %i',
    { timeout: 900_000 },
    async (register) => {
      const fund = await openFund()
      try {
        // A register cannot be emptied; this one can.
        for (const [table, ...triggers] of [
          ['members', 'members_kept', 'members_removed'],
          ['standings', 'standings_kept', 'standings_removed'],
          ['tiers', 'tiers_kept', 'tiers_used'],
          ['agents', 'agents_kept', 'agents_used'],
          ['import_changes', 'import_changes_kept'],
          ['imports', 'imports_kept'],
        ] as const) {
          for (const trigger of triggers) {
            await sql`drop trigger ${sql.ref(trigger)} on ${sql.table(table)}`.execute(fund.db)
          }
        }
        await fc.assert(
          fc.asyncProperty(upload, upload, async (first, second) => {
            await empty(fund)
            await expectImported(fund, first)
            await expectImported(fund, second)
          }),
          { seed: seed + register, numRuns: pairs },
        )
      } finally {
        await fund.drop()
      }
    },
  )
})

async function empty({ db }: Fund): Promise<void> {
  await sql`
    delete from import_changes; delete from imports; delete from standings; delete from members; delete from agents; delete from tiers;
    insert into tiers (tier_code, tier_name) values ('A', 'A'), ('B', 'B');
    insert into agents (agent_code, full_name) values ('AG-001', 'One'), ('AG-002', 'Two')`.execute(db)
}

async function expectImported(fund: Fund, given: Upload): Promise<void> {
  const before = await readRegister(fund)
  const print = await versions(fund)
  const dry = await run(fund, given, true)
  expect(await versions(fund)).toEqual(print)
  const real = await run(fund, given, false)
  told.files += 1
  expect(withoutMode(dry)).toEqual(withoutMode(real))

  if (real instanceof DomainError) {
    told.refused += 1
    const kind = real.message
      .replace(/^There is no column .*/s, 'There is no column …')
      .replaceAll(/\d+/g, '…')
      .replace(/(?<=lacks the columns) .*/, ' …')
    refusals.set(kind, (refusals.get(kind) ?? 0) + 1)
    expect(real.code).toBe('import-refused')
    expect(real.message).toMatch(/^[A-Z].*\.$/s)
    expect(await versions(fund)).toEqual(print)
    return
  }
  const { rows, inserted, updated, unchanged, skipped, faulty } = real.result
  for (const [what, times] of Object.entries({ rows, inserted, updated, unchanged, skipped, faulty })) {
    told[what as keyof typeof told] += times
  }
  expect(inserted + updated + unchanged + skipped + faulty).toBe(rows)
  const faultyLines = new Set(real.faults.filter(({ isWarning }) => !isWarning).map(({ line }) => line))
  expect(faultyLines.size).toBe(faulty)
  const after = await readRegister(fund)
  expect(after.size).toBe(before.size + inserted)
  if (inserted + updated === 0) expect(await versions(fund)).toEqual(print)

  const { rows: written, columns } = given.file
  if (!written) return
  expect(written.length).toBe(rows)
  const expected = new Map(before)
  for (const { line, fields } of written) {
    if (faultyLines.delete(line)) continue
    const of = (column: string, tidy = (text: string) => text.trim()) =>
      tidy((fields[columns.indexOf(column)] ?? '').replace(/^\s*'(?=[=+@-])/, ''))
    const code = of('memberCode', memberCodeRule.tidy)
    if (expected.has(code) && given.onDuplicate === 'skip') continue
    expected.set(code, {
      fullName: of('fullName', nameRule.tidy),
      tier: of('tier', codeRule.tidy),
      status: memberStatuses.find((one) => one.toLowerCase() === of('status').toLowerCase()) ?? '',
      joinedOn: of('joinedOn'),
    })
  }
  // Every fault was of a line on which a row begins.
  expect([...faultyLines]).toEqual([])
  expect(after).toEqual(expected)
}

type Outcome = DomainError | { result: ImportResult; faults: { line: number; isWarning: boolean }[] }

/** What the import says: its report, or its refusal. Anything else that it throws is a failure. */
async function run({ imports }: Fund, { file, cut, ...options }: Upload, dryRun: boolean): Promise<Outcome> {
  const faults: Parameters<NonNullable<ImportInput['onFault']>>[0][] = []
  const at = Math.floor((file.bytes.length * cut) / 1000)
  const csv = Readable.from([file.bytes.subarray(0, at), file.bytes.subarray(at)], { objectMode: false })
  try {
    const onFault = (fault: (typeof faults)[number]) => void faults.push(fault)
    return {
      result: await importMembers(
        { pool: imports, clock },
        { ...options, csv, dryRun, actor: operator('fuzz'), onFault },
      ),
      faults,
    }
  } catch (error) {
    if (error instanceof DomainError) return error
    throw error
  }
}

function withoutMode(outcome: Outcome): unknown {
  return outcome instanceof DomainError
    ? outcome.message
    : { ...outcome, result: { ...outcome.result, dryRun: undefined, importId: undefined } }
}

async function readRegister({ db }: Fund): Promise<Register> {
  const { rows } = await sql<Member & { code: string }>`
    select member_code as code, full_name, tier_code as tier, member_status as status, joined_on::text
    from members join tiers using (tier_id)`.execute(db)
  return new Map(rows.map(({ code, ...member }) => [code, member]))
}

/** Which version of every row is stored: another one after any update, even one that changes nothing. */
async function versions({ db }: Fund): Promise<unknown> {
  const { rows } = await sql`
    select array_agg(array[tableoid::text, ctid::text, xmin::text] order by tableoid, ctid) as versions from (
      select tableoid, ctid, xmin from members
      union all select tableoid, ctid, xmin from standings
      union all select tableoid, ctid, xmin from agents
      union all select tableoid, ctid, xmin from tiers
    ) as stored`.execute(db)
  return rows
}
