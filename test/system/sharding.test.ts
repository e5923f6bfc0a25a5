import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openTestApi, type TestApi } from '../support/api-client.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'
import { lookAtSharding } from '../support/sharding-rules.ts'

/** Every statement that was sent since. */
const sent = new Set<string>()
let api: TestApi
beforeAll(async () => {
  const { query } = pg.Client.prototype
  vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...args: unknown[]) {
    const [first] = args as [string | { text?: string }]
    sent.add((typeof first === 'string' ? first : first.text) ?? '')
    return Reflect.apply(query, this, args)
  })
  api = await openTestApi({ worker: true })
  await registerTier(api.db, { members: 3_000 })
  const { claimId } = await approveDeath(api.db, { number: 1 })
  sent.clear()
  const { body } = await api.post<{ cycle: { cycleId: string } }>('/api/contribution-cycles', {
    claimId,
    strategy: 'queued',
  })
  const told = () => api.get(`/api/contribution-cycles/${body.cycle.cycleId}/events`)
  await vi.waitUntil(async () => (await told()).text.includes('AgentsNotified'), {
    timeout: 20_000,
    interval: 100,
  })
})
afterAll(async () => {
  await api?.close()
  vi.restoreAllMocks()
})

const hot = () =>
  [...sent].filter((text) => /\b(member_contributions|standings|"?members"?|eligible_members)\b/.test(text))

test('no statement of a cycle’s creation joins across shards, if members are spread over them', () => {
  expect(hot().length).toBeGreaterThan(8)
  for (const statement of hot()) expect(lookAtSharding(statement).crossing, statement).toEqual([])
})

test('the statements that name no member are these, and every shard can answer its part', () => {
  const asked = hot()
    .map((statement) => ({ statement, ...lookAtSharding(statement) }))
    .filter(({ everyShard }) => everyShard.length > 0)
    .map(({ statement }) => statement.replaceAll(/\s+/g, ' ').trim().slice(0, 45))
  expect(new Set(asked)).toEqual(
    new Set([
      // The roster is counted, and walked once for the boundaries of the chunks.
      'select count(*) as members from (select from ',
      'with recursive walk (first_key, ends) as ( se',
      // Before the cycle is Active, what was written is counted; whoever has died meanwhile is looked for.
      'select count(*) as contributions from member_',
      'update member_contributions set contribution_',
      // The members of an agent are wherever they are.
      'insert into notices (event_id, cycle_id, noti',
      'with made as ( update notices n set made_at =',
    ]),
  )
})

test.each([
  ['select from members m join standings s on s.tier_id = m.tier_id', ['members and standings']],
  ['select from members m join standings s using (member_id)', []],
  [
    'select (select 1 from standings s where s.tier_id = m.tier_id) from members m',
    ['members and standings'],
  ],
  ['select (select 1 from standings s where s.member_id = m.member_id) from members m', []],
  ['select from members m join tiers t using (tier_id)', []],
])('a join is found to cross, or not: %s', (statement, crossing) => {
  expect(lookAtSharding(statement).crossing).toEqual(crossing)
})
