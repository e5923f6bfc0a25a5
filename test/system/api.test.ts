import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { text } from 'node:stream/consumers'
import { parse } from 'csv-parse/sync'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import writeExcelFile from 'write-excel-file/node'
import type { ClaimView } from '../../src/claims/claim-sql.ts'
import type { ContributionView } from '../../src/cycles/contribution-sql.ts'
import { creationJobKind } from '../../src/cycles/create-contributions.ts'
import type { CreationProgress } from '../../src/cycles/creation-progress.ts'
import type { CycleView } from '../../src/cycles/cycle-sql.ts'
import type { CyclePreview } from '../../src/cycles/preview-cycle.ts'
import { proveCycle } from '../../src/cycles/prove-cycle.ts'
import type { EventRow } from '../../src/events/event-sql.ts'
import type { FundRow, TierRow } from '../../src/fund/fund-sql.ts'
import type { ImportResult } from '../../src/members/import-members.ts'
import type { AgentRow, MemberView, StandingPeriod } from '../../src/members/member-sql.ts'
import type { FilePreview } from '../../src/members/preview-file.ts'
import type { RowFault } from '../../src/members/row-check-rules.ts'
import type { Problem } from '../../src/platform/http/problem.ts'
import { wakeJob } from '../../src/platform/jobs/engine.ts'
import type { ChunkTrouble, JobView } from '../../src/platform/jobs/job-view-sql.ts'
import {
  type Answer,
  fingerprint,
  memberCode,
  openTestApi,
  type Page,
  refusal,
  type TestApi,
} from '../support/api-client.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'

const cycles = '/api/contribution-cycles'
const nowhere = '11111111-1111-4111-8111-111111111111'

interface Started {
  readonly cycle: CycleView
  readonly message: string
}

let api: TestApi
beforeAll(async () => {
  api = await openTestApi({ worker: true })
})
afterAll(() => api.close())
// What one test has slowed down must not make the chunks of the next smaller.
beforeEach(() => sql`delete from job_costs`.execute(api.db))

