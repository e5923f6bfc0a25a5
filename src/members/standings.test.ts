import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database.ts'
import type { Tx } from '../platform/database/connect.ts'
import { memberStatuses } from './member-rules.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

const status = fc.constantFrom(...memberStatuses)
const tier = fc.integer({ min: 0, max: 2 })
const someMembers = fc.uniqueArray(fc.integer({ min: 0, max: 9 }), { minLength: 1 })

/** Statements on the register, each on one or several members at once; some are rolled back. */
const statement = fc.record({
  change: fc.oneof(
    fc.record({
      kind: fc.constant('register' as const),
      count: fc.integer({ min: 1, max: 4 }),
      status,
      tier,
    }),
    fc.record({ kind: fc.constant('status' as const), members: someMembers, status }),
    fc.record({ kind: fc.constant('tier' as const), members: someMembers, tier }),
    fc.record({ kind: fc.constant('both' as const), members: someMembers, status, tier }),
    fc.record({ kind: fc.constant('name' as const), members: someMembers }),
  ),
  rollBack: fc.boolean(),
})

test('for each instant, a tier’s standing is exactly the members that were Active in it', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(statement, { minLength: 1, maxLength: 25 }), async (statements) => {
      const { db } = database
      const tiers = await makeTiers()
      /** The register as a list of members, and what it was at each instant. */
      let register: { memberId: string; status: string; tier: number }[] = []
      const past: { instant: string; active: string[][] }[] = []

      for (const { change, rollBack } of statements) {
        const next = register.map((member) => ({ ...member }))
        const chosen = 'members' in change ? change.members.flatMap((index) => next[index] ?? []) : []
        await db
          .transaction()
          .execute(async (tx) => {
            if (change.kind === 'register') {
              const ids = await registerMembers(tx, change.count, change.status, tiers[change.tier] as string)
              next.push(...ids.map((memberId) => ({ memberId, status: change.status, tier: change.tier })))
            } else {
              for (const member of chosen) {
                if ('status' in change) member.status = change.status
                if ('tier' in change) member.tier = change.tier
              }
              await sql`
                update members set
                  full_name = full_name || '.',
                  member_status = ${'status' in change ? sql`${change.status}` : sql`member_status`},
                  tier_id = ${'tier' in change ? sql`${tiers[change.tier]}::uuid` : sql`tier_id`}
                where member_id = any(${chosen.map((member) => member.memberId)}::uuid[])`.execute(tx)
            }
            if (rollBack) throw new Error('rolled back')
          })
          .catch((error: Error) => expect(error.message).toBe('rolled back'))
        if (!rollBack) register = next
        const { rows } = await sql<{ instant: string }>`select clock_timestamp() as instant`.execute(db)
        past.push({
          instant: rows[0]?.instant as string,
          active: tiers.map((_, index) =>
            register.filter((m) => m.status === 'Active' && m.tier === index).map((m) => m.memberId),
          ),
        })
      }

      for (const { instant, active } of past) {
        for (const [index, tierId] of tiers.entries()) {
          const { rows } = await sql<{ memberId: string }>`
            select member_id from eligible_members(${tierId}::uuid, ${instant}::timestamptz, gen_random_uuid())
          `.execute(db)
          expect(rows.map((row) => row.memberId).toSorted()).toEqual(active[index]?.toSorted())
        }
      }
    }),
    { numRuns: 60 },
  )
})

test('periods of a member never overlap, even when the clock was set back', async () => {
  const { db } = database
  const [tierId] = await makeTiers()
  const [memberId] = await registerMembers(db as Tx, 1, 'Active', tierId as string)
  // As if the member had been registered with a clock that was an hour ahead.
  await sql`update standings set valid_from = valid_from + interval '1 hour' where member_id = ${memberId}`.execute(
    db,
  )
  for (const next of ['Suspended', 'Active', 'Suspended', 'Active']) {
    await sql`update members set member_status = ${next} where member_id = ${memberId}`.execute(db)
  }
  const { rows } = await sql<{ overlaps: number; periods: number }>`
    select count(*) filter (where a.ctid <> b.ctid) as overlaps, count(distinct a.ctid) as periods
    from standings a join standings b using (tier_id, member_id)
    where a.member_id = ${memberId}
      and tstzrange(a.valid_from, a.valid_to) && tstzrange(b.valid_from, b.valid_to)`.execute(db)
  expect(rows[0]).toEqual({ overlaps: 0, periods: 3 })
})

