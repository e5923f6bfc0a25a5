/** What one person cannot do alone: switch a safeguard off, or change a large part of the register. */
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findUser } from '../../src/access/access-sql.ts'
import { addUser, changeUser } from '../../src/access/keep-users.ts'
import type { Role } from '../../src/access/permission-rules.ts'
import type { Approval } from '../../src/approvals/approval-sql.ts'
import type { ClaimView } from '../../src/claims/claim-sql.ts'
import { changeFund } from '../../src/fund/change-fund.ts'
import type { FundRow } from '../../src/fund/fund-sql.ts'
import type { ImportResult } from '../../src/members/import-members.ts'
import type { MemberView } from '../../src/members/member-sql.ts'
import type { Problem } from '../../src/platform/http/problem.ts'
import { operator } from '../../src/platform/values/actor.ts'
import {
  type Answer,
  memberCode,
  openTestApi,
  type Page,
  refusal,
  type TestApi,
} from '../support/api-client.ts'
import { password, register, signedIn, tokenIn, visit } from '../support/browser-client.ts'
import { faultsIn } from '../support/doctor.ts'
import { registerTier } from '../support/fund-fixture.ts'

interface UserWithLink {
  readonly userId: string
  readonly passwordLink: string | null
}
type Visitor = Awaited<ReturnType<typeof signedIn>>

let api: TestApi
let admin: Visitor
let otherAdmin: Visitor
let treasurer: Visitor
let clerk: Visitor
beforeAll(async () => {
  api = await openTestApi({ worker: false })
  // As a fund is set up; whoever has the machine is not asked for a second person.
  await changeFund(api.app, { changes: { selfApproval: false }, actor: operator('cli:ada') })
  admin = await signedIn(api, 'admin')
  otherAdmin = await signedIn(api, 'admin')
  treasurer = await signedIn(api, 'treasurer')
  clerk = await signedIn(api, 'clerk')
})
afterAll(() => api.close())

const selfApproval = async () => (await api.get<FundRow>('/api/fund')).body.selfApproval

test('one admin alone does not let whoever submits a claim approve it; two do, and one takes it back', async () => {
  const path = '/api/fund/self-approval'
  const alone = await admin.ask<Problem>('PATCH', '/api/fund', { name: 'Ours', selfApproval: true })
  expect([refusal(alone), alone.body.detail]).toEqual([
    '409 fund-needs-approval',
    'Nobody alone lets herself approve her own claims: ask for it, and another admin approves. Where there is no other, whoever runs the server sets it there: almoner fund set --self-approval yes',
  ])
  expect((await api.get<FundRow>('/api/fund')).body).toMatchObject({
    name: 'Mutual aid fund',
    selfApproval: false,
  })
  expect(refusal(await admin.ask('POST', `${path}/approval`))).toBe('409 approval-not-requested')
  expect(refusal(await treasurer.ask('POST', path, { reason: 'I am alone' }))).toBe('403 forbidden')

  const asked = await admin.ask<Approval>('POST', path, { reason: 'I am alone' })
  expect([asked.status, asked.body.approvalKind]).toEqual([201, 'self-approval'])
  expect(refusal(await admin.ask('POST', path, { reason: 'Again' }))).toBe('409 approval-requested')
  expect(refusal(await admin.ask('POST', `${path}/approval`))).toBe('403 own-request')
  const { items } = (await otherAdmin.ask<{ items: Approval[] }>('GET', '/api/approvals')).body
  expect(items).toMatchObject([{ approvalKind: 'self-approval', reason: 'I am alone' }])

  // Somebody who could decide instead has come meanwhile.
  await register(api, { email: 'second@example.org', role: 'treasurer' })
  expect(refusal(await otherAdmin.ask('POST', `${path}/approval`))).toBe('409 approval-void')
  expect(await selfApproval()).toBe(false)
  expect((await otherAdmin.ask('DELETE', path)).status).toBe(204)

  await admin.ask('POST', path, { reason: 'The others have left' })
  const done = await otherAdmin.ask<FundRow>('POST', `${path}/approval`)
  expect([done.status, done.body.selfApproval]).toEqual([200, true])
  expect(refusal(await otherAdmin.ask('POST', `${path}/approval`))).toBe('409 approval-not-requested')
  expect((await admin.ask('POST', path, { reason: 'Once more' })).status).toBe(400)

  expect((await admin.ask('PATCH', '/api/fund', { selfApproval: false })).status).toBe(200)
  expect(await selfApproval()).toBe(false)
  const { rows } = await sql<{ eventName: string }>`
    select event_name from events where event_name in ('FundChanged') or event_name like 'SelfApproval%' order by event_id`.execute(
    api.db,
  )
  expect(rows.map(({ eventName }) => eventName)).toEqual([
    'FundChanged',
    'FundChanged',
    'SelfApprovalRequested',
    'SelfApprovalRequestWithdrawn',
    'SelfApprovalRequested',
    'FundChanged',
    'FundChanged',
  ])
  expect(await faultsIn(api.app)).toEqual([])
})

