import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Approval } from '../../src/approvals/approval-sql.ts'
import { requestUndoDeath, undoDeath } from '../../src/claims/undo-death.ts'
import type { ContributionOfMember, ContributionView } from '../../src/cycles/contribution-sql.ts'
import { type CycleView, holdCycles } from '../../src/cycles/cycle-sql.ts'
import { lockOwed } from '../../src/payments/allocation-sql.ts'
import type { PaymentView } from '../../src/payments/payment-sql.ts'
import type { PaymentDetail } from '../../src/payments/read-payment.ts'
import { recordIn } from '../../src/payments/record-payment.ts'
import type { Tx } from '../../src/platform/database/connect.ts'
import { operator } from '../../src/platform/values/actor.ts'
import {
  activeCycle,
  fingerprint,
  memberCode,
  openTestApi,
  refusal,
  type TestApi,
} from '../support/api-client.ts'
import { faultsIn } from '../support/doctor.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'

const cycles = '/api/contribution-cycles'
const base = '/api/payments'

let api: TestApi
beforeAll(async () => {
  api = await openTestApi({ worker: false })
})
afterAll(async () => {
  expect(await faultsIn(api.app)).toEqual([])
  await api.close()
})

/** An Active cycle of a tier of its own, for its first member; 100.00 each. */
async function openCycle(tierCode: string, members = 6): Promise<CycleView> {
  await registerTier(api.db, { tierCode, members })
  const { claimId } = await approveDeath(api.db, { tierCode })
  return activeCycle(api, claimId)
}

/** A second cycle of the tier, for another of its members. */
async function openNext(tierCode: string, number: number): Promise<CycleView> {
  const { claimId } = await approveDeath(api.db, { tierCode, number })
  return activeCycle(api, claimId)
}

async function idOf(tierCode: string, number: number): Promise<string> {
  const { memberId } = await api.db
    .selectFrom('members')
    .select('memberId')
    .where('memberCode', '=', memberCode(tierCode, number))
    .executeTakeFirstOrThrow()
  return memberId
}

/** Until another connection waits for what the transaction holds. */
async function untilSomebodyWaits(tx: Tx): Promise<void> {
  const count = async () => {
    const { rows } = await sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
      tx,
    )
    return rows.length
  }
  await expect.poll(count).toBe(1)
}

let references = 0
const pay = (payment: object) => {
  references += 1
  return api.post<PaymentDetail>(base, { sourceCode: 'TILL', reference: `R-${references}`, ...payment })
}

const cycleOf = async ({ cycleId }: CycleView) => (await api.get<CycleView>(`${cycles}/${cycleId}`)).body

/** What the contribution says, and what is in the wallet. */
async function stateOf({ cycleId }: CycleView, memberId: string): Promise<[string, number, number]> {
  const row = await api.db
    .selectFrom('memberContributions')
    .select(['contributionStatus', 'paidAmount'])
    .where('cycleId', '=', cycleId)
    .where('memberId', '=', memberId)
    .executeTakeFirstOrThrow()
  const wallet = await api.get<{ balance: number }>(`/api/members/${memberId}/wallet`)
  return [row.contributionStatus, row.paidAmount, wallet.body.balance]
}

test('a fund has a till from the beginning', async () => {
  const { body } = await api.get<{ items: { sourceCode: string; accountCode: string }[] }>(
    '/api/payment-sources',
  )
  expect(body.items).toMatchObject([{ sourceCode: 'TILL', accountCode: 'TILL', paymentMethod: 'Cash' }])
})

test('a contribution is paid in parts, then in full; what is too much is kept in the wallet', async () => {
  const cycle = await openCycle('PA')
  const memberId = await idOf('PA', 2)
  const first = await pay({ memberId, cycleId: cycle.cycleId, amount: 4000 })
  expect([first.status, first.body.paymentStatus]).toEqual([201, 'Posted'])
  expect(await stateOf(cycle, memberId)).toEqual(['Pending', 4000, 0])
  await pay({ memberId, cycleId: cycle.cycleId, amount: 7500 })
  expect(await stateOf(cycle, memberId)).toEqual(['Paid', 10_000, 1500])
  const again = await pay({ memberId, cycleId: cycle.cycleId, amount: 10_000 })
  expect(again.body.transfers).toMatchObject([{ transferCode: 'wallet-payment', amount: 10_000 }])
  expect(await stateOf(cycle, memberId)).toEqual(['Paid', 10_000, 11_500])
  expect(await cycleOf(cycle)).toMatchObject({
    collectedAmount: 10_000,
    paidMembers: 1,
    pendingMembers: 4,
    totalMembers: 5,
  })
})