test('members and their standings cannot be deleted', async () => {
  const { db } = database
  const [tierId] = await makeTiers()
  await registerMembers(db as Tx, 1, 'Active', tierId as string)
  for (const table of ['members', 'standings']) {
    await expect(sql`delete from ${sql.table(table)}`.execute(db)).rejects.toThrow('is refused')
    await expect(sql`truncate ${sql.table(table)} cascade`.execute(db)).rejects.toThrow('is refused')
  }
})

describe('a member needs an existing tier and agent', () => {
  const noOne = '00000000-0000-4000-8000-000000000000'

  test.each(['tier', 'agent'] as const)('an unknown %s is refused, and nothing is written', async (kind) => {
    const { db } = database
    const [tierId = ''] = await makeTiers()
    const [memberId = ''] = await registerMembers(db as Tx, 2, 'Active', tierId)
    const constraint = `members_${kind}_id_fkey`
    const column = sql.ref(`${kind}_id`)
    const values = { tier: [noOne, null], agent: [tierId, noOne] }[kind]
    const insert = sql`
      insert into members (member_code, full_name, tier_id, agent_id, joined_on)
      select 'stray-' || n, 'Stray', case n when 1 then ${tierId}::uuid else ${values[0]}::uuid end,
        case n when 1 then null else ${values[1]}::uuid end, '2020-01-01'
      from generate_series(1, 2) as n`
    await expect(insert.execute(db)).rejects.toMatchObject({ code: '23503', constraint })
    const update = sql`update members set ${column} = ${noOne}::uuid where member_id = ${memberId}`
    await expect(update.execute(db)).rejects.toMatchObject({ code: '23503', constraint })
    const { rows } = await sql`select from members where member_code like 'stray-%'`.execute(db)
    expect(rows).toEqual([])
  })

  test.each(['tiers', 'agents'])(
    '%s that are used cannot be deleted, nor change their ids',
    async (table) => {
      const { db } = database
      await makeTiers()
      await sql`
      with agent as (insert into agents (agent_code, full_name) values (gen_random_uuid()::text, 'A') returning agent_id)
      insert into members (member_code, full_name, tier_id, agent_id, joined_on)
      select gen_random_uuid(), 'A', (select tier_id from tiers limit 1), agent_id, '2020-01-01' from agent`.execute(
        db,
      )
      const id = sql.ref(table === 'tiers' ? 'tier_id' : 'agent_id')
      for (const statement of [
        sql`delete from ${sql.table(table)}`,
        sql`truncate ${sql.table(table)} cascade`,
        sql`update ${sql.table(table)} set ${id} = gen_random_uuid()`,
      ]) {
        await expect(statement.execute(db)).rejects.toThrow('is refused')
      }
    },
  )
})

test('members who are registered later have later ids', async () => {
  const { db } = database
  const [tierId = ''] = await makeTiers()
  const [first = ''] = await registerMembers(db as Tx, 1, 'Active', tierId)
  await sql`select pg_sleep(0.002)`.execute(db)
  const [second = ''] = await registerMembers(db as Tx, 1, 'Active', tierId)
  expect(first).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(first < second).toBe(true)
})

async function makeTiers(): Promise<string[]> {
  const { rows } = await sql<{ tierId: string }>`
    insert into tiers (tier_code, tier_name)
    select 'T-' || gen_random_uuid()::text, 'T' from generate_series(1, 3) returning tier_id`.execute(
    database.db,
  )
  return rows.map((row) => row.tierId)
}

async function registerMembers(
  tx: Tx,
  count: number,
  memberStatus: string,
  tierId: string,
): Promise<string[]> {
  const { rows } = await sql<{ memberId: string }>`
    insert into members (member_code, full_name, tier_id, member_status, joined_on)
    select 'M-' || gen_random_uuid()::text, 'Member', ${tierId}, ${memberStatus}, '2020-01-01'
    from generate_series(1, ${count})
    returning member_id`.execute(tx)
  return rows.map((row) => row.memberId)
}