test('a fund of one person is let go by whoever has the machine, and stays so when it is saved again', async () => {
  await changeFund(api.app, { changes: { selfApproval: true }, actor: operator('cli:ada') })
  expect((await admin.ask('PATCH', '/api/fund', { selfApproval: true, name: 'Ours' })).status).toBe(200)
  await changeFund(api.app, { changes: { selfApproval: false }, actor: operator('cli:ada') })
})

/** A file that makes the first members of tier L, of 40, what they are not. */
const fileOf = (members: number, status = 'Suspended') =>
  [
    'memberCode,fullName,tier,status,joinedOn',
    ...Array.from(
      { length: members },
      (_, index) => `${memberCode('L', index + 1)},Member ${index + 1},L,${status},2020-01-01`,
    ),
  ].join('\n')

/** As the console sends it. */
async function importAs(
  visitor: Visitor,
  file: string,
  query: Record<string, string> = {},
): Promise<Answer<ImportResult & Problem>> {
  const response = await fetch(
    `${api.url}/api/members/import?${new URLSearchParams({ onDuplicate: 'update', ...query })}`,
    {
      method: 'POST',
      headers: {
        'content-type': 'text/csv',
        cookie: [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        'x-csrf-token': visitor.csrfToken ?? '',
      },
      body: file,
    },
  )
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) }
}

const inStatus = async (status: string) => {
  const { rows } = await sql<{ members: number }>`
    select count(*)::integer as members from members join tiers using (tier_id)
    where tier_code = 'L' and member_status = ${status}`.execute(api.db)
  return rows[0]?.members
}

test('a file that changes the status of many members is imported once, when another person has approved it', async () => {
  await registerTier(api.db, { tierCode: 'L', members: 40 })
  const file = fileOf(12)
  const dry = await importAs(clerk, file, { dryRun: 'true' })
  expect(dry.body.largeChange).toMatchObject({ changed: 12, members: 40, percent: 10, isApproved: false })
  const { subject } = dry.body.largeChange as { subject: string }
  const alone = await importAs(clerk, file)
  expect([refusal(alone), alone.body.detail]).toEqual([
    '409 import-needs-approval',
    'This file changes the status of 12 of 40 members, more than 10 %: ask for it, and another person approves.',
  ])
  const path = `/api/imports/requests/${subject}`
  expect(refusal(await admin.ask('POST', `${path}/approval`))).toBe('409 approval-not-requested')

  const asked = await importAs(clerk, file, { reason: 'They have not paid for a year' })
  expect([asked.status, asked.body.dryRun, asked.body.importId]).toEqual([200, true, null])
  expect(refusal(await importAs(clerk, file, { reason: 'Again' }))).toBe('409 approval-requested')
  expect(refusal(await clerk.ask('POST', `${path}/approval`))).toBe('403 own-request')
  expect(refusal(await treasurer.ask('POST', `${path}/approval`))).toBe('403 forbidden')
  expect(refusal(await importAs(clerk, file))).toBe('409 import-needs-approval')
  const { items } = (await admin.ask<{ items: Approval[] }>('GET', `/api/approvals?subject=${subject}`)).body
  expect(items).toMatchObject([
    {
      approvalKind: 'import',
      reason: 'They have not paid for a year',
      content: { rows: 12, statusChanges: [{ from: 'Active', to: 'Suspended', members: 12 }] },
    },
  ])
  expect((await admin.ask('POST', `${path}/approval`)).status).toBe(204)

  // What was approved is this file, read in this way.
  expect(refusal(await importAs(clerk, `${file}\n`))).toBe('409 import-needs-approval')
  expect(refusal(await importAs(clerk, file, { blank: 'erase' }))).toBe('409 approval-void')
  expect(await inStatus('Suspended')).toBe(0)
  expect((await importAs(clerk, file, { dryRun: 'true' })).body.largeChange).toMatchObject({
    isApproved: true,
  })
  const done = await importAs(clerk, file)
  expect([done.status, done.body.updated, await inStatus('Suspended')]).toEqual([200, 12, 12])
  await sql`update members set member_status = 'Active' where member_status = 'Suspended'`.execute(api.db)
  expect(refusal(await importAs(clerk, file))).toBe('409 import-needs-approval')
})