test('without a cycle the contribution that is due first is paid first', async () => {
  const first = await openCycle('PB')
  const second = await openNext('PB', 2)
  const memberId = await idOf('PB', 3)
  await api.db
    .updateTable('memberContributions')
    .set({ dueDate: '2026-01-01' })
    .where('cycleId', '=', second.cycleId)
    .execute()
  await pay({ memberId, amount: 12_000 })
  expect(await stateOf(second, memberId)).toEqual(['Paid', 10_000, 0])
  expect(await stateOf(first, memberId)).toEqual(['Pending', 2000, 0])
  await api.db
    .updateTable('memberContributions')
    .set({ dueDate: second.deadline })
    .where('cycleId', '=', second.cycleId)
    .execute()
})

test('the same source and reference are one payment, in whatever letters', async () => {
  const cycle = await openCycle('PC')
  const memberId = await idOf('PC', 2)
  const told = {
    memberId,
    amount: 10_000,
    reference: 'QK12ab',
    identifiers: [{ scheme: 'UTR', value: 'U-1' }],
  }
  const first = await pay(told)
  for (const reference of ['QK12ab', 'qk12AB', ' QK12\u200bab ']) {
    const again = await pay({ ...told, reference })
    expect([again.status, again.body.paymentId]).toEqual([200, first.body.paymentId])
  }
  const other = await pay({
    memberId,
    amount: 10_000,
    reference: 'other',
    identifiers: [{ scheme: 'UTR', value: 'u-1' }],
  })
  expect([other.status, other.body.paymentId]).toEqual([200, first.body.paymentId])
  expect(refusal(await pay({ ...told, amount: 10_001 }))).toBe('409 payment-differs')
  expect(refusal(await pay({ ...told, memberId: await idOf('PC', 3) }))).toBe('409 payment-differs')
  expect(await stateOf(cycle, memberId)).toEqual(['Paid', 10_000, 0])

  const alike = await pay({ memberId, amount: 10_000 })
  expect([alike.status, alike.body.alike]).toEqual([201, [first.body.paymentId]])
  // The reference is that of one payment, and the other number that of another.
  expect(refusal(await pay({ ...told, reference: alike.body.reference }))).toBe('409 payment-differs')
})

test('the same payment, told thirty times by eight clients at once, is posted once', async () => {
  const cycle = await openCycle('PD')
  const memberId = await idOf('PD', 2)
  const told = { memberId, cycleId: cycle.cycleId, amount: 10_000, reference: 'thirty' }
  const answers = await Promise.all(Array.from({ length: 30 }, () => pay(told)))
  expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array(29).fill(200), 201])
  expect(new Set(answers.map(({ body }) => body.paymentId)).size).toBe(1)
  expect(await stateOf(cycle, memberId)).toEqual(['Paid', 10_000, 0])
})

test('the same payment, told at once by the same other number under eight references, is posted once', async () => {
  const cycle = await openCycle('PO')
  const memberId = await idOf('PO', 2)
  const number = { scheme: 'UTR', value: 'eight' }
  const told = { memberId, amount: 10_000, identifiers: [number, { ...number, value: 'EIGHT' }] }
  const answers = await Promise.all(Array.from({ length: 8 }, () => pay(told)))
  expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array(7).fill(200), 201])
  expect(new Set(answers.map(({ body }) => body.paymentId)).size).toBe(1)
  expect(await stateOf(cycle, memberId)).toEqual(['Paid', 10_000, 0])
})

test('one payment pays for several members, who add up', async () => {
  const cycle = await openCycle('PE')
  const [one, two] = [await idOf('PE', 2), await idOf('PE', 3)]
  const lines = [
    { memberId: one, amount: 10_000, cycleId: cycle.cycleId },
    { memberId: two, amount: 12_000 },
  ]
  expect(refusal(await pay({ amount: 21_999, lines }))).toBe('422 lines-differ')
  const paid = await pay({ amount: 22_000, lines, payerText: 'Household of Amina' })
  expect(paid.status).toBe(201)
  expect(paid.body.transfers).toHaveLength(3)
  expect(await stateOf(cycle, one)).toEqual(['Paid', 10_000, 0])
  expect(await stateOf(cycle, two)).toEqual(['Paid', 10_000, 2000])
})

