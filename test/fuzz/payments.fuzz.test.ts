import { setTimeout as wait } from 'node:timers/promises'
import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, expect, test } from 'vitest'
import type { Application, Role } from '../../src/app/application.ts'
import { readConfig } from '../../src/app/config.ts'
import { openApplication } from '../../src/app/open-application.ts'
import { startWorker } from '../../src/app/start-worker.ts'
import { approveClaim } from '../../src/claims/decide-claim.ts'
import { submitClaim } from '../../src/claims/submit-claim.ts'
import { requestUndoDeath, undoDeath } from '../../src/claims/undo-death.ts'
import { requireCycle } from '../../src/cycles/cycle-sql.ts'
import { proveCycle } from '../../src/cycles/prove-cycle.ts'
import { requestRevocation, revokeCycle } from '../../src/cycles/revoke-cycle.ts'
import { startCycle } from '../../src/cycles/start-cycle.ts'
import { undoWaiver, waiveContribution } from '../../src/cycles/waive-contribution.ts'
import { writeJournal } from '../../src/ledger/journal.ts'
import { findBalances } from '../../src/ledger/ledger-sql.ts'
import { proveLedger } from '../../src/ledger/prove-ledger.ts'
import { countDeadPending } from '../../src/operations/operation-sql.ts'
import { type PaymentInput, recordPayment } from '../../src/payments/record-payment.ts'
import { reversePayment } from '../../src/payments/reverse-payment.ts'
import { isTransient } from '../../src/platform/database/sql-state.ts'
import { createLog } from '../../src/platform/telemetry/log.ts'
import { operator } from '../../src/platform/values/actor.ts'
import { DomainError } from '../../src/platform/values/errors.ts'
import { approveRefund, requestRefund, withdrawRefund } from '../../src/wallets/refund-wallet.ts'
import { findCommand } from '../support/brokers/needs.ts'
import { crashingDatabase } from '../support/crashing-database.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'
import { accountName, balancesOfHledger } from '../support/hledger.ts'
import { seeded } from '../support/random.ts'
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts'
import { amount, seed, tell } from './fuzz-run.ts'

const owed = 100
const clerk = operator('clerk')
const treasurer = operator('treasurer')

/** Indexes are of members, cycles and payments that there are, counted round. */
const index = fc.nat({ max: 11 })
const cents = fc.integer({ min: 1, max: 300 })
const named = fc.option(index, { nil: undefined })
const recordOfOne = fc.record({ verb: fc.constant('record' as const), member: index, cents, cycle: named })
const verb = fc.oneof(
  { weight: 5, arbitrary: recordOfOne },
  {
    weight: 2,
    arbitrary: fc.record({
      verb: fc.constant('record lines' as const),
      lines: fc.array(fc.record({ member: index, cents, cycle: named }), { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('record of nobody' as const), cents }) },
  {
    weight: 3,
    arbitrary: fc.record({
      verb: fc.constant('tell again' as const),
      payment: index,
      more: fc.constantFrom(0, 0, 0, 1),
      by: fc.constantFrom('reference' as const, 'other number' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      verb: fc.constant('reverse' as const),
      payment: index,
      reason: fc.constantFrom('Bounced', undefined),
    }),
  },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('waive' as const), member: index, cycle: index }) },
  {
    weight: 2,
    arbitrary: fc.record({ verb: fc.constant('ask again' as const), member: index, cycle: index }),
  },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('die' as const), member: index }) },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('live again' as const), member: index }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('refund' as const), member: index, cents }) },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('revoke' as const), cycle: index }) },
)
type Verb = typeof verb extends fc.Arbitrary<infer Value> ? Value : never

const history = fc.record({
  members: fc.integer({ min: 1, max: 6 }),
  cycles: fc.integer({ min: 1, max: 3 }),
  verbs: fc.array(verb, { minLength: 5, maxLength: 30 }),
  /** How many of them happen at once, again and again. */
  together: fc.array(fc.constantFrom(1, 1, 2, 4, 8), { minLength: 1, maxLength: 4 }),
  crashes: fc.constantFrom(0, 0.01, 0.04),
  seed: fc.integer(),
})
type History = typeof history extends fc.Arbitrary<infer Value> ? Value : never

/** What may be answered without anything being wrong. Whatever else is thrown is a fault. */
const refusals: Record<Verb['verb'], readonly string[]> = {
  record: ['member-deceased', 'cycle-not-active', 'contribution-not-found'],
  'record lines': ['member-deceased', 'cycle-not-active', 'contribution-not-found'],
  'record of nobody': [],
  'tell again': ['member-deceased', 'cycle-not-active', 'contribution-not-found'],
  reverse: ['payment-state', 'wallet-too-low', 'cycle-not-active'],
  waive: ['contribution-state', 'contribution-not-found', 'cycle-not-active'],
  'ask again': ['contribution-state', 'contribution-not-found', 'cycle-not-active', 'member-deceased'],
  die: ['claim-exists', 'claim-not-submitted', 'claim-needs-reason'],
  'live again': [
    'claim-not-approved',
    'approval-requested',
    'approval-not-requested',
    'approval-void',
    'cycle-state',
    'claim-has-cycle',
  ],
  refund: ['wallet-too-low', 'approval-requested', 'approval-not-requested', 'approval-void'],
  revoke: ['cycle-state', 'approval-requested', 'approval-not-requested', 'approval-void'],
}

