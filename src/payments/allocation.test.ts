import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { approveDeath, registerTier } from '../../test/support/fund-fixture.ts'
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database.ts'
import { allocateLines } from './allocation-sql.ts'
import { allocate, type MemberMoney, type OpenContribution } from './payment-rules.ts'

const open = (
  cycleId: string,
  owed: number,
  dueDate: string,
  createdAt = '2026-01-01T00:00:00Z',
): OpenContribution => ({ cycleId, owed, dueDate, createdAt })
const money = (amount: number, cycleId: string | null = null): MemberMoney => ({ amount, cycleId })

test('what was named comes first, then what is due first, and what is left goes to the wallet', () => {
  const owed = [
    open('c', 100, '2026-03-01'),
    open('a', 100, '2026-02-01', '2026-01-05T10:00:00Z'),
    open('b', 100, '2026-02-01', '2026-01-05T10:00:00.5+02:00'),
  ]
  expect(allocate([money(350, 'c')], owed)).toEqual([
    { line: 0, cycleId: 'c', amount: 100 },
    { line: 0, cycleId: 'b', amount: 100 },
    { line: 0, cycleId: 'a', amount: 100 },
    { line: 0, cycleId: null, amount: 50 },
  ])
  expect(allocate([money(30)], owed)).toEqual([{ line: 0, cycleId: 'b', amount: 30 }])
  expect(allocate([money(30, 'paid already')], [])).toEqual([{ line: 0, cycleId: null, amount: 30 }])
})

test('what one line of a member has paid, the next does not pay again', () => {
  expect(allocate([money(70), money(70, 'a')], [open('a', 100, '2026-02-01')])).toEqual([
    { line: 1, cycleId: 'a', amount: 70 },
    { line: 0, cycleId: 'a', amount: 30 },
    { line: 0, cycleId: null, amount: 40 },
  ])
})

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

test('the rule and its form for sets in SQL share out every set alike', { timeout: 60_000 }, async () => {
  const { db } = database
  const tierId = await registerTier(db, { members: 4 })
  const members = (await db.selectFrom('members').select('memberId').orderBy('memberId').execute()).map(
    ({ memberId }) => memberId,
  )
  const createdAt = await insertCycles(tierId, [
    '2026-01-03T00:00:00Z',
    '2026-01-01T00:00:00.123456Z',
    '2026-01-01T00:00:00.123Z',
  ])
  const cycleIds = [...createdAt.keys()]
  const lineOf = fc.record({
    member: fc.nat({ max: members.length - 1 }),
    amount: fc.integer({ min: 1, max: 250 }),
    cycle: fc.option(fc.nat({ max: cycleIds.length - 1 })),
  })
  const debtOf = fc.record({
    paid: fc.integer({ min: 0, max: 100 }),
    due: fc.constantFrom('2026-01-31', '2026-02-28'),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(lineOf, { minLength: 1, maxLength: 8 }),
      fc.array(fc.option(debtOf), { minLength: 12, maxLength: 12 }),
      async (drawn, debts) => {
        const owed = new Map<string, OpenContribution[]>(members.map((memberId) => [memberId, []]))
        await db.transaction().execute(async (tx) => {
          await tx.deleteFrom('memberContributions').execute()
          for (const [index, debt] of debts.entries()) {
            if (debt === null) continue
            const memberId = members[index % members.length] as string
            const cycleId = cycleIds[index % cycleIds.length] as string
            const contributionStatus = debt.paid === 100 ? 'Paid' : 'Pending'
            await tx
              .insertInto('memberContributions')
              .values({
                cycleId,
                memberId,
                contributionAmount: 100,
                paidAmount: debt.paid,
                dueDate: debt.due,
                contributionStatus,
              })
              .execute()
            if (debt.paid < 100)
              owed.get(memberId)?.push(open(cycleId, 100 - debt.paid, debt.due, createdAt.get(cycleId)))
          }
        })
        const lines = drawn.map(({ member, amount, cycle }) => ({
          memberId: members[member] as string,
          amount,
          cycleId: cycle === null ? null : (cycleIds[cycle] as string),
        }))
        const expected = members.flatMap((memberId) => {
          const own = lines.flatMap((line, lineNo) =>
            line.memberId === memberId ? [{ ...line, lineNo }] : [],
          )
          return allocate(own, owed.get(memberId) ?? []).map(({ line, cycleId, amount }) => ({
            lineNo: own[line]?.lineNo,
            memberId,
            cycleId,
            amount,
          }))
        })
        const inOrder = (rows: object[]) => rows.map((row) => JSON.stringify(row, keys)).toSorted()
        expect(inOrder(await allocateLines(db, lines, cycleIds))).toEqual(inOrder(expected))
      },
    ),
    { numRuns: 300 },
  )
})

test('of a cycle that has just begun only what its payers owe is read', async () => {
  const { db } = database
  const tierId = await registerTier(db, { tierCode: 'B', members: 1 })
  const [cycleId] = (await insertCycles(tierId, ['2026-01-01T00:00:00Z'], 'B')).keys()
  await sql`
    insert into member_contributions (cycle_id, member_id, contribution_amount, due_date)
    select ${cycleId}::uuid, gen_random_uuid(), 100, '2026-01-31' from generate_series(1, 20000)`.execute(db)
  const { memberId } = await db
    .selectFrom('memberContributions')
    .select('memberId')
    .where('cycleId', '=', cycleId as string)
    .executeTakeFirstOrThrow()
  const read = await db.transaction().execute(async (tx) => {
    const countRead = async () => {
      const { rows } = await sql<{ read: number }>`
        select seq_tup_read + idx_tup_fetch as read from pg_stat_xact_user_tables
        where relname = 'member_contributions'`.execute(tx)
      return rows[0]?.read ?? 0
    }
    const before = await countRead()
    const allocated = await allocateLines(tx, [{ memberId, amount: 30, cycleId: null }], [cycleId as string])
    expect(allocated).toMatchObject([{ cycleId, amount: 30 }])
    return (await countRead()) - before
  })
  expect(read).toBeLessThan(10)
})

const keys = ['lineNo', 'memberId', 'cycleId', 'amount']

/** Cycles that are Active and ask nobody yet, each with the instant at which it was started. */
async function insertCycles(
  tierId: string,
  startedAt: string[],
  tierCode = 'A',
): Promise<Map<string, string>> {
  const { db } = database
  const cycles = new Map<string, string>()
  for (const [index, createdAt] of startedAt.entries()) {
    const number = index + 1
    const { claimId, deceasedMemberId } = await approveDeath(db, { tierCode, number })
    const { cycleId } = await db
      .insertInto('contributionCycles')
      .values({
        cycleCode: `CC-${tierCode}-0000${number}`,
        claimId,
        tierId,
        deceasedMemberId,
        cycleStatus: 'Active',
        strategy: 'inline',
        currency: 'USD',
        currencyExponent: 2,
        contributionAmount: 100,
        targetAmount: 100,
        timeZone: 'UTC',
        startDate: '2026-01-01',
        deadline: '2026-02-01',
        deadlineAt: '2026-02-02T00:00:00Z',
        eligibleAsOf: '2026-01-01T00:00:00Z',
        settledAfter: '1',
        activatedAt: '2026-01-01T00:00:00Z',
        createdAt,
        createdBy: 'test',
      })
      .returning('cycleId')
      .executeTakeFirstOrThrow()
    cycles.set(cycleId, createdAt)
  }
  return cycles
}
