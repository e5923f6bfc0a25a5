import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { registerTier } from '../../test/support/fund-fixture.ts'
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database.ts'
import type { Db, Tx } from '../platform/database/connect.ts'
import { lockDeaths, waiveTheDead } from './contribution-sql.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

async function askEverybody(db: Db, cycleId: string): Promise<void> {
  await sql`
    insert into member_contributions (cycle_id, member_id, contribution_amount, due_date)
    select ${cycleId}, member_id, 1, '2026-01-31' from members`.execute(db)
}

/** Rows of members and contributions that this transaction has read so far. */
async function countRowsRead(tx: Tx): Promise<number> {
  const { rows } = await sql<{ read: number }>`
    select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint as read from pg_stat_xact_user_tables
    where relname in ('members', 'member_contributions')`.execute(tx)
  return rows[0]?.read as number
}

test('the dead are looked up one by one, also in a cycle that the statistics do not know yet', async () => {
  const { db } = database
  await registerTier(db, { members: 5000 })
  await askEverybody(db, randomUUID())
  // From here on the planner holds that every contribution is of that first cycle.
  await sql`analyze members, member_contributions`.execute(db)
  await sql`
    update members set member_status = 'Deceased'
    where member_id in (select member_id from members order by member_code limit 300)`.execute(db)
  const cycleId = randomUUID()
  await askEverybody(db, cycleId)
  await db.transaction().execute(async (tx) => {
    const before = await countRowsRead(tx)
    await lockDeaths(tx)
    expect(await waiveTheDead(tx, cycleId)).toBe(300)
    expect((await countRowsRead(tx)) - before).toBeLessThan(2 * 300 + 10)
  })
})
