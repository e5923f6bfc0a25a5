/** What was a mistake is undone by two persons: a death that was none, a cycle that should never have begun. */
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Approval } from '../../src/approvals/approval-sql.ts'
import type { ClaimView } from '../../src/claims/claim-sql.ts'
import type { CycleView } from '../../src/cycles/cycle-sql.ts'
import { proveCycle } from '../../src/cycles/prove-cycle.ts'
import { changeFund } from '../../src/fund/change-fund.ts'
import type { MemberView } from '../../src/members/member-sql.ts'
import type { Problem } from '../../src/platform/http/problem.ts'
import { operator } from '../../src/platform/values/actor.ts'
import {
  activeCycle,
  memberCode,
  openTestApi,
  type Page,
  refusal,
  type TestApi,
} from '../support/api-client.ts'
import { signedIn } from '../support/browser-client.ts'
import { faultsIn } from '../support/doctor.ts'
import { registerTier } from '../support/fund-fixture.ts'

type Visitor = Awaited<ReturnType<typeof signedIn>>

let api: TestApi
let clerk: Visitor
let admin: Visitor
let treasurer: Visitor
beforeAll(async () => {
  api = await openTestApi({ worker: true })
  await changeFund(
    { db: api.db, announce: api.app.announce },
    { changes: { selfApproval: false, memberChannels: ['email'] }, actor: operator('admin') },
  )
  clerk = await signedIn(api, 'clerk')
  admin = await signedIn(api, 'admin')
  treasurer = await signedIn(api, 'treasurer')
})
afterAll(() => api.close())

const cycles = '/api/contribution-cycles'
const memberOf = async (tier: string, number: number) =>
  (await api.get<Page<MemberView>>(`/api/members?code=${memberCode(tier, number)}`)).body
    .items[0] as MemberView
const submit = async (tier: string, number: number, dateOfDeath = '2026-01-02') =>
  (
    await clerk.ask<ClaimView>('POST', '/api/claims', {
      deceasedMemberId: (await memberOf(tier, number)).memberId,
      dateOfDeath,
      benefitAmount: 500_000,
    })
  ).body
const approve = ({ claimId }: ClaimView, reason?: string) =>
  treasurer.ask<ClaimView & Problem>(
    'POST',
    `/api/claims/${claimId}/approve`,
    reason === undefined ? {} : { reason },
  )
const contributionOf = async (cycleId: string, memberId: string) => {
  const { rows } = await sql<{ status: string }>`
    select contribution_status as status from member_contributions
    where cycle_id = ${cycleId} and member_id = ${memberId}`.execute(api.db)
  return rows[0]?.status
}
const countsOf = async (cycleId: string) => {
  const { totalMembers, pendingMembers, waivedMembers } = (await api.get<CycleView>(`${cycles}/${cycleId}`))
    .body
  return [totalMembers, pendingMembers, waivedMembers]
}

