/** A cycle whose amounts are far off is started by two persons, and once. */
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Approval } from '../../src/approvals/approval-sql.ts'
import type { CycleView } from '../../src/cycles/cycle-sql.ts'
import type { CyclePreview } from '../../src/cycles/preview-cycle.ts'
import { proveCycle } from '../../src/cycles/prove-cycle.ts'
import { changeFund } from '../../src/fund/change-fund.ts'
import type { Problem } from '../../src/platform/http/problem.ts'
import { operator } from '../../src/platform/values/actor.ts'
import { openTestApi, refusal, type TestApi } from '../support/api-client.ts'
import { signedIn } from '../support/browser-client.ts'
import { faultsIn } from '../support/doctor.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'

type Visitor = Awaited<ReturnType<typeof signedIn>>
interface Started {
  cycle: CycleView
}

let api: TestApi
let admin: Visitor
let treasurer: Visitor
beforeAll(async () => {
  api = await openTestApi({ worker: true, env: { CREATION_STRATEGY: 'queued' } })
  await changeFund(api.app, { changes: { selfApproval: false }, actor: operator('admin') })
  admin = await signedIn(api, 'admin')
  treasurer = await signedIn(api, 'treasurer')
})
afterAll(() => api.close())

const cycles = '/api/contribution-cycles'
const requests = `${cycles}/requests`

/** A claim of 100.00 in a tier of five who are asked for 20.00 each as a rule. */
async function claimOf(tierCode: string): Promise<{ claimId: string; tierId: string }> {
  const tierId = await registerTier(api.db, { tierCode, members: 6, contributionAmount: 2000 })
  const { claimId } = await approveDeath(api.db, { tierCode, benefitAmount: 10_000 })
  return { claimId, tierId }
}

const cyclesOf = async (claimId: string) =>
  (
    await sql<{
      cycleId: string
    }>`select cycle_id from contribution_cycles where claim_id = ${claimId}`.execute(api.db)
  ).rows

test('one person starts what is within the limit, and is refused what is beyond it, with both figures', async () => {
  const { claimId } = await claimOf('SL')
  const preview = (order: object) =>
    treasurer.ask<CyclePreview>('POST', `${cycles}/preview`, { claimId, ...order })
  expect((await preview({})).body).toMatchObject({ expectedAmount: 10_000, beyondLimit: [] })
  expect((await preview({ contributionAmount: 20_000 })).body.beyondLimit).toEqual([
    { reason: 'total', figure: 100_000, limit: 12_000 },
    { reason: 'amount', figure: 20_000, limit: 2000 },
  ])
  const refused = await treasurer.ask<Problem>('POST', cycles, { claimId, contributionAmount: 20_000 })
  expect([refusal(refused), refused.body.detail]).toEqual([
    '409 beyond-start-limit',
    'It would ask for $1,000.00 in all, where one person starts up to $120.00. ' +
      'Each member would owe $200.00, where the tier’s own amount is $20.00. ' +
      'Ask for it with a reason: another person has to approve it.',
  ])
  // More than the tier's own, though the total is near the target.
  const more = await treasurer.ask<Problem>('POST', cycles, { claimId, contributionAmount: 2001 })
  expect(more.body.detail).toBe(
    'Each member would owe $20.01, where the tier’s own amount is $20.00. Ask for it with a reason: another person has to approve it.',
  )
  // A fund that wants it stricter refuses a total that is over the target at all.
  await sql`update tiers set contribution_amount = null where tier_code = 'SL'`.execute(api.db)
  expect((await preview({ contributionAmount: 2400 })).body.beyondLimit).toEqual([])
  await changeFund(api.app, { changes: { startLimitPercent: 0 }, actor: operator('admin') })
  expect((await preview({ contributionAmount: 2001 })).body.beyondLimit).toEqual([
    { reason: 'total', figure: 10_005, limit: 10_000 },
  ])
  await changeFund(api.app, { changes: { startLimitPercent: 20 }, actor: operator('admin') })
  await sql`update tiers set contribution_amount = 2000 where tier_code = 'SL'`.execute(api.db)
  expect(await cyclesOf(claimId)).toEqual([])
  expect((await treasurer.ask('POST', cycles, { claimId })).status).toBe(202)
})