/** Asks until the answer is the one waited for. */
async function until<Value>(read: () => Promise<Value>, holds: (value: Value) => boolean): Promise<Value> {
  const giveUpAt = Date.now() + 30_000
  for (;;) {
    const value = await read()
    if (holds(value)) return value
    if (Date.now() > giveUpAt) throw new Error(`waited in vain; the last was ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const getCycle = async (cycleId: string) => (await api.get<CycleView>(`${cycles}/${cycleId}`)).body
const getProgress = async (cycleId: string) =>
  (await api.get<CreationProgress>(`${cycles}/${cycleId}/creation-progress`)).body
const getContributions = (cycleId: string, query = '') =>
  api.pageThrough<ContributionView>(`${cycles}/${cycleId}/contributions${query}`, 200)
const untilActive = (cycleId: string) =>
  until(
    () => getCycle(cycleId),
    (cycle) => cycle.cycleStatus === 'Active',
  )
/** Without that the agents were told, which happens in its own time. */
const getEvents = async (cycleId: string) =>
  (await api.pageThrough<EventRow>(`${cycles}/${cycleId}/events`, 2)).filter(
    ({ eventName }) => eventName !== 'AgentsNotified',
  )
const steer = (cycleId: string, verb: 'pause' | 'resume' | 'cancel' | 'retry') =>
  api.post<CycleView>(`${cycles}/${cycleId}/${verb}`)
const memberIdsOf = async (tierId: string) => {
  const { rows } = await sql<{ memberId: string }>`
    select member_id from members where tier_id = ${tierId} order by member_id`.execute(api.db)
  return rows.map(({ memberId }) => memberId)
}
const countRows = async (cycleId: string) => {
  const { rows } = await sql<{ count: number }>`
    select count(*) from member_contributions where cycle_id = ${cycleId}`.execute(api.db)
  return rows[0]?.count
}

/** Starts a cycle; whether in the request or in the background, it is Active afterwards. */
async function startActive(fields: { claimId: string; [field: string]: unknown }): Promise<CycleView> {
  const { status, body, text } = await api.post<Started>(cycles, fields)
  if (status !== 201 && status !== 202) throw new Error(text)
  return untilActive(body.cycle.cycleId)
}

/** A claim for the member, submitted and approved: the member is Deceased. */
async function die(memberId: string): Promise<ClaimView> {
  const claim = { deceasedMemberId: memberId, dateOfDeath: '2026-01-02', benefitAmount: 1_000_000 }
  const { body } = await api.post<ClaimView>('/api/claims', claim)
  return (await api.post<ClaimView>(`/api/claims/${body.claimId}/approve`)).body
}

/** Each chunk written meanwhile takes so much longer, so that what happens half-way can be seen. */
async function slowly<Result>(seconds: number, work: () => Promise<Result>): Promise<Result> {
  await sql`create or replace function dawdle() returns trigger language plpgsql as
    $$ begin perform pg_sleep(${sql.lit(seconds)}); return null; end $$`.execute(api.db)
  await sql`create trigger dawdle before insert on member_contributions
    for each statement execute function dawdle()`.execute(api.db)
  try {
    return await work()
  } finally {
    await sql`drop trigger dawdle on member_contributions`.execute(api.db)
  }
}

const halfwayMembers = 5000

/** A cycle of 4,999 whose creation is paused when some of its contributions are written, and not all. */
async function pausedHalfway(tierCode: string) {
  const tierId = await registerTier(api.db, { tierCode, members: halfwayMembers })
  const claim = await approveDeath(api.db, { tierCode })
  const paused = await slowly(0.2, async () => {
    const { body } = await api.post<Started>(cycles, { claimId: claim.claimId, strategy: 'queued' })
    const { cycleId } = body.cycle
    await until(
      () => getProgress(cycleId),
      ({ progress }) => progress.processed > 0,
    )
    return steer(cycleId, 'pause')
  })
  expect(paused.body).toMatchObject({ cycleStatus: 'Initializing', jobStatus: 'Paused' })
  const written = await countRows(paused.body.cycleId)
  expect(written).toBeGreaterThan(0)
  expect(written).toBeLessThan(halfwayMembers - 1)
  return { tierId, claim, cycle: paused.body, written }
}

describe('the fund', () => {
  // A fund of its own: only an empty one can change its currency.
  let fresh: TestApi
  beforeAll(async () => {
    fresh = await openTestApi({ worker: false })
  })
  afterAll(() => fresh.close())

  test('is read and changed, field by field', async () => {
    const before = (await fresh.get<FundRow>('/api/fund')).body
    const changes = { name: 'Burial society', cycleCodePrefix: 'BS', roundingStep: 100 }
    expect((await fresh.patch<FundRow>('/api/fund', changes)).body).toEqual({ ...before, ...changes })
    await fresh.patch('/api/fund', { timeZone: 'Asia/Kolkata' })
    expect((await fresh.get<FundRow>('/api/fund')).body).toEqual({
      ...before,
      ...changes,
      timeZone: 'Asia/Kolkata',
    })
  })

  test('its currency can change until the first amount is stored', async () => {
    const change = async (changes: Partial<FundRow>) => {
      const { currency, currencyExponent, roundingStep } = (await fresh.patch<FundRow>('/api/fund', changes))
        .body
      return [currency, currencyExponent, roundingStep]
    }
    // The smallest step rounds nothing, in any currency.
    expect(await change({ roundingStep: 1 })).toEqual(['USD', 2, 1])
    expect(await change({ currency: 'JPY' })).toEqual(['JPY', 0, 1])
    expect(await change({ currency: 'KWD' })).toEqual(['KWD', 3, 1])
    expect(await change({ currency: 'USD', roundingStep: 100 })).toEqual(['USD', 2, 100])
    // Any other is an amount: 1.00 dollar, 1.000 dinar; and 1 yen, which is again the smallest.
    expect(await change({ currency: 'KWD' })).toEqual(['KWD', 3, 1000])
    expect(await change({ currency: 'USD' })).toEqual(['USD', 2, 100])
    expect(await change({ currency: 'JPY' })).toEqual(['JPY', 0, 1])
    expect(await change({ currency: 'INR', roundingStep: 50 })).toEqual(['INR', 2, 50])
    const half = await fresh.patch<Problem>('/api/fund', { currency: 'JPY' })
    expect([refusal(half), half.body.detail]).toEqual([
      '400 invalid-input',
      'Apportioned amounts are in steps of ₹0.50, which JPY cannot say: choose another step along with the currency.',
    ])
    expect(await change({ currency: 'JPY', roundingStep: 5 })).toEqual(['JPY', 0, 5])
    await fresh.post('/api/tiers', { tierCode: 'NONE', tierName: 'Without amounts' })
    expect((await fresh.patch('/api/fund', { currency: 'KWD' })).status).toBe(200)
    await fresh.post('/api/tiers', { tierCode: 'SOME', tierName: 'With one', benefitAmount: 1 })
    expect(refusal(await fresh.patch('/api/fund', { currency: 'USD' }))).toBe('409 fund-in-use')
    expect((await fresh.patch<FundRow>('/api/fund', { currency: 'KWD', name: 'Same' })).status).toBe(200)
    expect((await fresh.get<FundRow>('/api/fund')).body.currency).toBe('KWD')
  })

  test('its currency is not changed while an amount is being written', async () => {
    const races = await openTestApi({ worker: false })
    for (let round = 0; round < 10; round += 1) {
      const tierCode = `RACE${round}`
      const [tier, changed] = await Promise.all([
        races.post('/api/tiers', { tierCode, tierName: tierCode, benefitAmount: 100 }),
        races.patch<FundRow>('/api/fund', { currency: 'JPY' }),
      ])
      expect(tier.status).toBe(201)
      expect([200, 409]).toContain(changed.status)
      const { rows } = await sql<{ told: boolean }>`
        select max(event_id) filter (where event_name = 'FundChanged')
          < min(event_id) filter (where event_name = 'TierAdded') is not false as told from events`.execute(
        races.db,
      )
      expect(rows).toEqual([{ told: true }])
    }
    await races.close()
  })

  test('its zone decides the start date, the deadline and the instant the deadline’s day ends', async () => {
    // Of these two zones, neither with summer time, one always has another date than UTC.
    const [timeZone, hoursAhead] =
      new Date().getUTCHours() >= 10 ? ['Pacific/Kiritimati', 14] : ['Pacific/Pago_Pago', -11]
    await fresh.patch('/api/fund', { timeZone })
    await registerTier(fresh.db, { members: 3 })
    const { claimId } = await approveDeath(fresh.db)
    const { body } = await fresh.post<Started>(cycles, { claimId, cycleDuration: 40 })
    const { cycle } = body
    const startDate = new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' }).format(
      new Date(cycle.createdAt),
    )
    expect(startDate).not.toBe(cycle.createdAt.slice(0, 10))
    const day = 86_400_000
    const deadline = Date.parse(startDate) + 40 * day
    expect(cycle).toMatchObject({
      timeZone,
      startDate,
      deadline: new Date(deadline).toISOString().slice(0, 10),
    })
    expect(Date.parse(cycle.deadlineAt)).toBe(deadline + day - hoursAhead * 3_600_000)
  })
})

describe('the register', () => {
  test('tiers are created, listed page by page each exactly once, and changed', async () => {
    const codes = ['T1', 'T2', 'T3', 'T4', 'T5']
    for (const tierCode of codes.toReversed()) {
      const { status, body } = await api.post<TierRow>('/api/tiers', {
        tierCode,
        tierName: `Tier ${tierCode}`,
      })
      expect([status, body.tierCode, body.contributionAmount]).toEqual([201, tierCode, null])
    }
    const listed = await api.pageThrough<TierRow>('/api/tiers', 2)
    expect(listed.map((tier) => tier.tierCode).filter((code) => /^T\d$/.test(code))).toEqual(codes)
    const { tierId } = listed.find((tier) => tier.tierCode === 'T3') as TierRow
    const changes = { tierName: 'Third', contributionAmount: 500, benefitAmount: 90_000 }
    expect((await api.patch<TierRow>(`/api/tiers/${tierId}`, changes)).body).toMatchObject({
      tierId,
      ...changes,
    })
    await api.patch(`/api/tiers/${tierId}`, { contributionAmount: null })
    const again = await api.pageThrough<TierRow>('/api/tiers', 2)
    expect(again.find((tier) => tier.tierId === tierId)).toMatchObject({
      ...changes,
      contributionAmount: null,
    })
  })

  test('agents are created, and listed page by page each exactly once', async () => {
    const codes = ['ZZ-1', 'ZZ-2', 'ZZ-3', 'ZZ-4', 'ZZ-5']
    for (const agentCode of codes) {
      const agent = { agentCode, fullName: 'Agnes Gent', email: 'agnes@example.org', phone: '+91 1234' }
      const { status, body } = await api.post<AgentRow>('/api/agents', agent)
      expect([status, body]).toEqual([201, expect.objectContaining(agent)])
    }
    const listed = await api.pageThrough<AgentRow>('/api/agents', 2)
    expect(listed.map((agent) => agent.agentCode).filter((code) => code.startsWith('ZZ-'))).toEqual(codes)
  })

  test('members are created, got, changed, filtered, and listed page by page each exactly once', async () => {
    const tierId = await registerTier(api.db, { tierCode: 'M', members: 5 })
    const { body: agents } = await api.get<Page<AgentRow>>('/api/agents?limit=1')
    const member = {
      memberCode: memberCode('M', 6),
      fullName: 'José Ñúñez',
      tierId,
      agentId: agents.items[0]?.agentId,
      joinedOn: '2026-01-31',
      walletId: 'w-1',
      email: 'jose@example.org',
    }
    const created = await api.post<MemberView>('/api/members', member)
    expect([created.status, created.body]).toEqual([
      201,
      expect.objectContaining({ ...member, memberStatus: 'Active', tierCode: 'M', phone: null }),
    ])
    const { memberId } = created.body
    const changed = await api.patch<MemberView>(`/api/members/${memberId}`, {
      fullName: 'José Núñez',
      memberStatus: 'Suspended',
      agentId: null,
    })
    expect(changed.body).toMatchObject({ fullName: 'José Núñez', memberStatus: 'Suspended', agentCode: null })
    expect((await api.get<MemberView>(`/api/members/${memberId}`)).body).toMatchObject(changed.body)

    const codes = async (query: string) =>
      (await api.pageThrough<MemberView>(`/api/members?${query}`, 2)).map((one) => one.memberCode)
    const all = Array.from({ length: 6 }, (_, index) => memberCode('M', index + 1))
    expect(await codes(`tierId=${tierId}`)).toEqual(all)
    expect(await codes('code=M-M-')).toEqual(all)
    expect(await codes(`tierId=${tierId}&status=Active`)).toEqual(all.slice(0, 5))
    expect(await codes(`tierId=${tierId}&status=Suspended`)).toEqual(all.slice(5))
    const [first] = (await api.get<Page<MemberView>>(`/api/members?code=${memberCode('M', 1)}`)).body.items
    expect(await codes(`tierId=${tierId}&agentId=${first?.agentId}`)).toEqual(all.slice(0, 1))
  })

  test('members are found by name, code or telephone, as people write them', async () => {
    const tierId = await registerTier(api.db, { tierCode: 'Q1', members: 0 })
    const add = (code: string, fullName: string, phone: string | null = null) =>
      api.post<MemberView>('/api/members', {
        memberCode: code,
        fullName,
        tierId,
        joinedOn: '2020-01-01',
        phone,
      })
    expect((await add('Q1-001', 'Zoé  Núñez'.normalize('NFD'), '+91 98200-00001')).body).toMatchObject({
      fullName: 'Zoé Núñez',
    })
    await add('Q1-É', 'Asha Rao', '098200 11111')
    await add('00q1', 'Ravi %_\\ Das')
    const found = async (q: string) =>
      (await api.pageThrough<MemberView>(`/api/members?tierId=${tierId}&q=${encodeURIComponent(q)}`, 2)).map(
        (one) => one.memberCode,
      )
    for (const q of [
      'zoe nunez',
      'ZOÉ',
      'nún',
      'NUÑEZ\u00a0zo',
      'q1-001',
      '9820000001',
      '098200 00001',
      '+919820000001',
      '00001',
    ]) {
      expect([q, await found(q)]).toEqual([q, ['Q1-001']])
    }
    expect(await found('q1-e\u0301')).toEqual(['Q1-É'])
    expect(await found('Q1')).toEqual(['00q1', 'Q1-001', 'Q1-É'])
    expect(await found('11111')).toEqual(['Q1-É'])
    for (const q of ['%', '_', '\\', "'", '0000', 'nobody', '99999'])
      expect([q, await found(q)]).toEqual([q, []])
  })

  test('a code that looks like an existing one is refused, and both are named', async () => {
    const [tier, agent, member] = await Promise.all([
      api.post('/api/tiers', { tierCode: 'Twin', tierName: 'T' }),
      api.post('/api/agents', { agentCode: '007', fullName: 'Bond' }),
      api.post('/api/members', {
        memberCode: 'W31-1',
        fullName: 'W',
        tierId: await registerTier(api.db, { tierCode: 'W31', members: 0 }),
        joinedOn: '2020-01-01',
      }),
    ])
    expect([tier.status, agent.status, member.status]).toEqual([201, 201, 201])
    const { tierId } = member.body as MemberView
    const refused = await Promise.all([
      api.post<Problem>('/api/tiers', { tierCode: 'TWIN\u200b', tierName: 'T' }),
      api.post<Problem>('/api/agents', { agentCode: '7', fullName: 'Bond' }),
      api.post<Problem>('/api/members', {
        memberCode: 'w31-1',
        fullName: 'W',
        tierId,
        joinedOn: '2020-01-01',
      }),
    ])
    expect(refused.map((answer) => [refusal(answer), answer.body.detail])).toEqual([
      [
        '409 tier-code-taken',
        'There is a tier Twin already, and TWIN differs from it in capitals or leading zeros only.',
      ],
      [
        '409 agent-code-taken',
        'There is an agent 007 already, and 7 differs from it in capitals or leading zeros only.',
      ],
      [
        '409 member-code-taken',
        'There is a member W31-1 already, and w31-1 differs from it in capitals or leading zeros only.',
      ],
    ])
  })

  test('only a claim makes a member Deceased', async () => {
    const tierId = await registerTier(api.db, { tierCode: 'NB', members: 1 })
    const [memberId] = await memberIdsOf(tierId)
    const dead = { memberStatus: 'Deceased' }
    const changed = await api.patch<Problem>(`/api/members/${memberId}`, dead)
    const added = await api.post<Problem>('/api/members', {
      memberCode: 'NB-9',
      fullName: 'N',
      tierId,
      joinedOn: '2020-01-01',
      ...dead,
    })
    for (const answer of [changed, added]) {
      expect([refusal(answer), answer.body.detail, answer.body.errors?.[0]?.pointer]).toEqual([
        '400 invalid-input',
        'Nobody becomes Deceased but by an approved claim: submit a death claim for the member.',
        '/memberStatus',
      ])
    }
  })

  test('a member comes with the history of their standing', async () => {
    const tierId = await registerTier(api.db, { tierCode: 'H1', members: 1 })
    const otherTierId = await registerTier(api.db, { tierCode: 'H2', members: 1 })
    const [memberId] = await memberIdsOf(tierId)
    const path = `/api/members/${memberId}`
    await api.patch(path, { memberStatus: 'Suspended' })
    await api.patch(path, { memberStatus: 'Active' })
    await api.patch(path, { tierId: otherTierId })
    const { body } = await api.get<{ standings: StandingPeriod[] }>(path)
    const [first, second, third] = body.standings as [StandingPeriod, StandingPeriod, StandingPeriod]
    expect(body.standings.map((period) => period.tierCode)).toEqual(['H1', 'H1', 'H2'])
    expect(first.validFrom < first.validTo).toBe(true)
    expect(first.validTo < second.validFrom).toBe(true)
    expect(second.validTo).toBe(third.validFrom)
    expect(third.validTo).toBe('infinity')
  })

  test('nobody joins in the future', async () => {
    const tierId = await registerTier(api.db, { tierCode: 'F', members: 1 })
    const joinedOn = new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10)
    const answer = await api.post<Problem>('/api/members', {
      memberCode: 'F-1',
      fullName: 'Too Early',
      tierId,
      joinedOn,
    })
    expect(refusal(answer)).toBe('400 invalid-input')
    expect(answer.body.errors?.map((fault) => fault.pointer)).toEqual(['/joinedOn'])
    expect((await api.get<Page<MemberView>>('/api/members?code=F-1')).body.items).toEqual([])
  })

  test('a Deceased member stays Deceased', async () => {
    const tierId = await registerTier(api.db, { tierCode: 'D', members: 2 })
    const [memberId = ''] = await memberIdsOf(tierId)
    await die(memberId)
    for (const memberStatus of ['Active', 'Suspended', 'Inactive']) {
      expect(refusal(await api.patch(`/api/members/${memberId}`, { memberStatus }))).toBe(
        '409 member-deceased',
      )
    }
    const { body } = await api.get<MemberView>(`/api/members/${memberId}`)
    expect(body.memberStatus).toBe('Deceased')
  })
})

describe('claims', () => {
  const submit = (deceasedMemberId: string | undefined, more: object = {}) =>
    api.post<ClaimView>('/api/claims', {
      deceasedMemberId,
      dateOfDeath: '2026-01-02',
      benefitAmount: 1_000_000,
      ...more,
    })
  const status = async (memberId: string | undefined) =>
    (await api.get<MemberView>(`/api/members/${memberId}`)).body.memberStatus

  test('a claim is submitted, and once approved its member is Deceased', async () => {
    const [memberId] = await memberIdsOf(await registerTier(api.db, { tierCode: 'C1', members: 1 }))
    const submitted = await submit(memberId, { placeOfDeath: ' Delhi ' })
    const path = submitted.headers.get('location') ?? ''
    expect([submitted.status, path]).toEqual([201, `/api/claims/${submitted.body.claimId}`])
    expect(submitted.body).toMatchObject({
      claimStatus: 'Submitted',
      deceasedMemberId: memberId,
      deceasedMemberCode: memberCode('C1', 1),
      tierCode: 'C1',
      placeOfDeath: 'Delhi',
      submittedBy: 'admin@example.org',
    })
    expect(await status(memberId)).toBe('Active')
    const approved = await api.post<ClaimView>(`${path}/approve`)
    expect(approved.body).toMatchObject({ claimStatus: 'Approved', approvedBy: 'admin@example.org' })
    expect((await api.get<ClaimView>(path)).body).toEqual(approved.body)
    expect(await status(memberId)).toBe('Deceased')
    expect(refusal(await api.post(`${path}/approve`))).toBe('409 claim-not-submitted')
    expect((await api.get<ClaimView>(path)).body).toEqual(approved.body)
  })

  test('a member has one claim at a time; after a rejection, another', async () => {
    const [memberId] = await memberIdsOf(await registerTier(api.db, { tierCode: 'C2', members: 1 }))
    const { body: first } = await submit(memberId)
    expect(first.placeOfDeath).toBeNull()
    expect(refusal(await submit(memberId))).toBe('409 claim-exists')
    const rejected = await api.post<ClaimView>(`/api/claims/${first.claimId}/reject`, { reason: 'No proof' })
    expect(rejected.body).toMatchObject({
      claimStatus: 'Rejected',
      rejectionReason: 'No proof',
      rejectedBy: 'admin@example.org',
    })
    expect(await status(memberId)).toBe('Active')
    const second = await submit(memberId)
    expect(second.status).toBe(201)
    const number = (code: string) => Number(code.split('-')[2])
    expect(number(second.body.claimCode)).toBe(number(first.claimCode) + 1)
    expect(refusal(await submit(memberId))).toBe('409 claim-exists')
  })

  test('claims are listed page by page, newest first and each exactly once', async () => {
    const memberIds = await memberIdsOf(await registerTier(api.db, { tierCode: 'C3', members: 5 }))
    const codes: string[] = []
    for (const memberId of memberIds) codes.unshift((await submit(memberId)).body.claimCode)
    const listed = await api.pageThrough<ClaimView>('/api/claims?status=Submitted', 2)
    expect(listed.filter((claim) => claim.tierCode === 'C3').map((claim) => claim.claimCode)).toEqual(codes)
  })

  test('a claim says which cycle collects for it, and those that wait for one can be asked for', async () => {
    await registerTier(api.db, { tierCode: 'C4', members: 5 })
    const [waiting, collecting, cancelled] = await Promise.all(
      [1, 2, 3].map((number) => approveDeath(api.db, { tierCode: 'C4', number })),
    )
    const cycle = await startActive({ claimId: collecting?.claimId ?? '' })
    const given = await startActive({ claimId: cancelled?.claimId ?? '' })
    await sql`update contribution_cycles set cycle_status = 'Cancelled' where cycle_id = ${given.cycleId}`.execute(
      api.db,
    )
    const codesOf = async (query: string) =>
      (await api.pageThrough<ClaimView>(`/api/claims?status=Approved&${query}`, 50))
        .filter(({ tierCode }) => tierCode === 'C4')
        .map(({ claimCode, cycleCode }) => [claimCode, cycleCode])
        .toSorted()
    expect(await codesOf('hasCycle=true')).toEqual([[collecting?.claimCode, cycle.cycleCode]])
    expect(await codesOf('hasCycle=false')).toEqual(
      [
        [waiting?.claimCode, null],
        [cancelled?.claimCode, null],
      ].toSorted(),
    )
    expect((await api.get<Problem>('/api/claims?hasCycle=1')).status).toBe(400)
  })
})

/** Every column in camelCase, without settled_after; then what the view joins. */
const cycleFields =
  `cycleId cycleCode claimId tierId deceasedMemberId cycleStatus strategy currency currencyExponent
  contributionAmount targetAmount collectedAmount startDate deadline eligibleAsOf failureReason jobId totalMembers
  pendingMembers paidMembers failedMembers waivedMembers createdBy createdAt updatedAt activatedAt
  timeZone deadlineAt claimCode tierCode deceasedMemberCode deceasedFullName
  jobStatus jobProgress jobStartedAt jobCompletedAt jobError jobHoldReason`.split(/\s+/)

describe('a start', () => {
  // Inline needs that no older transaction is open on the server, and other test files write to it too.
  test('of a small cycle answers 201 with the Active cycle, where it is, and its counts', {
    retry: { count: 10, delay: 1_000 },
  }, async ({ task }) => {
    const tierCode = `S1${task.result?.retryCount ?? 0}`
    await registerTier(api.db, { tierCode, members: 40 })
    const { claimId } = await approveDeath(api.db, { tierCode, benefitAmount: 7_000_000 })
    const { status, headers, body } = await api.post<Started>(cycles, { claimId })
    expect(status).toBe(201)
    expect(Object.keys(body.cycle).toSorted()).toEqual(cycleFields.toSorted())
    expect(body.cycle).toMatchObject({
      cycleStatus: 'Active',
      strategy: 'inline',
      contributionAmount: 10_000,
      targetAmount: 7_000_000,
      collectedAmount: 0,
      totalMembers: 39,
      pendingMembers: 39,
      waivedMembers: 0,
      paidMembers: 0,
      jobStatus: 'Completed',
      jobProgress: 100,
      createdBy: 'admin@example.org',
    })
    expect(body.message).toContain(body.cycle.cycleCode)
    const location = headers.get('location') ?? ''
    expect(location).toBe(`${cycles}/${body.cycle.cycleId}`)
    expect((await api.get<CycleView>(location)).body).toEqual(body.cycle)
    expect(await getContributions(body.cycle.cycleId)).toHaveLength(39)
    expect((await proveCycle(api.db, body.cycle.cycleId)).holds).toBe(true)
  })

  test('queued answers 202 Initializing, and the worker makes it Active', async () => {
    await registerTier(api.db, { tierCode: 'S2', members: 40 })
    const { claimId } = await approveDeath(api.db, { tierCode: 'S2' })
    const { status, headers, body } = await api.post<Started>(cycles, { claimId, strategy: 'queued' })
    const { cycleId } = body.cycle
    expect([status, headers.get('location')]).toEqual([202, `${cycles}/${cycleId}`])
    expect(Object.keys(body.cycle).toSorted()).toEqual(cycleFields.toSorted())
    expect(body.cycle).toMatchObject({
      cycleStatus: 'Initializing',
      strategy: 'queued',
      totalMembers: 0,
      jobStatus: 'Queued',
      jobProgress: 0,
      activatedAt: null,
    })
    const cycle = await untilActive(cycleId)
    expect(cycle).toMatchObject({
      totalMembers: 39,
      pendingMembers: 39,
      jobStatus: 'Completed',
      jobProgress: 100,
    })
    expect((await proveCycle(api.db, cycle.cycleId)).holds).toBe(true)
  })

  test('is proved in one snapshot: deaths meanwhile are not reported', async () => {
    await registerTier(api.db, { tierCode: 'SP', members: 40 })
    const { claimId } = await approveDeath(api.db, { tierCode: 'SP' })
    const { cycleId, tierId } = await startActive({ claimId, strategy: 'inline' })
    const amidDeaths = api.db.withPlugin({
      transformQuery: ({ node }) => node,
      async transformResult({ result }) {
        await sql`
          update members set member_status = 'Deceased' where member_id = (
            select member_id from members where tier_id = ${tierId} and member_status = 'Active' limit 1
          )`.execute(api.db)
        return result
      },
    })
    expect((await proveCycle(amidDeaths, cycleId)).holds).toBe(true)
    expect((await proveCycle(api.db, cycleId)).waived).toBeGreaterThan(1)
  })

  test('asks for the tier’s amount, or for the one it is given', async () => {
    await registerTier(api.db, { tierCode: 'S3', members: 10, contributionAmount: 123 })
    const [first, second] = [
      await approveDeath(api.db, { tierCode: 'S3', number: 1 }),
      await approveDeath(api.db, { tierCode: 'S3', number: 2 }),
    ]
    const byTier = await startActive({ claimId: first.claimId })
    expect(byTier.contributionAmount).toBe(123)
    const given = await startActive({ claimId: second.claimId, contributionAmount: 45, cycleDuration: 1 })
    expect(given.contributionAmount).toBe(45)
    const owed = await getContributions(given.cycleId)
    expect(new Set(owed.map((one) => `${one.contributionAmount} by ${one.dueDate}`))).toEqual(
      new Set([`45 by ${given.deadline}`]),
    )
  })

  test.each([
    ['hybrid', 1],
    ['queued', 100],
  ])(
    '%s can apportion the target in steps of %i: reached, and by less than a step a member',
    async (strategy, roundingStep) => {
      const tierCode = `S4${strategy}`
      await registerTier(api.db, { tierCode, members: 38, contributionAmount: 30_000 })
      const { claimId, benefitAmount } = await approveDeath(api.db, { tierCode, benefitAmount: 1_000_003 })
      await api.patch('/api/fund', { roundingStep })
      const cycle = await startActive({ claimId, contributionAmount: 'apportion', strategy })
      await api.patch('/api/fund', { roundingStep: 1 })
      const owed = await getContributions(cycle.cycleId)
      const sum = owed.reduce((total, one) => total + one.contributionAmount, 0)
      expect(sum).toBe((cycle.contributionAmount ?? 0) * 37)
      expect((cycle.contributionAmount ?? 1) % roundingStep).toBe(0)
      expect(sum).toBeGreaterThanOrEqual(benefitAmount)
      expect(sum).toBeLessThan(benefitAmount + roundingStep * 37)
    },
  )

  test('as of an instant in the past uses the members who were Active then', async () => {
    const tierId = await registerTier(api.db, { tierCode: 'S5', members: 10 })
    const { claimId, deceasedMemberId } = await approveDeath(api.db, { tierCode: 'S5' })
    const then = (await memberIdsOf(tierId)).filter((memberId) => memberId !== deceasedMemberId)
    const { rows } = await sql<{ instant: string }>`select clock_timestamp() as instant`.execute(api.db)
    for (const memberId of then.slice(0, 2)) {
      await api.patch(`/api/members/${memberId}`, { memberStatus: 'Suspended' })
    }
    await api.post('/api/members', {
      memberCode: 'S5-late',
      fullName: 'Late',
      tierId,
      joinedOn: '2020-01-01',
    })
    const fields = { claimId, eligibleAsOf: rows[0]?.instant }
    const { body: past } = await api.post<CyclePreview>(`${cycles}/preview`, fields)
    expect([past.eligibleMembers, past.exclusions]).toEqual([
      9,
      { deceased: 1, notActive: 0, registeredAfter: 1 },
    ])
    const { body: now } = await api.post<CyclePreview>(`${cycles}/preview`, { claimId })
    expect([now.eligibleMembers, now.exclusions]).toEqual([
      8,
      { deceased: 1, notActive: 2, registeredAfter: 0 },
    ])
    const cycle = await startActive(fields)
    expect(cycle.eligibleAsOf).toBe(rows[0]?.instant)
    const asked = await getContributions(cycle.cycleId)
    expect(asked.map((one) => one.memberId).toSorted()).toEqual(then.toSorted())
  })

  test('that is refused leaves no gap in the cycles’ numbers', async () => {
    await registerTier(api.db, { tierCode: 'S6', members: 10 })
    const [first, second] = [
      await approveDeath(api.db, { tierCode: 'S6', number: 1 }),
      await approveDeath(api.db, { tierCode: 'S6', number: 2 }),
    ]
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => api.post<Started>(cycles, { claimId: first.claimId })),
    )
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(4)
    expect((await api.post(cycles, { claimId: nowhere })).status).toBe(404)
    const winner = answers.find(({ status }) => status < 300)?.body.cycle as CycleView
    const next = await startActive({ claimId: second.claimId })
    const number = (code: string) => Number(/^CC-\d{4}-(\d{5})$/.exec(code)?.[1])
    expect(number(next.cycleCode)).toBe(number(winner.cycleCode) + 1)
  })

  test('cycles are listed page by page, newest first and each exactly once, also by state', async () => {
    const memberIds = await memberIdsOf(await registerTier(api.db, { tierCode: 'S7', members: 8 }))
    const codes: string[] = []
    for (const memberId of memberIds.slice(0, 5)) {
      codes.unshift((await startActive({ claimId: (await die(memberId)).claimId })).cycleCode)
    }
    for (const query of ['', '?status=Active']) {
      const listed = await api.pageThrough<CycleView>(`${cycles}${query}`, 2)
      expect(listed.filter((cycle) => cycle.tierCode === 'S7').map((cycle) => cycle.cycleCode)).toEqual(codes)
      expect(new Set(listed.map((cycle) => cycle.cycleId)).size).toBe(listed.length)
    }
    expect((await api.get<Page<CycleView>>(`${cycles}?status=Completed`)).body.items).toEqual([])
  })
})

describe('a preview', () => {
  test('tells what a start would do, and writes nothing', async () => {
    const tierId = await registerTier(api.db, { tierCode: 'P', members: 1200, contributionAmount: 1000 })
    const { claimId, claimCode } = await approveDeath(api.db, { tierCode: 'P', benefitAmount: 5_000_000 })
    await sql`update members set member_status = 'Inactive'
      where tier_id = ${tierId} and member_code between ${memberCode('P', 2)} and ${memberCode('P', 8)}`.execute(
      api.db,
    )
    await sql`update members set agent_id = (select agent_id from agents where agent_code = 'AG-007')
      where tier_id = ${tierId} and member_code > ${memberCode('P', 1000)}`.execute(api.db)
    await sql`update members set agent_id = null
      where tier_id = ${tierId} and member_code between ${memberCode('P', 900)} and ${memberCode('P', 999)}`.execute(
      api.db,
    )
    const { rows: largest } = await sql<{ agentCode: string; members: number }>`
      select agent_code, count(*) as members from members join agents using (agent_id)
      where tier_id = ${tierId} and member_status = 'Active'
      group by agent_code order by count(*) desc, agent_code limit 10`.execute(api.db)

    const before = await fingerprint(api.db, ['public'])
    const { status, body } = await api.post<CyclePreview>(`${cycles}/preview`, { claimId })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      claimCode,
      tierCode: 'P',
      currency: 'USD',
      currencyExponent: 2,
      eligibleMembers: 1192,
      contributionAmount: 1000,
      apportionedAmount: 4195,
      expectedAmount: 1_192_000,
      targetAmount: 5_000_000,
      shortfallAmount: 3_808_000,
      surplusAmount: 0,
      beyondLimit: [],
      joinedAfterDeath: 0,
      strategy: 'queued',
      exclusions: { deceased: 1, notActive: 7, registeredAfter: 0 },
    })
    expect(body.largestAgents.map(({ agentCode, members }) => ({ agentCode, members }))).toEqual(largest)
    expect(body.largestAgents[0]).toMatchObject({ agentCode: 'AG-007', fullName: 'Agent 7' })
    for (const agent of body.largestAgents) expect(agent.expectedAmount).toBe(agent.members * 1000)

    const apportioned = { claimId, contributionAmount: 'apportion', strategy: 'inline', cycleDuration: 30 }
    const { body: other } = await api.post<CyclePreview>(`${cycles}/preview`, apportioned)
    expect(other).toMatchObject({
      contributionAmount: 4195,
      expectedAmount: 4195 * 1192,
      shortfallAmount: 0,
      surplusAmount: 440,
      strategy: 'inline',
    })
    expect(Date.parse(other.deadline) - Date.parse(body.deadline)).toBe(15 * 86_400_000)
    expect(await fingerprint(api.db, ['public'])).toEqual(before)

    const cycle = await startActive({ claimId })
    expect(cycle).toMatchObject({ strategy: 'queued', totalMembers: 1192, deadline: body.deadline })
  })
})

/** Reads server-sent events to the end of the stream. */
async function readEvents(url: string): Promise<{ event: string; data: CreationProgress }[]> {
  const response = await fetch(url, { headers: api.headers })
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
  const blocks = (await response.text()).split('\n\n').filter((block) => /^event:/m.test(block))
  return blocks.map((block) => ({
    event: /^event: (.*)$/m.exec(block)?.[1] ?? '',
    data: JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? ''),
  }))
}

const wholeOf = (from: number, to: number) =>
  expect.toSatisfy(
    (value: unknown) => Number.isInteger(value) && Number(value) >= from && Number(value) <= to,
  )

/** The fixed shape of the progress, and what must hold between its parts. */
function expectProgress(state: CreationProgress, cycleId: string): void {
  expect(state).toStrictEqual({
    cycleId,
    status: expect.toBeOneOf(['Initializing', 'Active']),
    progress: {
      total: expect.toBeOneOf([0, 29_999]),
      processed: wholeOf(0, 29_999),
      percentage: wholeOf(0, 100),
    },
    estimatedTimeRemaining: expect.toBeOneOf([null, wholeOf(0, 60)]),
    jobStatus: expect.toBeOneOf(['Queued', 'Processing', 'Completed']),
    jobError: null,
  })
  const { total, processed, percentage } = state.progress
  expect(percentage === 100).toBe(state.status === 'Active')
  expect(state.jobStatus === 'Completed').toBe(state.status === 'Active')
  if (state.status === 'Initializing' && total > 0) {
    expect(percentage).toBe(Math.min(99, Math.floor((processed / total) * 100)))
  }
  if (state.status === 'Active') expect(state.estimatedTimeRemaining).toBe(0)
}

function expectMonotone(states: CreationProgress[]): void {
  for (const [index, { progress }] of states.entries()) {
    const before = states[index - 1]?.progress ?? { total: 0, processed: 0, percentage: 0 }
    expect(progress.total).toBeGreaterThanOrEqual(before.total)
    expect(progress.processed).toBeGreaterThanOrEqual(before.processed)
    expect(progress.percentage).toBeGreaterThanOrEqual(before.percentage)
  }
}

test('I7: the progress of a whole run, polled and streamed, never goes back and is 100 only at the end', async () => {
  await registerTier(api.db, { tierCode: 'W', members: 30_000 })
  const { claimId } = await approveDeath(api.db, { tierCode: 'W', benefitAmount: 300_000_000 })
  const { cycleId, polled, streamed } = await slowly(0.1, async () => {
    const { body } = await api.post<Started>(cycles, { claimId })
    const { cycleId } = body.cycle
    const streaming = readEvents(`${api.url}${cycles}/${cycleId}/creation-progress/stream`)
    const polled: CreationProgress[] = []
    await until(
      async () => {
        polled.push(await getProgress(cycleId))
        return polled.at(-1)?.status
      },
      (status) => status !== 'Initializing',
    )
    return { cycleId, polled, streamed: await streaming }
  })

  for (const state of polled) expectProgress(state, cycleId)
  expectMonotone(polled)
  expect(new Set(polled.map(({ progress }) => progress.percentage)).size).toBeGreaterThan(5)
  expect(
    polled.some((state) => state.estimatedTimeRemaining !== null && state.status === 'Initializing'),
  ).toBe(true)

  const states = streamed.map(({ data }) => data)
  for (const state of states) expectProgress(state, cycleId)
  expectMonotone(states)
  const names = streamed.map(({ event }) => event)
  expect(names).toEqual([...names.slice(0, -1).map(() => 'progress'), 'end'])
  expect(new Set(states.map(({ progress }) => progress.percentage)).size).toBeGreaterThan(2)
  expect(states.at(-1)).toStrictEqual(polled.at(-1))
  expect(states.at(-1)?.progress).toEqual({ total: 29_999, processed: 29_999, percentage: 100 })

  // Of a cycle that is over, the stream tells the last state and ends.
  const afterwards = await readEvents(`${api.url}${cycles}/${cycleId}/creation-progress/stream`)
  expect(afterwards.map(({ event }) => event)).toEqual(['progress', 'end'])
})

describe('contributions', () => {
  let cycle: CycleView
  let tierId: string
  beforeAll(async () => {
    tierId = await registerTier(api.db, { tierCode: 'K', members: 45, contributionAmount: 9950 })
    await sql`insert into members (member_code, full_name, tier_id, joined_on)
      values ('K-EVIL', '=1+1', ${tierId}, '2020-01-01'), ('K-"Q"', 'Ann "Nan", Lee', ${tierId}, '2020-01-01')
    `.execute(api.db)
    const { claimId } = await approveDeath(api.db, { tierCode: 'K' })
    cycle = await startActive({ claimId })
    const { rows } = await sql<{ memberId: string }>`
      select member_id from members where member_code = ${memberCode('K', 2)}`.execute(api.db)
    await die(rows[0]?.memberId ?? '')
  })
  const codes = (contributions: ContributionView[]) => contributions.map((one) => one.memberCode).toSorted()

  test('are listed page by page, each exactly once', async () => {
    const path = `${cycles}/${cycle.cycleId}/contributions`
    const all = await api.pageThrough<ContributionView>(path, 7)
    const members = await api.pageThrough<MemberView>(`/api/members?tierId=${tierId}`, 200)
    const asked = members.filter((member) => member.memberCode !== memberCode('K', 1))
    expect(codes(all)).toEqual(asked.map((member) => member.memberCode).toSorted())
    const [first] = all
    expect(first).toStrictEqual({
      contributionId: `${cycle.cycleCode}/${first?.memberCode}`,
      memberId: expect.any(String),
      memberCode: expect.any(String),
      fullName: expect.any(String),
      agentId: expect.toBeOneOf([null, expect.any(String)]),
      agentCode: expect.toBeOneOf([null, expect.any(String)]),
      contributionAmount: 9950,
      paidAmount: 0,
      contributionStatus: expect.toBeOneOf(['Pending', 'Waived']),
      waivedBy: null,
      dueDate: cycle.deadline,
    })
  })

  test('are filtered by state, by agent, and by words of a name or the beginning of a code', async () => {
    const all = await getContributions(cycle.cycleId)
    const by = async (query: string) => codes(await getContributions(cycle.cycleId, `?${query}`))
    expect(await by('status=Waived')).toEqual([memberCode('K', 2)])
    expect(await by('status=Pending')).toEqual(
      codes(all.filter((one) => one.memberCode !== memberCode('K', 2))),
    )
    expect(await by('status=Paid')).toEqual([])
    const agentId = all.find((one) => one.agentId !== null)?.agentId
    const ofAgent = codes(all.filter((one) => one.agentId === agentId))
    expect(ofAgent.length).toBeGreaterThan(1)
    expect(await by(`agentId=${agentId}`)).toEqual(ofAgent)
    expect(await by('q=K-')).toEqual(['K-"Q"', 'K-EVIL'])
    expect(await by('q=NAN')).toEqual(['K-"Q"'])
    // Neither is a wildcard.
    expect(await by('q=%25')).toEqual([])
    expect(await by('q=_')).toEqual([])
    expect(await by(`agentId=${agentId}&status=Pending&q=${memberCode('K', 10).slice(0, -1)}`)).toEqual(
      ofAgent.filter((code) => code.startsWith(memberCode('K', 10).slice(0, -1))),
    )
  })

  test('come as CSV with the same rows, amounts in major units, and names that no spreadsheet runs', async () => {
    const all = await getContributions(cycle.cycleId)
    const { headers, text } = await api.get<undefined>(`${cycles}/${cycle.cycleId}/contributions.csv`)
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8')
    expect(headers.get('content-disposition')).toBe(`attachment; filename="${cycle.cycleCode}.csv"`)
    expect(headers.get('transfer-encoding')).toBe('chunked')
    expect(text.split('\r\n')).toHaveLength(all.length + 2)
    expect(parse(text, { columns: true, bom: true })).toEqual(
      all.map((one) => ({
        contributionId: one.contributionId,
        memberCode: one.memberCode,
        fullName: one.fullName === '=1+1' ? "'=1+1" : one.fullName,
        agentCode: one.agentCode ?? '',
        contributionAmount: '99.50',
        paidAmount: '0.00',
        currency: 'USD',
        contributionStatus: one.contributionStatus,
        dueDate: one.dueDate,
      })),
    )
    expect(text).toContain(",'=1+1,")
    const waived = await api.get<undefined>(`${cycles}/${cycle.cycleId}/contributions.csv?status=Waived`)
    expect(parse(waived.text, { columns: true, bom: true })).toHaveLength(1)
    await api.get<undefined>(`${cycles}/${cycle.cycleId}/contributions.csv?q=Asha`)
    await api.get<undefined>('/api/audit.csv?actor=nobody')
    // Who took data out is kept, without the name that was searched for.
    const exported = await api.get<{ items: { actor: string; payload: unknown }[] }>(
      '/api/audit?eventName=DataExported',
    )
    const file = `${cycle.cycleCode}.csv`
    expect(exported.body.items.map(({ payload }) => payload)).toEqual([
      { file: 'audit.csv', filter: { actor: 'nobody' } },
      { file, filter: {}, isSearched: true },
      { file, filter: { status: 'Waived' }, isSearched: false },
      { file, filter: {}, isSearched: false },
    ])
    expect(exported.body.items[0]?.actor).toBe('admin@example.org')
  })

  test('of one member are listed by cycle, newest first, of Active cycles only', async () => {
    const memberId = (await getContributions(cycle.cycleId, `?q=${memberCode('K', 3)}`))[0]?.memberId
    const { claimId } = await approveDeath(api.db, { tierCode: 'K', number: 44 })
    const later = await startActive({ claimId })
    const another = await approveDeath(api.db, { tierCode: 'K', number: 45 })
    const hidden = await startActive({ claimId: another.claimId })
    await sql`update contribution_cycles set cycle_status = 'Initializing' where cycle_id = ${hidden.cycleId}`.execute(
      api.db,
    )
    const asked = await api.pageThrough<Record<string, unknown>>(`/api/members/${memberId}/contributions`, 1)
    expect(asked.map(({ cycleCode }) => cycleCode)).toEqual([later.cycleCode, cycle.cycleCode])
    expect(asked[1]).toEqual({
      contributionId: `${cycle.cycleCode}/${memberCode('K', 3)}`,
      cycleId: cycle.cycleId,
      cycleCode: cycle.cycleCode,
      cycleStatus: 'Active',
      currency: 'USD',
      currencyExponent: 2,
      deceasedFullName: cycle.deceasedFullName,
      contributionAmount: 9950,
      paidAmount: 0,
      contributionStatus: 'Pending',
      waivedBy: null,
      dueDate: cycle.deadline,
      createdAt: cycle.createdAt,
    })
  })
})

async function expectHidden(cycleId: string): Promise<void> {
  for (const path of [
    'contributions',
    'contributions.csv',
    'contributions?limit=1',
    'contributions.csv?q=M',
  ]) {
    const answer = await api.get<Problem>(`${cycles}/${cycleId}/${path}`)
    expect(refusal(answer)).toBe('409 cycle-not-active')
    expect(answer.text).not.toContain('M-')
  }
}

/** Every token in the queue has been taken and done with. */
const untilQuiet = () =>
  until(
    () => api.app.queue.depth(),
    ({ waiting, active }) => waiting + active === 0,
  )

describe('a cycle that is being created', () => {
  test('I5: is paused, and not a row is written until it is resumed; its timeline tells who did what', async () => {
    const { cycle, written } = await pausedHalfway('B1')
    const { cycleId, jobId } = cycle
    await wakeJob(api.app.engine, { jobId: jobId ?? '', jobKind: creationJobKind })
    await wakeJob(api.app.engine, { jobId: jobId ?? '', jobKind: creationJobKind })
    await untilQuiet()
    expect(await countRows(cycleId)).toBe(written)
    expect(await getProgress(cycleId)).toMatchObject({
      status: 'Initializing',
      jobStatus: 'Paused',
      progress: { processed: written },
    })
    expect(refusal(await steer(cycleId, 'pause'))).toBe('409 job-state')
    expect(refusal(await steer(cycleId, 'retry'))).toBe('409 cycle-state')

    expect((await steer(cycleId, 'resume')).body).toMatchObject({ jobStatus: 'Processing' })
    const active = await untilActive(cycleId)
    expect(active).toMatchObject({ totalMembers: halfwayMembers - 1, jobProgress: 100 })
    expect((await proveCycle(api.db, active.cycleId)).holds).toBe(true)
    const events = await getEvents(cycleId)
    expect(events.map((event) => [event.eventName, event.actor])).toEqual([
      ['ContributionCycleInitiated', 'admin@example.org'],
      ['ContributionCyclePaused', 'admin@example.org'],
      ['ContributionCycleResumed', 'admin@example.org'],
      ['ContributionCycleActivated', 'almoner'],
    ])
    expect(events.map((event) => event.at)).toEqual(events.map((event) => event.at).toSorted())
    expect(events.at(-1)?.payload).toMatchObject({ totalMembers: halfwayMembers - 1 })
  })

  test('I9: shows nobody a contribution while it is Initializing, nor once it is Cancelled', async () => {
    const { cycle } = await pausedHalfway('B2')
    await expectHidden(cycle.cycleId)
    await steer(cycle.cycleId, 'cancel')
    await expectHidden(cycle.cycleId)
  })

  test('is cancelled at once, its rows are removed, and its claim can have another', async () => {
    const { cycle, claim } = await pausedHalfway('B3')
    const { cycleId } = cycle
    const cancelled = await steer(cycleId, 'cancel')
    expect([cancelled.status, cancelled.body.cycleStatus, cancelled.body.jobStatus]).toEqual([
      200,
      'Cancelled',
      'Cancelled',
    ])
    const removal = async () => {
      const { body } = await api.get<Page<JobView>>('/api/jobs?limit=200')
      return body.items.find((job) => job.subject === cycleId && job.jobKind === 'remove-cycle-contributions')
    }
    await until(removal, (job) => job?.jobStatus === 'Completed')
    expect(await countRows(cycleId)).toBe(0)
    expect(await getCycle(cycleId)).toMatchObject({ cycleStatus: 'Cancelled', totalMembers: 0 })
    for (const verb of ['pause', 'resume', 'cancel', 'retry'] as const) {
      expect(refusal(await steer(cycleId, verb))).toBe('409 cycle-state')
    }
    expect(await getProgress(cycleId)).toMatchObject({ status: 'Cancelled', estimatedTimeRemaining: 0 })
    expect((await getEvents(cycleId)).at(-1)).toMatchObject({
      eventName: 'ContributionCycleCancelled',
      actor: 'admin@example.org',
    })

    const another = await startActive({ claimId: claim.claimId })
    expect(another.cycleId).not.toBe(cycleId)
    expect(another.totalMembers).toBe(halfwayMembers - 1)
    expect((await proveCycle(api.db, another.cycleId)).holds).toBe(true)
  })

  test('I10: waives those who died meanwhile when it becomes Active, whether their row was written or not', async () => {
    const { cycle, tierId, claim } = await pausedHalfway('B4')
    const others = (await memberIdsOf(tierId)).filter((memberId) => memberId !== claim.deceasedMemberId)
    // Rows come in the order of their key.
    const [first = '', last = ''] = [others[0], others.at(-1)]
    await die(first)
    await die(last)
    await steer(cycle.cycleId, 'resume')
    const active = await untilActive(cycle.cycleId)
    expect(active).toMatchObject({
      totalMembers: halfwayMembers - 1,
      pendingMembers: halfwayMembers - 3,
      waivedMembers: 2,
    })
    const waived = await getContributions(cycle.cycleId, '?status=Waived')
    expect(waived.map((one) => one.memberId)).toEqual([first, last])
    expect((await proveCycle(api.db, active.cycleId)).holds).toBe(true)
  })
})

describe('an Active cycle', () => {
  test('can be neither paused, resumed, cancelled nor retried, and stays as it is', async () => {
    await registerTier(api.db, { tierCode: 'A1', members: 5 })
    const cycle = await startActive({ claimId: (await approveDeath(api.db, { tierCode: 'A1' })).claimId })
    for (const verb of ['pause', 'resume', 'cancel', 'retry'] as const) {
      expect(refusal(await steer(cycle.cycleId, verb))).toBe('409 cycle-state')
    }
    expect(await getCycle(cycle.cycleId)).toEqual(cycle)
    expect((await getEvents(cycle.cycleId)).map((event) => event.eventName)).toEqual([
      'ContributionCycleInitiated',
      'ContributionCycleActivated',
    ])
  })

  test('I10: waives what a member owes who dies, and its counts change', async () => {
    const tierId = await registerTier(api.db, { tierCode: 'A2', members: 5 })
    const { claimId, deceasedMemberId } = await approveDeath(api.db, { tierCode: 'A2' })
    const cycle = await startActive({ claimId })
    const dying = (await memberIdsOf(tierId)).find((memberId) => memberId !== deceasedMemberId) ?? ''
    await die(dying)
    const after = await getCycle(cycle.cycleId)
    expect(after).toMatchObject({
      totalMembers: 4,
      pendingMembers: 3,
      waivedMembers: 1,
      cycleStatus: 'Active',
    })
    const waived = await getContributions(cycle.cycleId, '?status=Waived')
    expect(waived.map((one) => one.memberId)).toEqual([dying])
    expect((await proveCycle(api.db, after.cycleId)).holds).toBe(true)
  })
})

test('I8: a cycle is Failed only when its attempts are used up, hides its rows, and a retry runs only what failed', async () => {
  const tierId = await registerTier(api.db, { tierCode: 'X', members: 3000 })
  const { claimId, deceasedMemberId } = await approveDeath(api.db, { tierCode: 'X' })
  const asked = (await memberIdsOf(tierId)).filter((memberId) => memberId !== deceasedMemberId)
  await sql`create function refuse_one() returns trigger language plpgsql as
    $$ begin raise exception 'this one cannot be asked'; end $$`.execute(api.db)
  await sql`create trigger refuse_one before insert on member_contributions for each row
    when (new.member_id = ${sql.lit(asked[1200] ?? '')}::uuid) execute function refuse_one()`.execute(api.db)

  const { body } = await api.post<Started>(cycles, { claimId, strategy: 'queued' })
  const { cycleId } = body.cycle
  const jobId = body.cycle.jobId ?? ''
  const chunks = async () => {
    const { rows } = await sql<{
      chunkNo: number
      chunkStatus: string
      attempts: number
      finishedAt: string | null
    }>`
      select chunk_no, chunk_status, attempts, finished_at from job_chunks
      where job_id = ${jobId} order by chunk_no`.execute(api.db)
    return rows
  }
  const attemptsSeen = new Set<number>()
  await until(
    async () => {
      const progress = await getProgress(cycleId)
      const attempts = Math.max(0, ...(await chunks()).map((chunk) => chunk.attempts))
      attemptsSeen.add(attempts)
      if (progress.status === 'Failed') expect(attempts).toBe(3)
      else expect(progress).toMatchObject({ status: 'Initializing', jobError: null })
      const { numAffectedRows } = await sql`update job_chunks set not_before = null
        where job_id = ${jobId} and chunk_status = 'Pending' and not_before is not null
          and attempts = ${attempts}`.execute(api.db)
      if (numAffectedRows) await wakeJob(api.app.engine, { jobId, jobKind: creationJobKind })
      return progress.status
    },
    (status) => status === 'Failed',
  )
  expect([...attemptsSeen]).toEqual(expect.arrayContaining([1, 2, 3]))

  const failed = await getCycle(cycleId)
  expect(failed).toMatchObject({ cycleStatus: 'Failed', jobStatus: 'Failed', activatedAt: null })
  expect(failed.failureReason).toMatch(/^1 of 6 chunks failed: .*this one cannot be asked/)
  expect(await getProgress(cycleId)).toMatchObject({
    status: 'Failed',
    jobStatus: 'Failed',
    jobError: failed.failureReason,
    estimatedTimeRemaining: null,
    progress: { total: 2999, processed: 2499, percentage: 83 },
  })
  await expectHidden(cycleId)
  const { body: job } = await api.get<JobView & { errors: ChunkTrouble[]; log: EventRow[] }>(
    `/api/jobs/${jobId}`,
  )
  expect(job).toMatchObject({
    jobStatus: 'Failed',
    chunks: { pending: 0, done: 5, failed: 1 },
    percentage: 83,
  })
  expect(job.errors).toEqual([
    expect.objectContaining({ chunkNo: 3, attempts: 3, error: expect.stringContaining('cannot be asked') }),
  ])
  expect(job.log.map((event) => event.eventName)).toContain('ContributionCycleFailed')
  const finished = await chunks()
  expect(finished.map((chunk) => chunk.chunkStatus)).toEqual([
    'Done',
    'Done',
    'Failed',
    'Done',
    'Done',
    'Done',
  ])

  await sql`drop trigger refuse_one on member_contributions`.execute(api.db)
  expect(refusal(await steer(cycleId, 'resume'))).toBe('409 cycle-state')
  expect((await steer(cycleId, 'retry')).body).toMatchObject({
    cycleStatus: 'Initializing',
    failureReason: null,
  })
  const active = await untilActive(cycleId)
  expect((await proveCycle(api.db, active.cycleId)).holds).toBe(true)
  const again = await chunks()
  const without = (rows: typeof again) => rows.filter((chunk) => chunk.chunkNo !== 3)
  expect(without(again)).toEqual(without(finished))
  expect(again.find((chunk) => chunk.chunkNo === 3)).toMatchObject({ chunkStatus: 'Done' })
  expect((await getEvents(cycleId)).map((event) => [event.eventName, event.actor])).toEqual([
    ['ContributionCycleInitiated', 'admin@example.org'],
    ['ContributionCycleFailed', 'almoner'],
    ['ContributionCycleRetried', 'admin@example.org'],
    ['ContributionCycleActivated', 'almoner'],
  ])
})

describe('an Idempotency-Key', () => {
  const startWith = (key: string, body: object) => api.post<Started>(cycles, body, { 'idempotency-key': key })
  const countCycles = async (claimId: string) => {
    const { rows } = await sql<{ count: number }>`
      select count(*) from contribution_cycles where claim_id = ${claimId}`.execute(api.db)
    return rows[0]?.count
  }

  test('gives the same request the same answer, and refuses another', async () => {
    await registerTier(api.db, { tierCode: 'I1', members: 5 })
    const { claimId } = await approveDeath(api.db, { tierCode: 'I1' })
    const first = await startWith('one', { claimId, cycleDuration: 20 })
    const second = await startWith('one', { cycleDuration: 20, claimId })
    expect([second.status, second.body]).toEqual([first.status, first.body])
    expect(second.headers.get('location')).toBe(first.headers.get('location'))
    expect(await countCycles(claimId)).toBe(1)
    expect(refusal(await startWith('one', { claimId, cycleDuration: 21 }))).toBe('422 idempotency-key-reused')
    expect(refusal(await startWith('two', { claimId, cycleDuration: 20 }))).toBe('409 claim-has-cycle')
  })

  test.each(['hybrid', 'queued'])('sent ten times at once starts one %s cycle', async (strategy) => {
    const tierCode = `I2${strategy}`
    await registerTier(api.db, { tierCode, members: 5 })
    const { claimId } = await approveDeath(api.db, { tierCode })
    const answers: Answer<Started>[] = await Promise.all(
      Array.from({ length: 10 }, () => startWith(`ten ${strategy}`.replace(' ', '-'), { claimId, strategy })),
    )
    const started = answers.filter(({ status }) => status < 300)
    expect(new Set(started.map(({ body }) => body.cycle.cycleId)).size).toBe(1)
    const refused = answers.filter(({ status }) => status >= 300).map(refusal)
    expect(refused).toEqual(refused.map(() => '409 idempotency-key-busy'))
    expect(await countCycles(claimId)).toBe(1)
  })

  test('of a request that was refused can be used again', async () => {
    const [memberId] = await memberIdsOf(await registerTier(api.db, { tierCode: 'I3', members: 5 }))
    const claim = { deceasedMemberId: memberId, dateOfDeath: '2026-01-02', benefitAmount: 1_000_000 }
    const { claimId } = (await api.post<ClaimView>('/api/claims', claim)).body
    expect(refusal(await startWith('early', { claimId }))).toBe('409 claim-not-approved')
    await api.post(`/api/claims/${claimId}/approve`)
    expect((await startWith('early', { claimId })).status).toBeLessThan(300)
  })
})

describe('operations', () => {
  test('jobs are listed page by page, newest first and each exactly once, also by state', async () => {
    await registerTier(api.db, { tierCode: 'J', members: 5 })
    const claims = [1, 2, 3].map((number) => approveDeath(api.db, { tierCode: 'J', number }))
    let cycle: CycleView | undefined
    for (const { claimId } of await Promise.all(claims)) cycle = await startActive({ claimId })
    // The agents are told by jobs of their own.
    await expect
      .poll(async () => (await api.get<Page<JobView>>('/api/jobs?status=Processing')).body.items.length)
      .toBe(0)
    await expect
      .poll(async () => (await api.get<Page<JobView>>('/api/jobs?status=Queued')).body.items.length)
      .toBe(0)
    const { rows } = await sql<{ jobId: string }>`
      select job_id from jobs order by created_at desc, job_id desc`.execute(api.db)
    for (const query of ['', '?status=Completed']) {
      const listed = await api.pageThrough<JobView>(`/api/jobs${query}`, 2)
      const expected =
        query === '' ? rows : rows.filter(({ jobId }) => listed.some((job) => job.jobId === jobId))
      expect(listed.map((job) => job.jobId)).toEqual(expected.map(({ jobId }) => jobId))
      if (query !== '') expect(new Set(listed.map((job) => job.jobStatus))).toEqual(new Set(['Completed']))
    }
    const { body: job } = await api.get<JobView & { errors: []; log: EventRow[] }>(
      `/api/jobs/${cycle?.jobId}`,
    )
    expect(job).toMatchObject({
      jobKind: 'create-cycle-contributions',
      jobStatus: 'Completed',
      percentage: 100,
      chunks: { pending: 0, failed: 0 },
      errors: [],
      error: null,
    })
    expect(job.processed).toBe(job.total)
    expect(job.log.map((event) => event.eventName)).toEqual([
      'ContributionCycleInitiated',
      'ContributionCycleActivated',
      'AgentsNotified',
    ])
  })

  test('healthz and readyz answer', async () => {
    expect((await api.get('/healthz')).body).toEqual({ status: 'ok' })
    const ready = await api.get('/readyz')
    expect([ready.status, ready.body]).toEqual([200, { ok: true, checks: { database: 'ok', queue: 'ok' } }])
  })

  test('the OpenAPI document is 3.1, complete, and has every route', async () => {
    const { status, body } = await api.get<{
      openapi: string
      paths: Record<string, Record<string, object>>
    }>('/api/openapi.json')
    expect(status).toBe(200)
    expect(body.openapi).toMatch(/^3\.1\.\d+$/)
    const routes = Object.entries(body.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(routes.toSorted()).toEqual(documented.toSorted())
    for (const operations of Object.values(body.paths)) {
      for (const operation of Object.values(operations)) {
        expect(operation).toMatchObject({ summary: expect.any(String), responses: expect.any(Object) })
      }
    }
    const references = [...JSON.stringify(body).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(
      ([, path = '']) => path,
    )
    expect(references.length).toBeGreaterThan(10)
    for (const reference of references) {
      const found = reference
        .split('/')
        .reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], body)
      expect(found, reference).toBeDefined()
    }
  })

  test('the reference page answers', async () => {
    const { status, text, headers } = await api.get('/api/docs')
    expect([status, headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')])
    expect(text).toContain('swagger-ui')
  })
})

/** Every route of the API. */
const documented = `
  GET /healthz
  GET /metrics
  GET /readyz
  GET /api/fund
  PATCH /api/fund
  GET /api/tiers
  POST /api/tiers
  PATCH /api/tiers/{tierId}
  GET /api/agents
  POST /api/agents
  PATCH /api/agents/{agentId}
  DELETE /api/agents/{agentId}
  POST /api/agents/{agentId}/move-members
  DELETE /api/tiers/{tierId}
  GET /api/approvals
  POST /api/users/{userId}/confirmation
  POST /api/users/{userId}/confirmation/approval
  DELETE /api/users/{userId}/confirmation
  POST /api/fund/self-approval
  POST /api/fund/self-approval/approval
  DELETE /api/fund/self-approval
  GET /api/imports
  GET /api/imports/{importId}/changes
  POST /api/imports/{importId}/undo
  POST /api/imports/requests/{subject}/approval
  DELETE /api/imports/requests/{subject}
  POST /api/claims/{claimId}/revocation
  POST /api/claims/{claimId}/revocation/approval
  DELETE /api/claims/{claimId}/revocation
  POST /api/contribution-cycles/requests
  POST /api/contribution-cycles/requests/{claimId}/approval
  DELETE /api/contribution-cycles/requests/{claimId}
  POST /api/contribution-cycles/{cycleId}/revocation
  POST /api/contribution-cycles/{cycleId}/revocation/approval
  DELETE /api/contribution-cycles/{cycleId}/revocation
  POST /api/contribution-cycles/{cycleId}/waive
  POST /api/contribution-cycles/{cycleId}/waive/undo
  GET /api/contribution-cycles/{cycleId}/collected
  GET /api/payments
  POST /api/payments
  GET /api/payments/{paymentId}
  POST /api/payments/{paymentId}/reverse
  GET /api/payment-sources
  POST /api/payment-sources
  GET /api/members/{memberId}/wallet
  POST /api/members/{memberId}/wallet/refund
  POST /api/members/{memberId}/wallet/refund/approval
  DELETE /api/members/{memberId}/wallet/refund
  GET /api/transfers
  GET /api/ledger/balances
  GET /api/ledger/journal
  GET /api/members
  POST /api/members
  GET /api/members/{memberId}
  PATCH /api/members/{memberId}
  POST /api/members/{memberId}/erasure
  DELETE /api/members/{memberId}/erasure
  POST /api/members/{memberId}/erasure/approval
  GET /api/members/{memberId}/contributions
  POST /api/members/import
  POST /api/members/import/preview
  POST /api/agents/import
  GET /api/import-profiles
  PUT /api/import-profiles/{profileName}
  GET /api/claims
  POST /api/claims
  GET /api/claims/{claimId}
  POST /api/claims/{claimId}/approve
  POST /api/claims/{claimId}/reject
  GET /api/contribution-cycles
  POST /api/contribution-cycles
  POST /api/contribution-cycles/preview
  GET /api/contribution-cycles/{cycleId}
  GET /api/contribution-cycles/{cycleId}/creation-progress
  GET /api/contribution-cycles/{cycleId}/creation-progress/stream
  POST /api/contribution-cycles/{cycleId}/pause
  POST /api/contribution-cycles/{cycleId}/resume
  POST /api/contribution-cycles/{cycleId}/cancel
  POST /api/contribution-cycles/{cycleId}/retry
  GET /api/contribution-cycles/{cycleId}/events
  GET /api/contribution-cycles/{cycleId}/contributions
  GET /api/contribution-cycles/{cycleId}/contributions.csv
  GET /api/contribution-cycles/{cycleId}/agents
  GET /api/notices
  GET /api/notices/stream
  POST /api/notices/read
  GET /api/notice-preferences
  PUT /api/notice-preferences
  GET /api/members/{memberId}/notice-preferences
  PUT /api/members/{memberId}/notice-preferences
  GET /api/agents/{agentId}/notice-preferences
  PUT /api/agents/{agentId}/notice-preferences
  GET /api/deliveries
  POST /api/deliveries/{deliveryId}/resend
  GET /api/notice-templates
  PUT /api/notice-templates/{noticeKind}/{form}/{language}
  DELETE /api/notice-templates/{noticeKind}/{form}/{language}
  POST /api/notice-templates/preview
  GET /api/webhooks
  POST /api/webhooks
  PATCH /api/webhooks/{endpointId}
  POST /api/webhooks/{endpointId}/rotate-secret
  GET /api/jobs
  GET /api/jobs/{jobId}
  POST /api/session
  POST /api/session/code
  POST /api/session/confirm
  GET /api/session
  DELETE /api/session
  POST /api/session/second-factor
  POST /api/session/second-factor/code
  POST /api/session/password
  GET /api/sessions
  DELETE /api/sessions/{sessionId}
  POST /api/password-links
  POST /api/password
  POST /api/set-up
  GET /api/users
  POST /api/users
  PATCH /api/users/{userId}
  POST /api/users/{userId}/reset
  GET /api/api-keys
  POST /api/api-keys
  DELETE /api/api-keys/{keyId}
  GET /api/audit
  GET /api/audit.csv`
  .trim()
  .split(/\s*\n\s*/)

describe('agents and tiers', () => {
  test('an agent is changed, hands all members to another, and is retired', async () => {
    const tierId = await registerTier(api.db, { tierCode: 'AM', members: 6 })
    const add = async (agentCode: string) =>
      (await api.post<AgentRow>('/api/agents', { agentCode, fullName: agentCode })).body
    const [from, to] = [await add('AM-from'), await add('AM-to')]
    await sql`update members set agent_id = ${from.agentId} where tier_id = ${tierId}`.execute(api.db)
    const changes = { fullName: 'Meera Das', email: 'meera@example.org', phone: '+91 98200 00001' }
    expect((await api.patch<AgentRow>(`/api/agents/${from.agentId}`, changes)).body).toEqual({
      ...from,
      ...changes,
    })

    // What was asked in a cycle that is Active stays with who had the members then.
    const { claimId } = await approveDeath(api.db, { tierCode: 'AM' })
    const { cycleId } = await startActive({ claimId })
    const shares = async () =>
      (
        await api.get<{ items: { agentCode: string; members: number }[] }>(`${cycles}/${cycleId}/agents`)
      ).body.items.map(({ agentCode, members }) => [agentCode, members])
    expect(await shares()).toEqual([['AM-from', 5]])
    const owed = await getContributions(cycleId, `?agentId=${from.agentId}`)
    expect(owed).toHaveLength(5)
    expect(refusal(await api.patch(`/api/agents/${from.agentId}`, { isRetired: true }))).toBe(
      '409 agent-in-use',
    )
    const move = `/api/agents/${from.agentId}/move-members`
    expect((await api.post(move, { toAgentId: to.agentId })).body).toEqual({ members: 5 })
    expect((await api.post(move, { toAgentId: to.agentId })).body).toEqual({ members: 0 })
    expect(await shares()).toEqual([['AM-from', 5]])
    expect(await getContributions(cycleId, `?agentId=${from.agentId}`)).toEqual(owed)
    expect(await getContributions(cycleId, `?agentId=${to.agentId}`)).toEqual([])
    const next = await startActive({
      claimId: (await approveDeath(api.db, { tierCode: 'AM', number: 2 })).claimId,
    })
    const later = (await api.get<{ items: { agentCode: string }[] }>(`${cycles}/${next.cycleId}/agents`)).body
      .items
    expect(later.map(({ agentCode }) => agentCode)).toEqual(['AM-to'])

    expect(
      (await api.patch<AgentRow>(`/api/agents/${from.agentId}`, { isRetired: true })).body.retiredAt,
    ).toMatch(/^20/)
    const member = await api.post('/api/members', {
      memberCode: 'AM-new',
      fullName: 'N',
      tierId,
      agentId: from.agentId,
      joinedOn: '2020-01-01',
    })
    expect(refusal(member)).toBe('409 agent-retired')
    expect(
      refusal(await api.post(`/api/agents/${to.agentId}/move-members`, { toAgentId: from.agentId })),
    ).toBe('409 agent-retired')
    expect(
      (await api.patch<AgentRow>(`/api/agents/${from.agentId}`, { isRetired: false })).body.retiredAt,
    ).toBeNull()
  })

  test('what was never used can be removed, and what was used cannot', async () => {
    const agent = (await api.post<AgentRow>('/api/agents', { agentCode: 'RM', fullName: 'R' })).body
    const tier = (await api.post<TierRow>('/api/tiers', { tierCode: 'RM', tierName: 'R' })).body
    const usedId = await registerTier(api.db, { tierCode: 'RU', members: 2 })
    const [memberId] = await memberIdsOf(usedId)
    await api.patch(`/api/members/${memberId}`, { agentId: agent.agentId })
    await api.patch(`/api/members/${memberId}`, { agentId: null })
    expect(refusal(await api.delete(`/api/agents/${agent.agentId}`))).toBe('409 agent-in-use')
    expect(refusal(await api.delete(`/api/tiers/${usedId}`))).toBe('409 tier-in-use')
    expect((await api.delete(`/api/tiers/${tier.tierId}`)).status).toBe(204)
    expect(refusal(await api.delete(`/api/tiers/${tier.tierId}`))).toBe('404 tier-not-found')
    const other = (await api.post<AgentRow>('/api/agents', { agentCode: 'RM-2', fullName: 'R' })).body
    expect((await api.delete(`/api/agents/${other.agentId}`)).status).toBe(204)
    await api.patch(`/api/tiers/${usedId}`, { isRetired: true })
    const late = { memberCode: 'RU-9', fullName: 'N', tierId: usedId, joinedOn: '2020-01-01' }
    expect(refusal(await api.post('/api/members', late))).toBe('409 tier-retired')
  })
})

describe('an import over HTTP', () => {
  type Imported = ImportResult & { faults: RowFault[]; warnings: RowFault[] }
  const importCsv = (csv: string, query = '', contentType = 'text/csv') =>
    api.ask<Imported>(`/api/members/import${query}`, {
      method: 'POST',
      headers: { 'content-type': contentType },
      body: csv,
    })
  const header = 'memberCode,fullName,tier,status,joinedOn\n'
  const getCodes = async (prefix: string) =>
    (await api.pageThrough<MemberView>(`/api/members?code=${prefix}`, 200)).map((member) => member.memberCode)
  beforeAll(() => registerTier(api.db, { tierCode: 'U', members: 1 }))

  test('counts what it did; the same file again changes nothing', async () => {
    const csv = `${header}IMP-1,Ada,U,Active,2020-01-01\nIMP-2,Bo,U,Suspended,2021-02-03\n`
    const foretold = await importCsv(csv, '?dryRun=true')
    expect([foretold.status, foretold.body]).toEqual([
      200,
      expect.objectContaining({
        dryRun: true,
        rows: 2,
        inserted: 2,
        faulty: 0,
        faults: [],
        warnings: [],
        problems: [],
      }),
    ])
    expect(await getCodes('IMP-')).toEqual([])
    expect((await importCsv(csv)).body).toMatchObject({ dryRun: false, rows: 2, inserted: 2, unchanged: 0 })
    expect(await getCodes('IMP-')).toEqual(['IMP-1', 'IMP-2'])
    expect((await importCsv(csv, '', 'text/csv; charset=utf-8')).body).toMatchObject({
      inserted: 0,
      updated: 0,
      unchanged: 2,
    })
    const changed = csv.replace('Bo', 'Bob')
    expect((await importCsv(changed)).body).toMatchObject({ updated: 0, skipped: 1, unchanged: 1 })
    expect((await importCsv(changed, '?onDuplicate=update')).body).toMatchObject({ updated: 1, skipped: 0 })
    expect((await api.get<Page<MemberView>>('/api/members?code=IMP-2')).body.items[0]?.fullName).toBe('Bob')
  })

  test('lists every bad row with line, column, value and reason, and keeps the good ones', async () => {
    const { status, body } = await importCsv(
      `${header}BAD-1,Ada,U,Active,2020-01-01\nBAD-2,Bo,NOPE,Active,2020-01-01\nBAD-3,Cy,U,Active,2999-01-01\n`,
    )
    expect(status).toBe(200)
    expect(body).toMatchObject({ rows: 3, inserted: 1, faulty: 2 })
    expect(body.faults).toEqual([
      { line: 3, column: 'tier', value: 'NOPE', reason: expect.stringMatching(/\w/) },
      { line: 4, column: 'joinedOn', value: '2999-01-01', reason: expect.stringMatching(/future/) },
    ])
    expect(body.problems).toHaveLength(2)
    expect(await getCodes('BAD-')).toEqual(['BAD-1'])
  })

  test('lists the first thousand faults and the first thousand warnings, and counts all', async () => {
    const rows = Array.from({ length: 1_001 }, (_, index) => [
      `MANY-${index},Bo,NOPE,Active,2020-01-01,`,
      `MORE-${index},Bo,U,Active,2020-01-01,no-address`,
    ])
    const csv = `memberCode,fullName,tier,status,joinedOn,email\n${rows.flat().join('\n')}\n`
    const { body } = await importCsv(csv, '?dryRun=true')
    expect(body).toMatchObject({ rows: 2_002, faulty: 1_001, inserted: 1_001 })
    expect([body.faults.length, body.warnings.length]).toEqual([1_000, 1_000])
    expect([body.faults.at(-1)?.line, body.warnings.at(-1)?.line]).toEqual([2_000, 2_001])
  })

  test('follows the options for columns, dates and empty cells', async () => {
    const query = new URLSearchParams([
      ['dates', 'dmy'],
      ['map', 'No=memberCode'],
      ['map', 'Village='],
    ])
    const csv = 'No;Full Name;Tier;Status;Joined on;Village;Phone\nMAP-1;Ada;u;ACTIVE;31/12/2019;Pune;-\n'
    const { body } = await importCsv(csv, `?${query}`)
    expect(body).toMatchObject({
      inserted: 1,
      faults: [],
      warnings: [
        { line: 2, column: 'phone', value: '-', reason: expect.stringMatching(/without it/) },
        { line: 2, column: 'tier', value: 'u', reason: expect.stringMatching(/taken as U/) },
      ],
      statusChanges: [{ from: null, to: 'Active', members: 1 }],
    })
    const kept = new URLSearchParams([
      ['saveProfile', 'bank'],
      ['dates', 'dmy'],
      ['map', 'No=memberCode'],
      ['map', 'Village='],
    ])
    expect((await importCsv(csv, `?dryRun=true&${kept}`)).body).toMatchObject({ rows: 1, unchanged: 1 })
    expect((await importCsv(csv, '?dryRun=true&profile=bank')).body).toMatchObject({ rows: 1, unchanged: 1 })
    expect(refusal(await importCsv(csv, '?profile=nobody'))).toBe('400 invalid-input')
    const book = await api.ask<Imported>('/api/members/import', {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet' },
      body: await writeExcelFile([
        ['memberCode', 'fullName', 'tier', 'status', 'joinedOn'],
        ['MAP-2', 'Bela', 'U', 'Active', '2020-01-01'],
      ]).toBuffer(),
    })
    expect(book.body).toMatchObject({ rows: 1, inserted: 1 })
    const wrong = await api.ask<Problem>('/api/members/import?map=No', {
      method: 'POST',
      headers: { 'content-type': 'text/csv' },
      body: csv,
    })
    expect(refusal(wrong)).toBe('400 invalid-input')
  })

  test('is preceded by a look at how the file is read, whose columns nobody knows yet, and by keeping that', async () => {
    const preview = async (body: string | Buffer, query = '') =>
      api.ask<FilePreview & Problem>(`/api/members/import/preview${query}`, {
        method: 'POST',
        headers: { 'content-type': 'text/csv' },
        body,
      })
    const rows = Array.from({ length: 30 }, (_, index) => `MP-${index};Rao, Asha;31/12/2019;"Pune`)
    const csv = `Members of 2026\n\nNo;Name of member;Joined on;Village\nMP-1;"Rao; Asha";31/12/2019;Pune\n${rows.join('\n')}`
    const { status, body } = await preview(csv)
    expect(status).toBe(200)
    expect(body.headerLine).toBe(3)
    expect(body.rows).toHaveLength(12)
    expect(body.rows.slice(0, 3)).toEqual([
      { line: 1, fields: ['Members of 2026'], columns: [null] },
      {
        line: 3,
        fields: ['No', 'Name of member', 'Joined on', 'Village'],
        columns: [null, null, 'joinedOn', null],
      },
      { line: 4, fields: ['MP-1', 'Rao; Asha', '31/12/2019', 'Pune'], columns: [null, null, null, null] },
    ])
    const reading = { columns: ['No=memberCode', 'Name of member=fullName', 'Village='], dateOrder: 'dmy' }
    const saved = await api.ask<Problem>('/api/import-profiles/looked', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(reading),
    })
    expect([saved.status, saved.body]).toEqual([200, { profileName: 'looked', ...reading }])
    const { body: profiles } = await api.get<{ items: unknown[] }>('/api/import-profiles')
    expect(profiles.items).toContainEqual({ profileName: 'looked', ...reading })
    const known = (await preview(csv, '?profile=looked')).body.rows[1]
    expect(known?.columns).toEqual(['memberCode', 'fullName', 'joinedOn', ''])
    const book = await writeExcelFile([['Nr'], ['MP-2', 'Bela']]).toBuffer()
    expect((await preview(book)).body).toEqual({
      headerLine: 2,
      rows: [
        { line: 1, fields: ['Nr'], columns: [null] },
        { line: 2, fields: ['MP-2', 'Bela'], columns: [null, null] },
      ],
    })
    expect((await preview('\n\n')).body).toEqual({ rows: [], headerLine: null })
    expect(refusal(await preview('%PDF-1.7'))).toBe('422 import-refused')
    expect(refusal(await preview(csv, '?profile=nobody'))).toBe('400 invalid-input')
    const wrong = await api.ask<Problem>('/api/import-profiles/looked', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ columns: ['No'] }),
    })
    expect(refusal(wrong)).toBe('400 invalid-input')
  })

  test('of agents adds and changes them, and lists what is wrong', async () => {
    const importAgents = (csv: string, query: string, contentType = 'text/csv') =>
      api.ask<Omit<Imported, 'newAgents'>>(`/api/agents/import?${query}`, {
        method: 'POST',
        headers: { 'content-type': contentType },
        body: csv,
      })
    const csv = 'Collector,Name,Email\nIA-1,Ada,ada@example.org\nIA-2,,\n'
    const query = new URLSearchParams([['map', 'Collector=agentCode']])
    const { status, body } = await importAgents(csv, `${query}&dryRun=true`)
    expect(status).toBe(200)
    expect(body).toEqual({
      dryRun: true,
      rows: 2,
      inserted: 1,
      updated: 0,
      unchanged: 0,
      skipped: 0,
      faulty: 1,
      problems: [expect.objectContaining({ column: 'fullName', rows: 1 })],
      faults: [{ line: 3, column: 'fullName', value: '', reason: 'The fullName is missing.' }],
      warnings: [],
    })
    expect((await importAgents(csv, `${query}`)).body).toMatchObject({ dryRun: false, inserted: 1 })
    expect((await importAgents(csv.replace('Ada', 'Ida'), `${query}&update=true`)).body).toMatchObject({
      updated: 1,
    })
    const { body: agents } = await api.get<Page<AgentRow>>('/api/agents?limit=200')
    expect(agents.items.filter(({ agentCode }) => agentCode.startsWith('IA-'))).toMatchObject([
      { agentCode: 'IA-1', fullName: 'Ida', email: 'ada@example.org' },
    ])
    const bad = [
      await importAgents(csv, ''),
      await importAgents(csv, 'map=x'),
      await importAgents(csv, 'x=y'),
      await importAgents('{}', '', 'application/json'),
    ]
    expect(bad.map(refusal)).toEqual([
      '422 import-refused',
      '400 invalid-input',
      '400 invalid-input',
      '415 unsupported-media-type',
    ])
  })

  test('is undone completely while nothing depends on it', async () => {
    const tierId = await registerTier(api.db, { tierCode: 'UN', members: 3 })
    const registered = () => api.pageThrough<MemberView>(`/api/members?tierId=${tierId}`, 200)
    const withoutTime = (members: MemberView[]) => members.map(({ updatedAt: _, ...member }) => member)
    const before = withoutTime(await registered())
    const code = memberCode('UN', 1)
    const csv = `${header}${code},Renamed,UN,Suspended,2019-01-01\nUN-new-1,Ada,UN,Active,2020-01-01\nUN-new-2,Bo,UN,Suspended,2020-01-01\n`
    const { body: done } = await importCsv(csv, '?onDuplicate=update')
    expect(done).toMatchObject({ inserted: 2, updated: 1, importId: expect.any(String) })
    const changes = await api.pageThrough<{ memberCode: string; before: object; after: object }>(
      `/api/imports/${done.importId}/changes`,
      2,
    )
    expect(changes).toMatchObject([
      {
        memberCode: code,
        before: { fullName: before[0]?.fullName, memberStatus: 'Active', joinedOn: before[0]?.joinedOn },
        after: { fullName: 'Renamed', memberStatus: 'Suspended', joinedOn: '2019-01-01' },
      },
    ])
    const { items } = (await api.get<{ items: { importId: string; fileDigest: string }[] }>('/api/imports'))
      .body
    expect(items[0]).toMatchObject({
      importId: done.importId,
      fileDigest: createHash('sha256').update(csv).digest('hex'),
    })

    const undo = () =>
      api.post<{ removed: number; restored: number } & Problem>(`/api/imports/${done.importId}/undo`)
    // A row that somebody has changed since keeps all of it.
    const [added] = (await api.get<Page<MemberView>>('/api/members?code=UN-new-1')).body.items
    await api.patch(`/api/members/${added?.memberId}`, { fullName: 'Ada L.' })
    const refused = await undo()
    expect([refusal(refused), refused.body.detail]).toEqual([
      '409 import-in-use',
      '1 of its members were changed since, or have a claim, the first is UN-new-1.',
    ])
    expect(await registered()).toHaveLength(5)
    await sql`update members set updated_at = created_at where member_id = ${added?.memberId}`.execute(api.db)
    expect((await undo()).body).toMatchObject({ removed: 2, restored: 1 })
    expect(withoutTime(await registered())).toEqual(before)
    expect(
      await sql`select from standings where tier_id = ${tierId} and valid_to = 'infinity'`.execute(api.db),
    ).toMatchObject({
      rows: [{}, {}, {}],
    })
    expect(refusal(await undo())).toBe('409 import-undone')
    expect(refusal(await api.post(`/api/imports/${tierId}/undo`))).toBe('404 import-not-found')
    expect(refusal(await api.get(`/api/imports/${tierId}/changes`))).toBe('404 import-not-found')
    // The same file again is an import like any other.
    expect((await importCsv(csv)).body).toMatchObject({ inserted: 2, skipped: 1 })
  })

  test('is not undone once a cycle may include its members, nor is a member removed by hand', async () => {
    await registerTier(api.db, { tierCode: 'UO', members: 3 })
    const { body } = await importCsv(`${header}UO-1,Ada,UO,Active,2020-01-01\n`)
    const { claimId } = await approveDeath(api.db, { tierCode: 'UO' })
    const { cycleCode } = await startActive({ claimId })
    const refused = await api.post<Problem>(`/api/imports/${body.importId}/undo`)
    expect([refusal(refused), refused.body.detail]).toEqual([
      '409 import-in-use',
      `Cycle ${cycleCode} was started since: it may ask these members.`,
    ])
    for (const statement of [
      sql`delete from members where member_code = 'UO-1'`,
      sql`delete from standings where member_id = (select member_id from members where member_code = 'UO-1')`,
      sql`truncate members cascade`,
    ]) {
      await expect(statement.execute(api.db)).rejects.toThrow('is refused')
    }
  })

  test('that is refused leaves the connection usable', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const ask = async (method: string, path: string, body?: string) => {
      const asked = request(`${api.url}${path}`, {
        agent,
        method,
        headers: { 'content-type': 'text/csv', ...api.headers },
      })
      asked.end(body)
      const [response] = await once(asked, 'response')
      const { localPort } = response.socket
      await text(response)
      return [response.statusCode, localPort]
    }
    // More than is read ahead, so that the rest is still on its way when the first line is refused.
    const [status, port] = await ask('POST', '/api/members/import', `no,header\n${'x'.repeat(500_000)}`)
    expect(status).toBe(422)
    expect(await ask('GET', '/healthz')).toEqual([200, port])
    agent.destroy()
  })

  test('of a client that disconnects is stopped, and nothing is written', async () => {
    const before = await readdir(tmpdir())
    const asked = request(`${api.url}/api/members/import`, {
      method: 'POST',
      headers: { 'content-type': 'text/csv', ...api.headers },
    })
    asked.on('error', () => {})
    asked.write(`${header}GONE-1,Ada,U,Active,2020-01-01\n`)
    // What is sent is kept in a file until all of it is there.
    const uploads = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('almoner-upload-'))
    await until(uploads, (now) => now.some((name) => !before.includes(name)))
    const [own] = (await uploads()).filter((name) => !before.includes(name))
    asked.destroy()
    await until(uploads, (now) => own !== undefined && !now.includes(own))
    expect(await getCodes('GONE-')).toEqual([])
    expect((await api.get('/readyz')).status).toBe(200)
  })

  test('accepts only text/csv', async () => {
    for (const contentType of ['application/json', 'text/plain', 'application/octet-stream']) {
      expect(refusal(await importCsv('{}', '', contentType))).toBe('415 unsupported-media-type')
    }
  })
})