test('money of nobody known is kept in suspense', async () => {
  const { body } = await pay({ amount: 777, payerText: 'J. Doe' })
  expect(body.transfers).toMatchObject([
    {
      transferCode: 'suspense-payment',
      debitAccount: 'Money',
      creditAccount: 'Suspense',
      creditCode: 'TILL',
    },
  ])
})

test('a payment is reversed once, and what it paid is owed again', async () => {
  const cycle = await openCycle('PF')
  const memberId = await idOf('PF', 2)
  const { body } = await pay({ memberId, amount: 12_500 })
  const path = `${base}/${body.paymentId}/reverse`
  const answers = await Promise.all(Array.from({ length: 10 }, () => api.post(path, { reason: 'Bounced' })))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  expect(answers.filter(({ status }) => status === 409).map(refusal)).toEqual(
    Array(9).fill('409 payment-state'),
  )
  expect(await stateOf(cycle, memberId)).toEqual(['Pending', 0, 0])
  const shown = await api.get<PaymentDetail>(`${base}/${body.paymentId}`)
  expect(shown.body).toMatchObject({ paymentStatus: 'Reversed', reversalReason: 'Bounced' })
  expect(shown.body.transfers.map(({ reverses }) => reverses)).toEqual([
    null,
    null,
    shown.body.transfers[0]?.transferId,
    shown.body.transfers[1]?.transferId,
  ])
  expect(await cycleOf(cycle)).toMatchObject({ collectedAmount: 0, paidMembers: 0, pendingMembers: 5 })
})

test('who has just recorded a payment takes it back without a reason; later, or somebody else, needs one', async () => {
  const cycle = await openCycle('PG')
  const memberId = await idOf('PG', 2)
  const { body } = await pay({ memberId, amount: 10_000 })
  expect((await api.post<PaymentDetail>(`${base}/${body.paymentId}/reverse`, {})).body.paymentStatus).toBe(
    'Voided',
  )
  expect(await stateOf(cycle, memberId)).toEqual(['Pending', 0, 0])

  const old = await pay({ memberId, amount: 10_000 })
  await sql`set session_replication_role = replica; update payments set recorded_at = now() - interval '31 seconds'
    where payment_id = ${sql.lit(old.body.paymentId)}; set session_replication_role = origin`.execute(api.db)
  expect(refusal(await api.post(`${base}/${old.body.paymentId}/reverse`, {}))).toBe(
    '409 reversal-needs-reason',
  )
})