test('a death that did not happen is undone by two persons, with all its effects', async () => {
  await registerTier(api.db, { tierCode: 'UD', members: 12 })
  // A cycle for another death goes on meanwhile.
  const other = await submit('UD', 1)
  await approve(other)
  const { cycleId } = await activeCycle(api, other.claimId)
  const mistaken = await submit('UD', 2)
  const { memberId } = await memberOf('UD', 2)
  expect((await approve(mistaken)).status).toBe(200)
  const own = await activeCycle(api, mistaken.claimId)
  expect([await contributionOf(cycleId, memberId), await countsOf(cycleId)]).toEqual(['Waived', [11, 10, 1]])

  const path = `/api/claims/${mistaken.claimId}/revocation`
  expect(refusal(await treasurer.ask('POST', `${path}/approval`))).toBe('409 approval-not-requested')
  const asked = await treasurer.ask<Approval>('POST', path, { reason: 'It was her sister' })
  expect([asked.status, asked.body.approvalKind, asked.body.subject]).toEqual([
    201,
    'undo-death',
    mistaken.claimId,
  ])
  expect(refusal(await admin.ask('POST', path, { reason: 'Again' }))).toBe('409 approval-requested')
  expect(refusal(await treasurer.ask('POST', `${path}/approval`))).toBe('403 own-request')
  expect(refusal(await clerk.ask('POST', `${path}/approval`))).toBe('403 forbidden')
  const { body: waiting } = await admin.ask<{ items: Approval[] }>(
    'GET',
    `/api/approvals?subject=${mistaken.claimId}`,
  )
  expect(waiting.items).toMatchObject([{ reason: 'It was her sister', requestedBy: asked.body.requestedBy }])

  const undone = await admin.ask<ClaimView>('POST', `${path}/approval`)
  expect([undone.status, undone.body.claimStatus, undone.body.revocationReason]).toEqual([
    200,
    'Revoked',
    'It was her sister',
  ])
  expect((await memberOf('UD', 2)).memberStatus).toBe('Active')
  expect([await contributionOf(cycleId, memberId), await countsOf(cycleId)]).toEqual(['Pending', [11, 11, 0]])
  expect((await proveCycle(api.db, cycleId)).holds).toBe(true)
  expect((await api.get<CycleView>(`${cycles}/${own.cycleId}`)).body).toMatchObject({
    cycleStatus: 'Cancelled',
    failureReason: 'It was her sister',
  })
  await expect.poll(() => contributionOf(own.cycleId, memberId)).toBeUndefined()
  const left = () => sql`select from member_contributions where cycle_id = ${own.cycleId}`.execute(api.db)
  await expect.poll(async () => (await left()).rows.length, { timeout: 20_000 }).toBe(0)
  // She may die another day, or leave and be forgotten: no benefit is due for her any more.
  const again = await submit('UD', 2)
  expect(again.claimStatus).toBe('Submitted')
  await treasurer.ask('POST', `/api/claims/${again.claimId}/reject`, { reason: 'Again not' })
  await sql`update member_contributions set contribution_status = 'Waived' where member_id = ${memberId}`.execute(
    api.db,
  )
  await api.patch(`/api/members/${memberId}`, { memberStatus: 'Inactive' })
  const erasure = `/api/members/${memberId}/erasure`
  expect((await treasurer.ask('POST', erasure, { reason: 'By law' })).status).toBe(201)
  expect((await admin.ask('POST', `${erasure}/approval`)).status).toBe(200)
  expect((await admin.ask<ClaimView>('GET', `/api/claims/${mistaken.claimId}`)).body.deceasedFullName).toBe(
    'Erased member',
  )
  await sql`update member_contributions set contribution_status = 'Pending' where member_id = ${memberId}`.execute(
    api.db,
  )
  expect(await faultsIn(api.app)).toEqual([])
})

test('a request is not approved if its subject has changed, and can be withdrawn', async () => {
  await registerTier(api.db, { tierCode: 'UV', members: 6 })
  const claim = await submit('UV', 1)
  await approve(claim)
  const path = `/api/claims/${claim.claimId}/revocation`
  await treasurer.ask('POST', path, { reason: 'A mistake' })
  await activeCycle(api, claim.claimId)
  expect(refusal(await admin.ask('POST', `${path}/approval`))).toBe('409 approval-void')
  expect((await memberOf('UV', 1)).memberStatus).toBe('Deceased')
  expect((await admin.ask('DELETE', path)).status).toBe(204)
  expect(refusal(await admin.ask('DELETE', path))).toBe('409 approval-not-requested')
  expect((await treasurer.ask('POST', path, { reason: 'A mistake, all the same' })).status).toBe(201)
})

test('an Active cycle is revoked within a day by two persons, and its claim may get a new one', async () => {
  await registerTier(api.db, { tierCode: 'UC', members: 8 })
  const claim = await submit('UC', 1)
  await approve(claim)
  const { cycleId, cycleCode } = await activeCycle(api, claim.claimId)
  const path = `${cycles}/${cycleId}/revocation`
  await treasurer.ask('POST', path, { reason: 'Ten times the amount' })
  expect(refusal(await treasurer.ask('POST', `${path}/approval`))).toBe('403 own-request')
  const revoked = await admin.ask<CycleView>('POST', `${path}/approval`)
  expect([revoked.status, revoked.body.cycleStatus]).toEqual([200, 'Cancelled'])
  const left = () => sql`select from member_contributions where cycle_id = ${cycleId}`.execute(api.db)
  await expect.poll(async () => (await left()).rows.length, { timeout: 20_000 }).toBe(0)
  const again = await activeCycle(api, claim.claimId)
  expect(again.cycleCode).not.toBe(cycleCode)

  const next = `${cycles}/${again.cycleId}/revocation`
  await sql`update contribution_cycles set activated_at = now() - interval '25 hours' where cycle_id = ${again.cycleId}`.execute(
    api.db,
  )
  const late = await treasurer.ask<Problem>('POST', next, { reason: 'Too late' })
  expect([refusal(late), late.body.detail]).toEqual([
    '409 cycle-state',
    `Cycle ${again.cycleCode} has been Active for more than 24 hours: members have been asked for it.`,
  ])
  await sql`update contribution_cycles set activated_at = now() where cycle_id = ${again.cycleId}`.execute(
    api.db,
  )
  const pay = (amountMinor: number) =>
    sql`update member_contributions set paid_amount = ${amountMinor} where cycle_id = ${again.cycleId}
      and member_id = (select min(member_id::text)::uuid from member_contributions where cycle_id = ${again.cycleId})`.execute(
      api.db,
    )
  await pay(1)
  expect(refusal(await treasurer.ask('POST', next, { reason: 'Paid' }))).toBe('409 cycle-state')
  await pay(0)
})