test('a large import is not approved any more once it would do something else, and its request can be withdrawn', async () => {
  const file = fileOf(15)
  const asked = await importAs(clerk, file, { reason: 'Left' })
  const path = `/api/imports/requests/${asked.body.largeChange?.subject}`
  expect((await clerk.ask('DELETE', path)).status).toBe(204)
  expect(refusal(await admin.ask('POST', `${path}/approval`))).toBe('409 approval-not-requested')

  await importAs(clerk, file, { reason: 'Left, all the same' })
  expect((await admin.ask('POST', `${path}/approval`)).status).toBe(204)
  // One of them is Suspended by hand meanwhile.
  await sql`update members set member_status = 'Suspended' where member_code = ${memberCode('L', 1)}`.execute(
    api.db,
  )
  expect(refusal(await importAs(clerk, file))).toBe('409 approval-void')
  expect(await inStatus('Suspended')).toBe(1)
})

test('an import that changes few members is for one person, and how many are few is a setting that needs a code', async () => {
  const few = await importAs(clerk, fileOf(9, 'Inactive'))
  expect([few.status, few.body.largeChange, few.body.updated]).toEqual([200, null, 9])
  expect(refusal(await importAs(clerk, fileOf(4, 'Active'), { reason: 'To be sure' }))).toBe(
    '409 approval-not-needed',
  )
  const limit = (percent: number) => ({ importStatusLimitPercent: percent })
  expect((await admin.ask('PATCH', '/api/fund', limit(101))).status).toBe(400)
  expect(refusal(await api.patch('/api/fund', limit(50)))).toBe('403 session-needed')
  expect((await admin.ask('PATCH', '/api/fund', limit(50))).status).toBe(200)
  expect((await importAs(clerk, fileOf(20, 'Suspended'))).status).toBe(200)
  expect((await admin.ask('PATCH', '/api/fund', limit(10))).status).toBe(200)
  expect(await faultsIn(api.app)).toEqual([])
})

/** Somebody whom an admin adds by the console, who has set her password. */
async function addedBy(
  head: Visitor,
  role: Role,
): Promise<{ userId: string; email: string; visitor: Visitor }> {
  const email = `${role}-${crypto.randomUUID().slice(0, 8)}@example.org`
  const added = await head.ask<UserWithLink>('POST', '/api/users', { name: role, email, role })
  const token = tokenIn(added.body.passwordLink ?? '')
  const set = await visit(api).ask('POST', '/api/password', { token, newPassword: password })
  expect([added.status, set.status]).toEqual([201, 200])
  const visitor = visit(api)
  await visitor.signIn(email)
  if (role !== 'clerk') await visitor.enrol()
  return { userId: added.body.userId, email, visitor }
}
const submitted = async (number: number) => {
  const { items } = (await api.get<Page<MemberView>>(`/api/members?code=${memberCode('D', number)}`)).body
  const claim = { deceasedMemberId: items[0]?.memberId, dateOfDeath: '2026-01-02', benefitAmount: 50_000 }
  return (await clerk.ask<ClaimView>('POST', '/api/claims', claim)).body.claimId
}
const aDayOn = (userId: string) =>
  sql`update users set settled_at = settled_at - interval '1 day' where id = ${userId}`.execute(api.db)

test('whoever was made an approver decides no claim for a day, or until another admin confirms her', async () => {
  await registerTier(api.db, { tierCode: 'D', members: 9 })
  const { userId, email, visitor } = await addedBy(admin, 'treasurer')
  const [first, second] = [await submitted(1), await submitted(2)]
  const refused = await visitor.ask<Problem>('POST', `/api/claims/${first}/approve`)
  expect([refusal(refused), refused.body.detail]).toEqual([
    '403 new-approver',
    expect.stringMatching(/^Your role is new: you decide from 20\d\d-\d\d-\d\d \d\d:\d\d UTC on\./),
  ])
  expect(refusal(await visitor.ask('POST', `/api/claims/${first}/reject`, { reason: 'No' }))).toBe(
    '403 new-approver',
  )
  const undo = `/api/claims/${first}/revocation`
  await treasurer.ask('POST', `/api/claims/${first}/approve`)
  expect(refusal(await visitor.ask('POST', undo, { reason: 'No' }))).toBe('403 new-approver')
  await treasurer.ask('POST', undo, { reason: 'A mistake' })
  expect(refusal(await visitor.ask('POST', `${undo}/approval`))).toBe('403 new-approver')

  const path = `/api/users/${userId}/confirmation`
  expect(refusal(await admin.ask('POST', path, { reason: 'I know her' }))).toBe('403 own-request')
  expect(refusal(await treasurer.ask('POST', path, { reason: 'I know her' }))).toBe('403 forbidden')
  expect(refusal(await admin.ask('POST', `${path}/approval`))).toBe('409 approval-not-requested')
  expect((await otherAdmin.ask('POST', path, { reason: 'I know her' })).status).toBe(201)
  expect(refusal(await otherAdmin.ask('POST', `${path}/approval`))).toBe('403 own-request')
  // Another role is another matter.
  await otherAdmin.ask('PATCH', `/api/users/${userId}`, { role: 'admin' })
  expect(refusal(await admin.ask('POST', `${path}/approval`))).toBe('409 approval-void')
  await otherAdmin.ask('DELETE', path)
  await visitor.signIn(email)
  expect(refusal(await visitor.ask('POST', path, { reason: 'Me' }))).toBe('403 own-request')
  await admin.ask('PATCH', `/api/users/${userId}`, { role: 'treasurer' })
  await otherAdmin.ask('POST', path, { reason: 'I know her' })
  const confirmed = await admin.ask<{ settledAt: string | null }>('POST', `${path}/approval`)
  expect([confirmed.status, confirmed.body.settledAt]).toEqual([200, null])
  expect(refusal(await otherAdmin.ask('POST', path, { reason: 'Again' }))).toBe('409 user-settled')
  await visitor.signIn(email)
  expect((await visitor.ask('POST', `/api/claims/${second}/approve`)).status).toBe(200)
  expect(await faultsIn(api.app)).toEqual([])
})

