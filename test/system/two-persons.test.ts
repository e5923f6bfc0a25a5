/** What one person cannot do alone: switch a safeguard off, or change a large part of the register. */
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Approval } from '../../src/approvals/approval-sql.ts'
import { changeFund } from '../../src/fund/change-fund.ts'
import type { FundRow } from '../../src/fund/fund-sql.ts'
import type { Problem } from '../../src/platform/http/problem.ts'
import { operator } from '../../src/platform/values/actor.ts'
import { openTestApi, refusal, type TestApi } from '../support/api-client.ts'
import { register, signedIn } from '../support/browser-client.ts'
import { faultsIn } from '../support/doctor.ts'

type Visitor = Awaited<ReturnType<typeof signedIn>>

let api: TestApi
let admin: Visitor
let otherAdmin: Visitor
let treasurer: Visitor
beforeAll(async () => {
  api = await openTestApi({ worker: false })
  // As a fund is set up; whoever has the machine is not asked for a second person.
  await changeFund(api.app, { changes: { selfApproval: false }, actor: operator('cli:ada') })
  admin = await signedIn(api, 'admin')
  otherAdmin = await signedIn(api, 'admin')
  treasurer = await signedIn(api, 'treasurer')
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