test('a claim uses what the register said on the day of death, whatever it says later', async () => {
  await registerTier(api.db, { tierCode: 'CF', members: 6 })
  const otherTierId = await registerTier(api.db, { tierCode: 'CG', members: 3 })
  const member = await memberOf('CF', 1)
  const claim = await submit('CF', 1)
  expect(claim).toMatchObject({
    tierCode: 'CF',
    inStanding: true,
    joinedOn: member.joinedOn,
    registerDiffers: [],
  })
  await api.patch(`/api/members/${member.memberId}`, { fullName: 'Somebody Else', tierId: otherTierId })
  const path = `/api/claims/${claim.claimId}`
  expect((await api.get<ClaimView>(path)).body).toMatchObject({
    tierCode: 'CF',
    deceasedFullName: member.fullName,
    registerDiffers: ['fullName', 'tier'],
  })
  const refused = await approve(claim)
  expect([refusal(refused), refused.body.detail]).toEqual([
    '409 claim-needs-reason',
    'The register says otherwise than the claim by now: fullName, tier. Approve it with a reason, or reject it.',
  ])
  expect((await approve(claim, 'Married since')).body).toMatchObject({
    claimStatus: 'Approved',
    approvalReason: 'Married since',
  })
  const cycle = await activeCycle(api, claim.claimId)
  expect(cycle).toMatchObject({ tierCode: 'CF', deceasedFullName: member.fullName, totalMembers: 5 })
  expect(await faultsIn(api.app)).toEqual([])
})

test('a claim for a member who was not in good standing on the day of death needs a reason', async () => {
  await registerTier(api.db, { tierCode: 'NS', members: 4 })
  const { memberId } = await memberOf('NS', 1)
  await sql`
    update members set created_at = '2020-01-01' where tier_id = (select tier_id from tiers where tier_code = 'NS');
    update standings set valid_from = '2020-01-01' where tier_id = (select tier_id from tiers where tier_code = 'NS')`.execute(
    api.db,
  )
  await api.patch(`/api/members/${memberId}`, { memberStatus: 'Inactive' })
  await sql`update standings set valid_to = '2024-01-01' where member_id = ${memberId}`.execute(api.db)
  const claim = await submit('NS', 1)
  expect(claim).toMatchObject({ tierCode: 'NS', inStanding: false })
  const refused = await approve(claim)
  expect(refused.body.detail).toContain('was not in good standing on 2026-01-02, the day of death')
  expect((await approve(claim, 'The assembly agreed')).status).toBe(200)
  // Before she left she was.
  const { rows } = await sql`select in_standing from standing_at(${memberId}, '2023-12-31')`.execute(api.db)
  expect(rows).toEqual([{ inStanding: true }])
})

test('a member who is reported dead is named before a start, gets no letter, and is told when the report was wrong', async () => {
  await registerTier(api.db, { tierCode: 'RD', members: 5 })
  await sql`update members set email = member_code || '@example.org'
    where tier_id = (select tier_id from tiers where tier_code = 'RD')`.execute(api.db)
  const death = await submit('RD', 1)
  await approve(death)
  const reported = await submit('RD', 2)
  const { memberId, memberCode: code, fullName } = await memberOf('RD', 2)
  const preview = await api.post<{ reportedDead: unknown }>(`${cycles}/preview`, { claimId: death.claimId })
  expect(preview.body.reportedDead).toEqual([{ memberCode: code, fullName, claimCode: reported.claimCode }])

  const { cycleId } = await activeCycle(api, death.claimId)
  const told = async () => {
    const { rows } = await sql<{ recipientId: string }>`
      select recipient_id from notices where cycle_id = ${cycleId} and notice_kind = 'member-notice'`.execute(
      api.db,
    )
    return rows.map(({ recipientId }) => recipientId)
  }
  await expect.poll(async () => (await told()).length, { timeout: 20_000 }).toBe(3)
  expect(await told()).not.toContain(memberId)
  const isOver = async () => {
    const { rows } = await sql`
      select from jobs where subject = ${cycleId} and job_kind = 'notify-members-new-cycle' and job_status = 'Completed'`.execute(
      api.db,
    )
    return rows.length
  }
  await expect.poll(isOver, { timeout: 20_000 }).toBe(1)
  expect(await contributionOf(cycleId, memberId)).toBe('Pending')
  await treasurer.ask('POST', `/api/claims/${reported.claimId}/reject`, { reason: 'She called us' })
  expect((await told()).filter((recipientId) => recipientId === memberId)).toHaveLength(1)
  expect(await contributionOf(cycleId, memberId)).toBe('Pending')
})