test('an admin is not two persons by whom she makes: a new user neither asks nor approves for a day', async () => {
  const made = await addedBy(admin, 'admin')
  const newClerk = await addedBy(admin, 'clerk')
  const path = '/api/fund/self-approval'
  await admin.ask('POST', path, { reason: 'For me' })
  expect(refusal(await made.visitor.ask('POST', `${path}/approval`))).toBe('403 new-approver')
  await admin.ask('DELETE', path)
  expect(refusal(await made.visitor.ask('POST', path, { reason: 'For her' }))).toBe('403 new-approver')
  expect(refusal(await importAs(newClerk.visitor, fileOf(30, 'Inactive'), { reason: 'For her' }))).toBe(
    '403 new-approver',
  )
  const confirmation = `/api/users/${newClerk.userId}/confirmation`
  expect(refusal(await made.visitor.ask('POST', confirmation, { reason: 'For her' }))).toBe(
    '403 new-approver',
  )
  // Nor by whom she puts out, or lets in again.
  const { userId } = await addedBy(admin, 'treasurer')
  await aDayOn(userId)
  await admin.ask('PATCH', `/api/users/${userId}`, { disabled: true })
  const again = await admin.ask<{ settledAt: string | null }>('PATCH', `/api/users/${userId}`, {
    disabled: false,
  })
  expect(again.body.settledAt).not.toBeNull()

  await aDayOn(made.userId)
  await admin.ask('POST', path, { reason: 'For me' })
  expect((await made.visitor.ask('POST', `${path}/approval`)).status).toBe(200)
  await admin.ask('PATCH', '/api/fund', { selfApproval: false })
})

test('nobody decides after she has changed her own role', async () => {
  const { userId, email, visitor } = await addedBy(admin, 'admin')
  await aDayOn(userId)
  expect((await visitor.ask('PATCH', `/api/users/${userId}`, { role: 'treasurer' })).status).toBe(200)
  await visitor.signIn(email)
  expect(refusal(await visitor.ask('POST', `/api/claims/${await submitted(3)}/approve`))).toBe(
    '403 new-approver',
  )
})

test('a fund that is being set up does not wait for a second approver', async () => {
  const fresh = await openTestApi({ worker: false })
  try {
    await changeFund(fresh.app, { changes: { selfApproval: false }, actor: operator('cli:ada') })
    const by = { ...operator('ada@example.org'), role: 'admin' }
    const add = async (role: Role, email: string) =>
      (await addUser(fresh.app, { name: role, email, role, agentId: null, actor: by })).user.settledAt
    // The key of the tests is an admin's.
    expect(await add('treasurer', 'first@example.org')).toBeNull()
    expect(await add('treasurer', 'second@example.org')).not.toBeNull()
    expect(await add('auditor', 'third@example.org')).toBeNull()
    // Whoever puts the others out, or lowers them, is not soon the only one.
    await sql`update users set disabled_at = now() where email in ('first@example.org', 'second@example.org')`.execute(
      fresh.db,
    )
    expect(await add('treasurer', 'fourth@example.org')).not.toBeNull()
    await sql`
      update users set disabled_at = case when email <> 'first@example.org' then now() - interval '2 days' end`.execute(
      fresh.db,
    )
    expect(await add('treasurer', 'fifth@example.org')).toBeNull()
    const first = await findUser(fresh.db, { email: 'first@example.org' })
    await sql`update users set disabled_at = now() - interval '2 days' where email = 'fifth@example.org'`.execute(
      fresh.db,
    )
    await add('admin', 'sixth@example.org')
    await changeUser(fresh.app, { userId: first?.userId ?? '', changes: { role: 'auditor' }, actor: by })
    expect(await add('treasurer', 'seventh@example.org')).not.toBeNull()
  } finally {
    await fresh.close()
  }
})
