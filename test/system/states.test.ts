import { readFile } from 'node:fs/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { claimMoves } from '../../src/claims/claim-rules.ts'
import { contributionMoves, cycleMoves } from '../../src/cycles/cycle-rules.ts'
import { memberMoves } from '../../src/members/member-rules.ts'
import { deliveryMoves } from '../../src/notices/delivery-rules.ts'
import { paymentMoves } from '../../src/payments/payment-rules.ts'
import { chunkMoves, jobMoves } from '../../src/platform/jobs/job-rules.ts'
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts'

type Moves = Readonly<Record<string, readonly string[]>>

const machines: [heading: string, table: string, column: string, moves: Moves][] = [
  ['Cycle', 'contribution_cycles', 'cycle_status', cycleMoves],
  ['Contribution', 'member_contributions', 'contribution_status', contributionMoves],
  ['Payment', 'payments', 'payment_status', paymentMoves],
  ['Job', 'jobs', 'job_status', jobMoves],
  ['Chunk', 'job_chunks', 'chunk_status', chunkMoves],
  ['Claim', 'claims', 'claim_status', claimMoves],
  ['Delivery', 'deliveries', 'delivery_status', deliveryMoves],
  ['Member', 'members', 'member_status', memberMoves],
]

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

test.each(machines)(
  'the states of a %s are those of its check constraint',
  async (_heading, table, column, moves) => {
    const { rows } = await sql<{ definition: string }>`
    select pg_get_constraintdef(oid) as definition from pg_constraint
    where conrelid = ${table}::regclass and conname = ${`${table}_${column}_check`}`.execute(database.db)
    const states = [...(rows[0]?.definition ?? '').matchAll(/'(\w+)'/g)].map((match) => match[1])
    expect(states.toSorted()).toEqual(Object.keys(moves).toSorted())
  },
)

test.each(machines)(
  'the moves of a %s are the arrows of its diagram',
  async (heading, _table, _column, moves) => {
    const page = await readFile(new URL('../../docs/states.md', import.meta.url), 'utf8')
    const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? ''
    const drawn = [...section.matchAll(/^ {2}(\w+) --> (\w+):/gm)].map(([, from, to]) => `${from} → ${to}`)
    const coded = Object.entries(moves).flatMap(([from, targets]) => targets.map((to) => `${from} → ${to}`))
    expect(drawn.toSorted()).toEqual(coded.toSorted())
    expect(section).toMatch(/^ {2}\[\*\] --> \w+: /m)
  },
)