const counts = new Map<string, number>()
const note = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1)

interface Fund {
  readonly database: TestDatabase
  readonly app: Application
  readonly worker: Role
}

/** A fund of its own for so many histories: what proves a history asks the whole ledger. */
const historiesOfFund = 40
let histories = 0
let fund: Fund | undefined

async function openFund(): Promise<Fund> {
  if (histories % historiesOfFund === 0) await closeFund()
  histories += 1
  if (fund !== undefined) return fund
  const database = await createTestDatabase(12)
  const config = readConfig({ DATABASE_URL: database.url, LOG_LEVEL: 'silent' }, false)
  const app = await openApplication(config, createLog({ level: 'silent', format: 'json' }), 'almoner test')
  fund = { database, app, worker: await startWorker(app) }
  return fund
}

async function closeFund(): Promise<void> {
  await fund?.worker.stop()
  await fund?.app.close()
  await fund?.database.drop()
  fund = undefined
}
afterAll(closeFund)

test('P1–P4, P7, P11, P12: whatever is told, repeated, undone, at once or cut off, no money is lost or doubled', {
  timeout: amount(7_200_000, 240_000),
}, async () => {
  const startedAt = performance.now()
  await fc.assert(
    fc.asyncProperty(history, async (drawn) => live(await openFund(), drawn)),
    { numRuns: amount(2000, 60), seed, endOnFailure: true },
  )
  tell([
    `${histories} histories of payments in ${Math.round((performance.now() - startedAt) / 1000)} s`,
    ...[...counts].toSorted().map(([what, times]) => `${what}: ${times}`),
  ])
})

/** A telling of a payment. */
interface Told {
  readonly input: PaymentInput
  /** Since it was answered. */
  paymentId?: number
  /** It was told in two ways at once: either may be the one that was refused. */
  isDisputed?: boolean
}

