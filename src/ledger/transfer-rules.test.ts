import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database.ts'
import { transferRules } from './transfer-rules.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

test('the check constraint allows what the rules allow, and no more', async () => {
  const { rows } = await sql<{ definition: string }>`
    select pg_get_constraintdef(oid) as definition from pg_constraint where conname = 'transfers_allowed'`.execute(
    database.db,
  )
  const allowed = [...(rows[0]?.definition ?? '').matchAll(/'(\S+ \w+ \w+)'/g)].map(([, rule]) => rule)
  const coded = Object.entries(transferRules).map(([code, { debit, credit }]) => `${code} ${debit} ${credit}`)
  expect(allowed.toSorted()).toEqual(coded.toSorted())
})

test('docs/money.md has each kind of movement', async () => {
  const page = await readFile(new URL('../../docs/money.md', import.meta.url), 'utf8')
  const documented = [...page.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, code]) => code)
  expect(documented.toSorted()).toEqual(Object.keys(transferRules).toSorted())
})

test('nothing but post() writes transfers', async () => {
  const root = new URL('..', import.meta.url).pathname
  const files = (await readdir(root, { recursive: true })).filter(
    (name) => name.endsWith('.ts') && !name.includes('.test.'),
  )
  const writers: string[] = []
  for (const name of files) {
    const text = await readFile(path.join(root, name), 'utf8')
    if (
      /(insert into|update|delete from|copy) transfers\b|(insertInto|updateTable|deleteFrom)\('transfers'/i.test(
        text,
      )
    )
      writers.push(name)
  }
  expect(writers).toEqual(['ledger/post.ts'])
})