test('what only the counting of a large tier shows fails before anything is created, and is started by two persons', {
  timeout: 60_000,
}, async () => {
  await registerTier(api.db, { tierCode: 'LG', members: 50_012, contributionAmount: 2000 })
  // One person may ask for as much as the first 50,001 owe, and not for what all of them do.
  const { claimId } = await approveDeath(api.db, { tierCode: 'LG', benefitAmount: 83_345_000 })
  const cycleOf = async (cycleId: string) => (await api.get<CycleView>(`${cycles}/${cycleId}`)).body
  const refused = await treasurer.ask<Problem>('POST', cycles, { claimId, contributionAmount: 2001 })
  expect(refused.body.detail).toMatch(
    /^It would ask for \$1,000,720.11 in all, .* Each member would owe \$20.01/,
  )
  const started = await treasurer.ask<Started>('POST', cycles, { claimId })
  expect(started.status).toBe(202)
  const { cycleId } = started.body.cycle
  await expect
    .poll(() => cycleOf(cycleId), { timeout: 20_000 })
    .toMatchObject({
      cycleStatus: 'Failed',
      failureReason:
        'It would ask for $1,000,220.00 in all, where one person starts up to $1,000,140.00. Ask for it with a reason: another person has to approve it.',
    })
  expect((await treasurer.ask('POST', `${cycles}/${cycleId}/cancel`)).status).toBe(200)
  expect((await treasurer.ask('POST', requests, { claimId, reason: 'They are that many' })).status).toBe(201)
  const approved = await admin.ask<Started>('POST', `${requests}/${claimId}/approval`)
  await expect
    .poll(() => cycleOf(approved.body.cycle.cycleId), { timeout: 20_000 })
    .toMatchObject({ cycleStatus: 'Active', totalMembers: 50_011 })
})

test('what is shared by too few is beyond the limit by what each owes', async () => {
  const { claimId } = await claimOf('SA')
  await sql`update members set member_status = 'Inactive'
    where member_code in ('M-SA-00000002', 'M-SA-00000003')`.execute(api.db)
  const refused = await treasurer.ask<Problem>('POST', cycles, { claimId, contributionAmount: 'apportion' })
  expect(refused.body.detail).toContain(
    'Each member would owe $33.34, where the tier’s own amount is $20.00.',
  )
  const order = { claimId, contributionAmount: 'apportion', reason: 'Two have left' }
  expect((await treasurer.ask('POST', requests, order)).status).toBe(201)
  const approved = await admin.ask<Started>('POST', `${requests}/${claimId}/approval`)
  expect(approved.status).toBe(202)
  const { cycleId } = approved.body.cycle
  await expect
    .poll(async () => (await api.get<CycleView>(`${cycles}/${cycleId}`)).body, { timeout: 20_000 })
    .toMatchObject({ cycleStatus: 'Active', contributionAmount: 3334, totalMembers: 3 })
})

test('a start beyond the limit is asked for by one person and approved by another, for those who were asked for', async () => {
  const { claimId, tierId } = await claimOf('ST')
  const path = `${requests}/${claimId}/approval`
  expect(refusal(await admin.ask('POST', path))).toBe('409 approval-not-requested')
  const order = {
    claimId,
    contributionAmount: 20_000,
    cycleDuration: 30,
    reason: 'The family lost its house',
  }
  const asked = await treasurer.ask<Approval>('POST', requests, order)
  expect(asked).toMatchObject({
    status: 201,
    body: {
      approvalKind: 'start-cycle',
      subject: claimId,
      content: {
        contributionAmount: 20_000,
        eligibleMembers: 5,
        expectedAmount: 100_000,
        targetAmount: 10_000,
      },
    },
  })
  expect(refusal(await admin.ask('POST', requests, order))).toBe('409 approval-requested')
  expect(refusal(await treasurer.ask('POST', path))).toBe('403 own-request')
  const { body: waiting } = await admin.ask<{ items: Approval[] }>('GET', `/api/approvals?subject=${claimId}`)
  expect(waiting.items).toMatchObject([{ reason: 'The family lost its house', content: asked.body.content }])
  expect(await cyclesOf(claimId)).toEqual([])

  // Somebody who comes meanwhile is not among those who were asked for.
  await sql`insert into members (member_code, full_name, tier_id, joined_on)
    values ('M-ST-LATE', 'Late', ${tierId}, '2020-01-01')`.execute(api.db)
  const both = await Promise.all([admin.ask<Started>('POST', path), admin.ask<Started>('POST', path)])
  expect(both.map(({ status }) => status).toSorted()).toEqual([202, 409])
  // The second finds no request any more, or has found it and then finds the cycle.
  expect(['409 approval-not-requested', '409 claim-has-cycle']).toContain(
    both.filter(({ status }) => status === 409).map(refusal)[0],
  )
  const [started, ...others] = await cyclesOf(claimId)
  expect(others).toEqual([])
  const cycleId = started?.cycleId as string
  await expect
    .poll(async () => (await api.get<CycleView>(`${cycles}/${cycleId}`)).body, { timeout: 20_000 })
    .toMatchObject({ cycleStatus: 'Active', contributionAmount: 20_000, totalMembers: 5 })
  expect((await proveCycle(api.db, cycleId)).holds).toBe(true)
  const { rows: told } = await sql<{ eventName: string; payload: object }>`
    select event_name, payload from events where subject in (${claimId}, ${cycleId})
      and event_name in ('ContributionCycleStartRequested', 'ContributionCycleInitiated') order by event_id`.execute(
    api.db,
  )
  expect(told).toMatchObject([
    {
      eventName: 'ContributionCycleStartRequested',
      payload: { contributionAmount: 20_000, totalMembers: 5 },
    },
    {
      eventName: 'ContributionCycleInitiated',
      payload: { requestedBy: asked.body.requestedBy, reason: 'The family lost its house' },
    },
  ])
  expect(await faultsIn(api.app)).toEqual([])
})