test('what the wallet no longer has is not taken from it', async () => {
  await openCycle('PH')
  const memberId = await idOf('PH', 2)
  const { body } = await pay({ memberId, amount: 15_000 })
  const refund = { amount: 5000, sourceCode: 'TILL' }
  const wallet = `/api/members/${memberId}/wallet`
  expect(refusal(await api.post(`${wallet}/refund`, { ...refund, amount: 5001, reason: 'Left' }))).toBe(
    '403 session-needed',
  )
  const { approveRefund, requestRefund } = await import('../../src/wallets/refund-wallet.ts')
  await expect(
    requestRefund(api.app, { memberId, ...refund, amount: 5001, reason: 'Left', actor: operator('one') }),
  ).rejects.toMatchObject({ code: 'wallet-too-low' })
  await requestRefund(api.app, { memberId, ...refund, reason: 'Asked for it', actor: operator('one') })
  const waiting = await api.get<{ items: Approval[] }>(`/api/approvals?subject=${memberId}`)
  expect(waiting.body.items).toMatchObject([{ approvalKind: 'wallet-refund', content: refund }])
  await expect(
    approveRefund(api.app, { memberId, ...refund, amount: 4000, actor: operator('two') }),
  ).rejects.toMatchObject({ code: 'approval-void' })
  const approvals = await Promise.allSettled(
    [1, 2, 3].map(() => approveRefund(api.app, { memberId, ...refund, actor: operator('two') })),
  )
  expect(approvals.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect(refusal(await api.post(`${base}/${body.paymentId}/reverse`, { reason: 'Bounced' }))).toBe(
    '409 wallet-too-low',
  )
})

test('money that comes after a death is kept in the wallet, and the dead are not asked again', async () => {
  const cycle = await openCycle('PI')
  const memberId = await idOf('PI', 2)
  const before = await pay({ memberId, amount: 10_000 })
  const part = await pay({ memberId: await idOf('PI', 3), amount: 3000 })
  const next = await openNext('PI', 2)
  await openNext('PI', 3)
  expect(await stateOf(cycle, memberId)).toEqual(['Paid', 10_000, 0])
  expect(await stateOf(cycle, await idOf('PI', 3))).toEqual(['Waived', 3000, 0])
  const waived = await api.get<{ items: ContributionView[] }>(
    `${cycles}/${cycle.cycleId}/contributions?status=Waived`,
  )
  expect(waived.body.items.map(({ waivedBy }) => waivedBy)).toEqual([null])
  expect(refusal(await pay({ memberId, cycleId: cycle.cycleId, amount: 10_000 }))).toBe('409 member-deceased')
  await pay({ memberId, amount: 10_000 })
  expect(await stateOf(cycle, memberId)).toEqual(['Paid', 10_000, 10_000])
  // The payment from before the death was never true.
  await api.post(`${base}/${before.body.paymentId}/reverse`, { reason: 'Bounced' })
  expect(await stateOf(cycle, memberId)).toEqual(['Waived', 0, 10_000])
  await api.post(`${base}/${part.body.paymentId}/reverse`, { reason: 'Bounced' })
  expect(await stateOf(cycle, await idOf('PI', 3))).toEqual(['Waived', 0, 0])
  expect(refusal(await pay({ memberId: await idOf('PI', 1), cycleId: next.cycleId, amount: 1 }))).toBe(
    '404 contribution-not-found',
  )
})

test('a contribution is waived with a reason, and asked again', async () => {
  const cycle = await openCycle('PJ')
  const memberId = await idOf('PJ', 2)
  const path = `${cycles}/${cycle.cycleId}/waive`
  await pay({ memberId, amount: 2500 })
  const waived = await api.post<CycleView>(path, { memberId, reason: 'Her house burned down' })
  expect(waived.body).toMatchObject({ waivedMembers: 1, pendingMembers: 4, collectedAmount: 2500 })
  expect(refusal(await api.post(path, { memberId, reason: 'Again' }))).toBe('409 contribution-state')
  const inCycle = await api.get<{ items: ContributionView[] }>(
    `${cycles}/${cycle.cycleId}/contributions?status=Waived`,
  )
  const ofMember = await api.get<{ items: ContributionOfMember[] }>(`/api/members/${memberId}/contributions`)
  expect([inCycle.body.items, ofMember.body.items]).toMatchObject([
    [{ memberId, waivedBy: 'admin@example.org' }],
    [{ cycleStatus: 'Active', waivedBy: 'admin@example.org' }],
  ])
  await pay({ memberId, amount: 100 })
  expect(await stateOf(cycle, memberId)).toEqual(['Waived', 2500, 100])
  await api.post(`${path}/undo`, { memberId, reason: 'It was another house' })
  expect(refusal(await api.post(`${path}/undo`, { memberId, reason: 'Again' }))).toBe(
    '409 contribution-state',
  )
  expect(await stateOf(cycle, memberId)).toEqual(['Pending', 2500, 100])
  const payer = await idOf('PJ', 3)
  await pay({ memberId: payer, amount: 10_000 })
  expect(refusal(await api.post(path, { memberId: payer, reason: 'Too late' }))).toBe(
    '409 contribution-state',
  )
})

test('who dies while a waiver is undone is not asked again', async () => {
  const cycle = await openCycle('PP')
  const memberId = await idOf('PP', 2)
  const path = `${cycles}/${cycle.cycleId}/waive`
  await api.post(path, { memberId, reason: 'Her house burned down' })
  const undone = await api.db.transaction().execute(async (tx) => {
    await tx
      .updateTable('members')
      .set({ memberStatus: 'Deceased' })
      .where('memberId', '=', memberId)
      .execute()
    const answer = api.post(`${path}/undo`, { memberId, reason: 'It was another house' })
    // An answer that does not wait for the death would be wrong.
    await Promise.race([answer, untilSomebodyWaits(tx)])
    return { answer }
  })
  expect(refusal(await undone.answer)).toBe('409 member-deceased')
  expect(await stateOf(cycle, memberId)).toEqual(['Waived', 0, 0])
})

test('a payment and a death that want the same contributions wait for each other, and never in a circle', async () => {
  await openCycle('PQ', 8)
  for (const number of [2, 3, 4, 5]) await openNext('PQ', number)
  const memberId = await idOf('PQ', 8)
  const rows = await api.db
    .selectFrom('memberContributions')
    .select('cycleId')
    .where('memberId', '=', memberId)
    .orderBy('cycleId')
    .execute()
  expect(rows).toHaveLength(5)
  const cycleIds = rows.map(({ cycleId }) => cycleId)
  const death = await api.db.transaction().execute(async (tx) => {
    await lockOwed(tx, [memberId], cycleIds.slice(0, 1))
    const dying = approveDeath(api.app.db, { tierCode: 'PQ', number: 8 })
    await untilSomebodyWaits(tx)
    await lockOwed(tx, [memberId], cycleIds)
    return { dying }
  })
  await death.dying
  const { rows: owed } = await sql`
    select from member_contributions where member_id = ${memberId} and contribution_status <> 'Waived'`.execute(
    api.db,
  )
  expect(owed).toEqual([])
})

test('a death that is undone waits for who is paying for its cycle, and then is refused', async () => {
  const cycle = await openCycle('PR')
  const memberId = await idOf('PR', 2)
  const of = { claimId: cycle.claimId }
  await requestUndoDeath(api.app, { ...of, reason: 'Another person', actor: operator('one') })
  const payment = { sourceCode: 'TILL', reference: 'first of its cycle', amount: 100, memberId }
  const undoing = await api.db.transaction().execute(async (tx) => {
    await holdCycles(tx, [cycle.cycleId])
    const undone = undoDeath(api.app, { ...of, actor: operator('two') }).catch((error: unknown) => error)
    await untilSomebodyWaits(tx)
    await recordIn(tx, api.app, { ...payment, actor: operator('one') })
    return { undone }
  })
  expect(await undoing.undone).toMatchObject({ code: 'cycle-state' })
  expect(await stateOf(cycle, memberId)).toEqual(['Pending', 100, 0])
})

test('an Active cycle for which something is paid is not revoked, and one that is revoked takes no money', async () => {
  const cycle = await openCycle('PK')
  const memberId = await idOf('PK', 2)
  const { body } = await pay({ memberId, amount: 10_000 })
  const { requestRevocation, revokeCycle } = await import('../../src/cycles/revoke-cycle.ts')
  const of = { cycleId: cycle.cycleId }
  const asked = () => requestRevocation(api.app, { ...of, reason: 'Wrong amount', actor: operator('one') })
  await expect(asked()).rejects.toMatchObject({ code: 'cycle-state' })
  await api.post(`${base}/${body.paymentId}/reverse`, { reason: 'Wrong amount' })
  await asked()
  await revokeCycle(api.app, { ...of, actor: operator('two') })
  expect(refusal(await pay({ memberId, cycleId: cycle.cycleId, amount: 10_000 }))).toBe(
    '409 cycle-not-active',
  )
})

test('what cannot be is refused, each with a problem of its own, and nothing is written', async () => {
  const cycle = await openCycle('PL')
  const memberId = await idOf('PL', 2)
  const { claimId } = await approveDeath(api.db, { tierCode: 'PL', number: 6 })
  const started = await api.post<{ cycle: CycleView }>(cycles, { claimId, strategy: 'queued' })
  const leaver = await idOf('PL', 5)
  await registerTier(api.db, { tierCode: 'PM', members: 1 })
  const left = await idOf('PM', 1)
  await api.patch(`/api/members/${left}`, { memberStatus: 'Inactive' })
  await api.patch('/api/fund', { paymentLimit: 50_000_000 })
  const tomorrow = new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10)
  const nobody = '00000000-0000-4000-8000-000000000000'
  const wrong: [object, string][] = [
    [{ memberId, amount: 0 }, '400 invalid-input'],
    [{ memberId, amount: -1 }, '400 invalid-input'],
    [{ memberId, amount: 1.5 }, '400 invalid-input'],
    [{ memberId, amount: 2 ** 53 }, '400 invalid-input'],
    [{ memberId, amount: 50_000_001 }, '422 payment-too-large'],
    [{ memberId, amount: 100, receivedOn: tomorrow }, '422 received-in-future'],
    [{ memberId, amount: 100, receivedOn: '2026-02-30' }, '400 invalid-input'],
    [{ memberId: nobody, amount: 100 }, '404 member-not-found'],
    [{ memberId: left, amount: 100 }, '409 member-left'],
    [{ memberId, amount: 100, cycleId: nobody }, '404 cycle-not-found'],
    [{ memberId, amount: 100, cycleId: started.body.cycle.cycleId }, '409 cycle-not-active'],
    [{ memberId: await idOf('PM', 1), amount: 100, cycleId: cycle.cycleId }, '404 contribution-not-found'],
    [{ memberId, amount: 100, sourceCode: 'NONE' }, '404 source-not-found'],
    [{ memberId, amount: 100, reference: '\u200b' }, '400 invalid-input'],
    [{ memberId, amount: 100, reference: '=1+1' }, '400 invalid-input'],
    [{ memberId, amount: 100, reference: undefined }, '400 invalid-input'],
    [{ amount: 100, cycleId: cycle.cycleId }, '400 invalid-input'],
    [{ memberId, amount: 100, lines: [{ memberId, amount: 100 }] }, '400 invalid-input'],
    [
      {
        amount: 100 * 50,
        lines: [
          ...Array.from({ length: 99 }, () => ({ memberId, amount: 50 })),
          { memberId: leaver, amount: 49 },
        ],
      },
      '422 lines-differ',
    ],
  ]
  const before = await fingerprint(api.db, ['public'])
  for (const [payment, problem] of wrong) {
    expect([payment, refusal(await pay(payment))]).toEqual([payment, problem])
  }
  expect(refusal(await api.post(`${base}/999999999/reverse`, { reason: 'No such' }))).toBe(
    '404 payment-not-found',
  )
  expect(await fingerprint(api.db, ['public'])).toEqual(before)
  await api.patch('/api/fund', { paymentLimit: null })
  expect(refusal(await pay({ amount: 10_000_000_000_001 }))).toBe('422 payment-too-large')
})