/** One history in a tier of its own, and then everything that must hold. */
async function live({ database, app }: Fund, drawn: History): Promise<void> {
  const { db } = database
  const random = seeded(drawn.seed)
  const deps = { ...app, db: crashingDatabase(database.pool, () => random() < drawn.crashes) }
  const tierCode = `T${crypto.randomUUID().slice(0, 8)}`
  await registerTier(db, { tierCode, members: drawn.members + drawn.cycles, contributionAmount: owed })
  const members = await db
    .selectFrom('members')
    .select('memberId')
    .where('memberCode', 'like', `M-${tierCode}-%`)
    .orderBy('memberCode')
    .execute()
  const cycleIds: string[] = []
  for (let number = 1; number <= drawn.cycles; number += 1) {
    const { claimId } = await approveDeath(db, { tierCode, number })
    cycleIds.push(await openCycle(app, claimId))
  }
  const member = (number: number) => (members[number % members.length] as { memberId: string }).memberId
  const cycle = (number: number) => cycleIds[number % cycleIds.length] as string
  const cycleOrNone = (number: number | undefined) => (number === undefined ? undefined : cycle(number))

  const told: Told[] = []
  const undone = new Set<number>()
  const answeredReversals: number[] = []
  let refunded = 0
  /** Of refunds that were cut off, and of which nobody learned whether they were carried out. */
  let perhapsRefunded = 0

  /** Told until it is answered, as a client does who is cut off. */
  async function untilAnswered<Result>(
    ask: () => Promise<Result>,
  ): Promise<{ result: Result; wasCut: boolean }> {
    for (let wasCut = false; ; wasCut = true) {
      try {
        return { result: await ask(), wasCut }
      } catch (error) {
        if (!isTransient(error)) throw Object.assign(error as Error, { wasCut })
        note((error as Error).message.replaceAll(/\d+/g, 'n'))
      }
    }
  }

  const record = async (input: PaymentInput) =>
    (await untilAnswered(() => recordPayment(deps, { ...input, actor: clerk }))).result

  async function recordNew(input: Omit<PaymentInput, 'reference' | 'sourceCode'>): Promise<void> {
    const number = told.length + 1
    const reference = `${tierCode}-r${number}`
    const identifiers = [{ scheme: 'UTR', value: `${tierCode}-u${number}` }]
    const one: Told = { input: { ...input, sourceCode: 'TILL', reference, identifiers } }
    told.push(one)
    try {
      const { payment } = await record(one.input)
      expect(payment.amount).toBe(input.amount)
      one.paymentId = payment.paymentId
    } catch (error) {
      if (!(one.isDisputed && isRefusal(error, ['payment-differs']))) throw error
    }
  }

  async function tellAgain(which: number, more: number, by: 'reference' | 'other number'): Promise<void> {
    const one = told[which % told.length]
    if (one === undefined) return
    const { input, paymentId } = one
    const [first, ...rest] = input.lines ?? []
    const again: PaymentInput = {
      ...input,
      reference:
        by === 'reference' ? input.reference.toUpperCase() : `${input.reference}-${crypto.randomUUID()}`,
      amount: input.amount + more,
      lines: first && [{ ...first, amount: first.amount + more }, ...rest],
    }
    if (more > 0) one.isDisputed = true
    try {
      const answer = await record(again)
      expect(answer.payment.amount).toBe(again.amount)
      if (paymentId === undefined) told.push({ input: again, paymentId: answer.payment.paymentId })
      else expect([answer.isKnown, answer.payment.paymentId, more]).toEqual([true, paymentId, 0])
    } catch (error) {
      if (!isRefusal(error, ['payment-differs']) || (paymentId !== undefined && more === 0)) throw error
      if (paymentId === undefined && !one.isDisputed) throw error
    }
  }

  async function reverse(which: number, reason: string | undefined): Promise<void> {
    const ids = told.flatMap((one) => one.paymentId ?? [])
    const paymentId = ids[which % ids.length]
    if (paymentId === undefined) return
    try {
      await untilAnswered(() => reversePayment(deps, { paymentId, reason, actor: clerk }))
      answeredReversals.push(paymentId)
      undone.add(paymentId)
    } catch (error) {
      if (isRefusal(error, ['payment-state'])) undone.add(paymentId)
      throw error
    }
  }

  async function refund(memberId: string, cents: number): Promise<void> {
    const wanted = { memberId, amount: cents, sourceCode: 'TILL' }
    await untilAnswered(() => requestRefund(deps, { ...wanted, reason: 'Asked for it', actor: clerk }))
    try {
      await untilAnswered(() => approveRefund(deps, { ...wanted, actor: treasurer }))
      refunded += cents
    } catch (error) {
      if ((error as { wasCut?: boolean }).wasCut && isRefusal(error, ['approval-not-requested'])) {
        perhapsRefunded += cents
      }
      if (isRefusal(error, ['wallet-too-low'])) await withdrawRefund(app, { memberId, actor: clerk })
      throw error
    }
  }

  async function die(deceasedMemberId: string): Promise<void> {
    const details = { dateOfDeath: '2026-01-02', placeOfDeath: 'Delhi', benefitAmount: 1 }
    const { result } = await untilAnswered(() =>
      submitClaim(deps, { deceasedMemberId, ...details, actor: clerk }),
    )
    const { claimId } = result
    await untilAnswered(() => approveClaim(deps, { claimId, reason: 'Seen by us', actor: treasurer }))
  }

  async function liveAgain(deceasedMemberId: string): Promise<void> {
    const claim = await db
      .selectFrom('claims')
      .select('claimId')
      .where('deceasedMemberId', '=', deceasedMemberId)
      .where('claimStatus', '=', 'Approved')
      .executeTakeFirst()
    if (claim === undefined) return
    await untilAnswered(() => requestUndoDeath(deps, { ...claim, reason: 'Another person', actor: clerk }))
    await untilAnswered(() => undoDeath(deps, { ...claim, actor: treasurer }))
  }

  async function revoke(cycleId: string): Promise<void> {
    await untilAnswered(() => requestRevocation(deps, { cycleId, reason: 'Wrong amount', actor: clerk }))
    await untilAnswered(() => revokeCycle(deps, { cycleId, actor: treasurer }))
  }

  async function act(of: Verb): Promise<unknown> {
    switch (of.verb) {
      case 'record':
        return recordNew({ memberId: member(of.member), amount: of.cents, cycleId: cycleOrNone(of.cycle) })
      case 'record lines': {
        const lines = of.lines.map((line) => ({
          memberId: member(line.member),
          amount: line.cents,
          cycleId: cycleOrNone(line.cycle),
        }))
        return recordNew({ lines, amount: lines.reduce((sum, line) => sum + line.amount, 0) })
      }
      case 'record of nobody':
        return recordNew({ amount: of.cents, payerText: 'J. Doe' })
      case 'tell again':
        return tellAgain(of.payment, of.more, of.by)
      case 'reverse':
        return reverse(of.payment, of.reason)
      case 'waive':
      case 'ask again': {
        const waiver = {
          cycleId: cycle(of.cycle),
          memberId: member(of.member),
          reason: 'Decided',
          actor: treasurer,
        }
        const change = of.verb === 'waive' ? waiveContribution : undoWaiver
        return untilAnswered(() => change(deps, waiver))
      }
      case 'die':
        return die(member(of.member))
      case 'live again':
        return liveAgain(member(of.member))
      case 'refund':
        return refund(member(of.member), of.cents)
      case 'revoke':
        return revoke(cycle(of.cycle))
    }
  }

  async function actAndNote(of: Verb): Promise<void> {
    try {
      await act(of)
      note(of.verb)
    } catch (error) {
      if (!isRefusal(error, refusals[of.verb])) throw error
      note(`${of.verb}: ${error.code}`)
    }
  }

  for (let next = 0, turn = 0; next < drawn.verbs.length; turn += 1) {
    const width = drawn.together[turn % drawn.together.length] as number
    const results = await Promise.allSettled(drawn.verbs.slice(next, next + width).map(actAndNote))
    for (const result of results) if (result.status === 'rejected') throw result.reason
    next += width
  }

  const findings = await proveLedger(db, 10)
  expect(findings.filter(({ exceptions }) => exceptions.length > 0)).toEqual([])
  expect(await countDeadPending(db)).toBe(0)
  const cycles = await Promise.all(cycleIds.map((cycleId) => requireCycle(db, cycleId)))
  for (const { cycleId, cycleStatus } of cycles) {
    if (cycleStatus !== 'Active') continue
    expect(await proveCycle(db, cycleId)).toMatchObject({ holds: true })
  }
  // What was promised: each payment that was answered is there once, and its money is somewhere.
  expect(answeredReversals.length).toBe(new Set(answeredReversals).size)
  const promised = new Map(
    told.flatMap(({ paymentId, input }) => (paymentId === undefined ? [] : [[paymentId, input.amount]])),
  )
  const { rows: payments } = await sql<{ paymentId: number; amount: number; isUndone: boolean }>`
    select payment_id, amount, payment_status <> 'Posted' as is_undone from payments
    where reference ilike ${`${tierCode}-%`} order by payment_id`.execute(db)
  expect(payments).toEqual(
    [...promised]
      .toSorted(([one], [another]) => one - another)
      .map(([paymentId, promisedAmount]) => ({
        paymentId,
        amount: promisedAmount,
        isUndone: undone.has(paymentId),
      })),
  )
  const brought = payments.reduce((sum, payment) => sum + (payment.isUndone ? 0 : payment.amount), 0)
  const { rows } = await sql<{ wallets: number; suspense: number; refunds: number }>`
    select
      (select coalesce(sum(balance), 0)::bigint from wallets join members using (member_id)
        where member_code like ${`M-${tierCode}-%`}) as wallets,
      (select coalesce(sum(case when reverses is null then t.amount else -t.amount end), 0)::bigint
        from transfers t join payments p using (payment_id)
        where transfer_code = 'suspense-payment' and p.reference ilike ${`${tierCode}-%`}) as suspense,
      (select coalesce(sum(amount), 0)::bigint from transfers join members using (member_id)
        where transfer_code = 'wallet-refund' and member_code like ${`M-${tierCode}-%`}) as refunds`.execute(
    db,
  )
  const held = rows[0] as (typeof rows)[0] & object
  const collected = cycles.reduce((sum, { collectedAmount }) => sum + collectedAmount, 0)
  expect(collected + held.wallets + held.suspense + held.refunds).toBe(brought)
  expect(held.refunds).toBeGreaterThanOrEqual(refunded)
  expect(held.refunds).toBeLessThanOrEqual(refunded + perhapsRefunded)
}

function isRefusal(error: unknown, codes: readonly string[]): error is DomainError {
  return error instanceof DomainError && codes.includes(error.code)
}

async function openCycle(app: Application, claimId: string): Promise<string> {
  const { cycleId } = await startCycle(app, {
    claimId,
    cycleDuration: 15,
    strategy: 'inline',
    actor: treasurer,
  })
  // Another test may be writing on the same server: then it is created in the background.
  while ((await requireCycle(app.db, cycleId)).cycleStatus !== 'Active') await wait(20)
  return cycleId
}

const missing = findCommand('hledger') ? '' : 'hledger is missing: apt-get install hledger'
test.skipIf(missing)(missing || 'hledger comes to the same balances after random histories', async () => {
  const opened = await openFund()
  for (const drawn of fc.sample(history, { seed, numRuns: amount(40, 5) })) await live(opened, drawn)
  const { db } = opened.database
  const ours = (await findBalances(db, { eachWallet: true })).filter(({ balance }) => balance !== 0)
  expect(ours.length).toBeGreaterThan(0)
  expect(await balancesOfHledger(writeJournal(db))).toEqual(
    Object.fromEntries(
      ours.map(({ account, ownerCode, balance }) => [accountName(account, ownerCode), balance]),
    ),
  )
})
