import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { runAlmoner, startAlmoner } from '../support/almoner-process.ts'
import { createTestDatabase } from '../support/test-database.ts'

/**
 * A fund as a version of Almoner has left it whose schema was 0011, before there were notices: 3,004 members, three cycles of
 * which it had created 2,000, 1,000 and 2,000 contributions when it was killed. Made with `pg_dump --inserts
 * --rows-per-insert=500 --no-owner --no-privileges --exclude-schema=bullmq` of PostgreSQL 15.
 */
const dump = new URL('../support/data/fund-of-schema-0011.sql.gz', import.meta.url)

test('a fund of an older version, with half-created cycles, is migrated and continues, each contribution once', {
  timeout: 120_000,
}, async () => {
  const database = await createTestDatabase()
  try {
    // Lines that begin with a backslash are for psql.
    const statements = gunzipSync(await readFile(dump))
      .toString()
      .replaceAll(/^\\.*$/gm, '')
    await sql
      .raw('drop schema public cascade; drop schema bullmq cascade; create schema public')
      .execute(database.db)
    await sql.raw(`${statements}; reset all`).execute(database.db)
    // Its amounts were kept by the decimals that the runtime showed, which are not those of ISO 4217.
    await sql`update fund set currency = 'PKR'`.execute(database.db)
    await sql`update contribution_cycles set currency = 'PKR'`.execute(database.db)
    const { rows: before } = await sql<{ cycleId: string; memberId: string }>`
      select cycle_id, member_id from member_contributions`.execute(database.db)
    expect(before).toHaveLength(5_000)

    const worker = startAlmoner(['worker'], { DATABASE_URL: database.url })
    await worker.says('The worker is ready.')
    const statuses = async () => {
      const { rows } = await sql<{ cycleStatus: string; totalMembers: number; rows: number }>`
        select cycle_status, total_members,
          (select count(*) from member_contributions mc where mc.cycle_id = c.cycle_id) as rows
        from contribution_cycles c order by cycle_code`.execute(database.db)
      return rows
    }
    const active = (members: number) => ({ cycleStatus: 'Active', totalMembers: members, rows: members })
    await expect.poll(statuses, { timeout: 60_000 }).toEqual([active(3_003), active(3_002), active(3_001)])
    const decimals = new Intl.NumberFormat('en', { style: 'currency', currency: 'PKR' }).resolvedOptions()
    const { rows: exponents } = await sql`
      select currency_exponent from fund union select currency_exponent from contribution_cycles`.execute(
      database.db,
    )
    expect(exponents).toEqual([{ currencyExponent: decimals.maximumFractionDigits }])
    // No event tells of it, which the doctor would find.
    await sql`update fund set currency = 'USD'`.execute(database.db)
    const { rows: kept } = await sql`
      select from member_contributions mc
      join unnest(${before.map(({ cycleId }) => cycleId)}::uuid[], ${before.map(({ memberId }) => memberId)}::uuid[])
        as were (cycle_id, member_id) using (cycle_id, member_id)`.execute(database.db)
    expect(kept).toHaveLength(5_000)
    // Its cycles are paid for as those of this version are.
    const { rows: debts } = await sql<{ memberCode: string; cycleCode: string; amount: string }>`
      select m.member_code, c.cycle_code, (mc.contribution_amount / (10 ^ f.currency_exponent)::bigint)::text as amount
      from fund f, member_contributions mc join contribution_cycles c using (cycle_id) join members m using (member_id)
      where mc.contribution_status = 'Pending' order by c.cycle_code, m.member_code limit 1`.execute(
      database.db,
    )
    const debt = debts[0] as (typeof debts)[0]
    const paid = await runAlmoner(
      ['payments', 'record', '--source', 'TILL', '--member', debt.memberCode, '--amount', debt.amount].concat(
        '--cycle',
        debt.cycleCode,
      ),
      { DATABASE_URL: database.url },
    )
    expect(paid, paid.stderr).toMatchObject({ code: 0 })
    const shown = await runAlmoner(['cycles', 'show', debt.cycleCode, '--json'], {
      DATABASE_URL: database.url,
    })
    expect(JSON.parse(shown.stdout)).toMatchObject({ paidMembers: 1, cycleStatus: 'Active' })
    const doctor = await runAlmoner(['doctor'], { DATABASE_URL: database.url })
    expect(doctor, doctor.stdout).toMatchObject({ code: 0 })
    await worker.end('SIGTERM')
  } finally {
    await database.drop()
  }
})