test('payments are listed, newest first, by member, cycle, source and reference', async () => {
  const cycle = await openCycle('PN')
  const memberId = await idOf('PN', 2)
  const other = await idOf('PN', 3)
  const one = await pay({ memberId, amount: 100, reference: 'listed-1' })
  const two = await pay({
    amount: 300,
    lines: [
      { memberId, amount: 100 },
      { memberId: other, amount: 200 },
    ],
  })
  const list = async (query: string) =>
    (await api.pageThrough<PaymentView>(`${base}?${query}`, 1)).map(({ paymentId }) => paymentId)
  const both = [two.body.paymentId, one.body.paymentId]
  expect(await list(`memberId=${memberId}`)).toEqual(both)
  expect(await list(`memberId=${other}`)).toEqual(both.slice(0, 1))
  expect(await list(`cycleId=${cycle.cycleId}`)).toEqual(both)
  expect(await list('reference=LISTED-1')).toEqual(both.slice(1))
  const days = await api.get<{ items: unknown[] }>(`${cycles}/${cycle.cycleId}/collected`)
  expect(days.body.items).toMatchObject([{ amount: 400, payments: 3 }])
})

test('all balances add up to nothing', async () => {
  const { body } = await api.get<{ items: { account: string; balance: number }[] }>('/api/ledger/balances')
  expect(body.items.map(({ account }) => account)).toEqual(
    expect.arrayContaining(['Money', 'Proceeds', 'Wallet']),
  )
  expect(body.items.reduce((sum, { balance }) => sum + balance, 0)).toBe(0)
})

test('transfers are written by one door, and never changed', async () => {
  const change = (statement: string) => sql.raw(statement).execute(api.db)
  const row = `('wallet-payment', 'Money', gen_random_uuid(), 'Wallet', gen_random_uuid(), 1, now(), 'me')`
  await expect(
    change(`insert into transfers (transfer_code, debit_account, debit_owner, credit_account, credit_owner, amount, effective_on,
      posted_by) values ${row}`),
  ).rejects.toThrow('money is moved by post() only')
  for (const statement of [
    'update transfers set amount = 1',
    'delete from transfers',
    'truncate transfers cascade',
  ]) {
    await expect(change(statement)).rejects.toThrow('is refused')
  }
  await expect(change('update payments set amount = amount + 1')).rejects.toThrow('is refused')
  await expect(change('update wallets set balance = -1')).rejects.toThrow('wallets_balance_check')
})