test('the same approval with the same Idempotency-Key is answered with the cycle it has started', async () => {
  const { claimId } = await claimOf('SK')
  await treasurer.ask('POST', requests, { claimId, contributionAmount: 4000, reason: 'Agreed' })
  const approve = () =>
    admin.ask<Started>('POST', `${requests}/${claimId}/approval`, undefined, {
      'idempotency-key': 'start-SK',
    })
  const [first, again] = [await approve(), await approve()]
  expect([first.status, again.status]).toEqual([202, 202])
  expect(again.body.cycle.cycleId).toBe(first.body.cycle.cycleId)
  expect(await cyclesOf(claimId)).toHaveLength(1)
})

test('a start that is not any more what was asked for is not approved, and a request can be withdrawn', async () => {
  const { claimId, tierId } = await claimOf('SV')
  const path = `${requests}/${claimId}`
  const order = { claimId, contributionAmount: 20_000, reason: 'Agreed' }
  const request = async () => expect((await treasurer.ask('POST', requests, order)).status).toBe(201)
  const isVoid = async () =>
    expect(refusal(await admin.ask('POST', `${path}/approval`))).toBe('409 approval-void')

  await request()
  await api.patch(`/api/tiers/${tierId}`, { contributionAmount: 3000 })
  await isVoid()
  await api.patch(`/api/tiers/${tierId}`, { contributionAmount: 2000 })
  await sql`update claims set benefit_amount = 9000 where claim_id = ${claimId}`.execute(api.db)
  await isVoid()
  await sql`update claims set benefit_amount = 10000 where claim_id = ${claimId}`.execute(api.db)
  // Somebody of then whom the register did not hold when it was asked for: a transaction that ended late.
  const { rows } = await sql<{ memberId: string }>`
    insert into members (member_code, full_name, tier_id, joined_on)
    values ('M-SV-LATE', 'Late', ${tierId}, '2020-01-01') returning member_id`.execute(api.db)
  const validFrom = (instant: string) =>
    sql`update standings set valid_from = ${instant} where member_id = ${rows[0]?.memberId}`.execute(api.db)
  await validFrom('2020-01-01')
  await isVoid()
  expect((await admin.ask('DELETE', path)).status).toBe(204)
  expect(refusal(await admin.ask('DELETE', path))).toBe('409 approval-not-requested')
  await request()
  // Nor is one for a death that was none.
  expect((await admin.ask('POST', `/api/claims/${claimId}/revocation`, { reason: 'A mistake' })).status).toBe(
    201,
  )
  expect((await treasurer.ask('POST', `/api/claims/${claimId}/revocation/approval`)).status).toBe(200)
  expect(refusal(await admin.ask('POST', `${path}/approval`))).toBe('409 claim-not-approved')
  expect(await cyclesOf(claimId)).toEqual([])
})

test('a key of one’s own approves nothing that one has asked for, nor does it ask', async () => {
  const { claimId } = await claimOf('SO')
  const { body: key } = await admin.ask<{ key: string }>('POST', '/api/api-keys', {
    keyName: 'mine',
    permissions: ['cycles.start', 'claims.read'],
  })
  const byKey = (path: string, body?: object) => api.post(path, body, { authorization: `Bearer ${key.key}` })
  const order = { claimId, contributionAmount: 20_000, reason: 'Agreed' }
  expect(refusal(await byKey(requests, order))).toBe('403 session-needed')
  await admin.ask('POST', requests, order)
  expect(refusal(await byKey(`${requests}/${claimId}/approval`))).toBe('403 session-needed')
  expect(await cyclesOf(claimId)).toEqual([])
})

test('a preview says how many joined after the day of death', async () => {
  const { claimId } = await claimOf('SJ')
  await sql`update members set joined_on = '2026-01-02' where member_code = 'M-SJ-00000002'`.execute(api.db)
  await sql`update members set joined_on = '2026-01-03' where member_code in ('M-SJ-00000003', 'M-SJ-00000004')`.execute(
    api.db,
  )
  const preview = await treasurer.ask<CyclePreview>('POST', `${cycles}/preview`, { claimId })
  expect(preview.body).toMatchObject({ eligibleMembers: 5, joinedAfterDeath: 2 })
})
