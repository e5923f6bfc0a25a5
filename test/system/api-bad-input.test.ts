import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ClaimView } from '../../src/claims/claim-sql.ts'
import type { CycleView } from '../../src/cycles/cycle-sql.ts'
import type { Problem } from '../../src/platform/http/problem.ts'
import {
  type Answer,
  fingerprint,
  memberCode,
  openTestApi,
  refusal,
  type TestApi,
} from '../support/api-client.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'

const cycles = '/api/contribution-cycles'
const nowhere = '11111111-1111-4111-8111-111111111111'

let api: TestApi
/** Ids of what the requests are about. */
let ids: Record<'tier' | 'living' | 'dead' | 'claimless' | 'approved' | 'submitted' | 'rejected', string> &
  Record<'withCycle' | 'ofEmptyTier' | 'ofTierWithoutAmount' | 'cycle', string>
let cycleCode: string

/** Without a worker: nothing is written but by the requests themselves. */
beforeAll(async () => {
  api = await openTestApi({ worker: false })
  const { db } = api
  const tier = await registerTier(db, { members: 12 })
  await registerTier(db, { tierCode: 'E', members: 1 })
  const free = await registerTier(db, { tierCode: 'N', members: 3 })
  await api.patch(`/api/tiers/${free}`, { contributionAmount: null })
  const dead = await approveDeath(db, { number: 1 })
  const withCycle = await approveDeath(db, { number: 2 })
  const { body: started } = await api.post<{ cycle: CycleView }>(cycles, { claimId: withCycle.claimId })
  cycleCode = started.cycle.cycleCode
  const submit = async (number: number) => {
    const deceasedMemberId = await memberId(number)
    const claim = { deceasedMemberId, dateOfDeath: '2026-01-02', benefitAmount: 1_000_000 }
    return (await api.post<ClaimView>('/api/claims', claim)).body.claimId
  }
  const rejected = await submit(4)
  await api.post(`/api/claims/${rejected}/reject`, { reason: 'No proof' })
  ids = {
    tier,
    living: await memberId(5),
    dead: dead.deceasedMemberId,
    claimless: await memberId(6),
    approved: dead.claimId,
    submitted: await submit(3),
    rejected,
    withCycle: withCycle.claimId,
    ofEmptyTier: (await approveDeath(db, { tierCode: 'E' })).claimId,
    ofTierWithoutAmount: (await approveDeath(db, { tierCode: 'N' })).claimId,
    cycle: started.cycle.cycleId,
  }
})
afterAll(() => api.close())

async function memberId(number: number): Promise<string> {
  const { body } = await api.get<{ items: { memberId: string }[] }>(
    `/api/members?code=${memberCode('A', number)}`,
  )
  return body.items[0]?.memberId ?? ''
}

/** No stack, and none of the words of the database. */
const secrets =
  /node_modules|\bat \S+:\d+|\bselect\b|\binsert\b|violates|constraint|relation|postgres|syntax error|duplicate key|pg_|kysely|zod/i

function expectProblem(answer: Answer<unknown>): Problem {
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  const problem = answer.body as Problem
  expect(problem).toMatchObject({
    type: expect.stringMatching(/^urn:almoner:problem:[a-z-]+$/),
    title: expect.stringMatching(/\w/),
    status: answer.status,
    detail: expect.stringMatching(/\w/),
  })
  expect(answer.text).not.toMatch(secrets)
  return problem
}

const everywhere = ['public', 'bullmq']

type Case = [what: string, expected: string, send: () => Promise<Answer<unknown>>, pointer?: string]

const start = (fields: object) => api.post(cycles, { claimId: ids.approved, ...fields })
const raw = (method: string, path: string, body: string | Uint8Array, contentType?: string) =>
  api.ask(path, { method, body, ...(contentType && { headers: { 'content-type': contentType } }) })
const json = 'application/json'
const member = (fields: object) =>
  api.post('/api/members', {
    memberCode: 'NEW-1',
    fullName: 'New Member',
    tierId: ids.tier,
    joinedOn: '2020-01-01',
    ...fields,
  })
const claim = (fields: object) =>
  api.post('/api/claims', {
    deceasedMemberId: ids.claimless,
    dateOfDeath: '2026-01-02',
    benefitAmount: 100,
    ...fields,
  })
const cursorOf = (...values: unknown[]) => Buffer.from(JSON.stringify(values)).toString('base64url')

/** A start and a preview refuse the same. */
const starts: [what: string, expected: string, fields: () => object, pointer?: string][] = [
  ['an unknown claim', '404 claim-not-found', () => ({ claimId: nowhere })],
  ['a claim that is not approved', '409 claim-not-approved', () => ({ claimId: ids.submitted })],
  ['a claim that was rejected', '409 claim-not-approved', () => ({ claimId: ids.rejected })],
  ['a claim that has its cycle', '409 claim-has-cycle', () => ({ claimId: ids.withCycle })],
  ['a tier with nobody in it', '422 tier-has-no-members', () => ({ claimId: ids.ofEmptyTier })],
  ['a tier without an amount', '422 tier-has-no-amount', () => ({ claimId: ids.ofTierWithoutAmount })],
  ['no claim', '400 invalid-input', () => ({ claimId: undefined }), '/claimId'],
  ['a claim id that is none', '400 invalid-input', () => ({ claimId: 'CL-1' }), '/claimId'],
  ...[0, -1, 99.5, 2 ** 53, '100', null, true, 'apportioned'].map(
    (contributionAmount): (typeof starts)[number] => [
      `the amount ${JSON.stringify(contributionAmount)}`,
      '400 invalid-input',
      () => ({ contributionAmount }),
      '/contributionAmount',
    ],
  ),
  ['amounts that cannot be summed', '400 invalid-input', () => ({ contributionAmount: 2 ** 53 - 1 })],
  ...[0, -1, 366, 1.5, '15', null].map((cycleDuration): (typeof starts)[number] => [
    `the duration ${JSON.stringify(cycleDuration)}`,
    '400 invalid-input',
    () => ({ cycleDuration }),
    '/cycleDuration',
  ]),
  [
    'an instant in the future',
    '422 eligible-as-of-in-future',
    () => ({ eligibleAsOf: new Date(Date.now() + 60_000).toISOString() }),
  ],
  [
    'an instant at which nobody was in standing',
    '422 tier-has-no-members',
    // An offset that PostgreSQL itself would not take.
    () => ({ eligibleAsOf: '1990-01-01T00:00:00+23:00' }),
  ],
  ...[
    'yesterday',
    '2026-01-01',
    '2026-01-01T10:00:00',
    '2026-02-30T10:00:00Z',
    '2026-01-01T10:00:00+24:00',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+10:00',
    '2026-01-01T00:00:00.1234567890Z',
    'infinity',
    7,
  ].map((eligibleAsOf): (typeof starts)[number] => [
    `the instant ${eligibleAsOf}`,
    '400 invalid-input',
    () => ({ eligibleAsOf }),
    '/eligibleAsOf',
  ]),
  ['an unknown strategy', '400 invalid-input', () => ({ strategy: 'fast' }), '/strategy'],
  ['an unknown field', '400 invalid-input', () => ({ contributionAmmount: 5 }), '/contributionAmmount'],
  ['a NUL in a text', '400 invalid-input', () => ({ claimId: '\0' }), '/claimId'],
]

const cases: Case[] = [
  ...starts.flatMap(([what, expected, fields, pointer]): Case[] =>
    ['', '/preview'].map((verb) => [
      `${verb ? 'a preview' : 'a start'} with ${what}`,
      expected,
      () => api.post(`${cycles}${verb}`, { claimId: ids.approved, ...fields() }),
      ...(pointer === undefined ? ([] as const) : ([pointer] as const)),
    ]),
  ),

  [
    'a field for a verb that takes none',
    '400 invalid-input',
    () => api.post(`/api/claims/${ids.submitted}/approve`, { approvedBy: 'me' }),
    '/approvedBy',
  ],
  ['malformed JSON', '400 invalid-input', () => raw('POST', cycles, '{"claimId":', json)],
  ['an empty JSON body', '400 invalid-input', () => raw('POST', cycles, '', json)],
  ['no body', '400 invalid-input', () => api.post(cycles), ''],
  ['a list as body', '400 invalid-input', () => raw('POST', cycles, '[]', json), ''],
  ['null as body', '400 invalid-input', () => raw('POST', cycles, 'null', json), ''],
  [
    'a body that poisons prototypes',
    '400 invalid-input',
    () => raw('POST', cycles, '{"__proto__":{}}', json),
  ],
  [
    'a number beyond all numbers',
    '400 invalid-input',
    () => raw('POST', '/api/claims', '{"benefitAmount":1e400}', json),
  ],
  [
    'a body over the limit',
    '413 body-too-large',
    () => raw('POST', cycles, ' '.repeat(1024 * 1024 + 1), json),
  ],
  ['a body of plain text', '415 unsupported-media-type', () => raw('POST', cycles, '{}', 'text/plain')],
  [
    'a form',
    '415 unsupported-media-type',
    () => raw('POST', cycles, 'a=b', 'application/x-www-form-urlencoded'),
  ],
  ['CSV where JSON belongs', '415 unsupported-media-type', () => raw('POST', cycles, 'a,b', 'text/csv')],
  [
    'a body of no content type',
    '415 unsupported-media-type',
    () => raw('POST', cycles, new Uint8Array([123])),
  ],
  [
    'JSON where CSV belongs',
    '415 unsupported-media-type',
    () => raw('POST', '/api/members/import', '{}', json),
  ],
  ['an import without a body', '415 unsupported-media-type', () => api.post('/api/members/import')],
  ['an import of nothing', '422 import-refused', () => raw('POST', '/api/members/import', '', 'text/csv')],
  [
    'an import without its columns',
    '422 import-refused',
    () => raw('POST', '/api/members/import', 'a,b\n1,2\n', 'text/csv'),
  ],
  [
    'an import with an unknown option',
    '400 invalid-input',
    () => raw('POST', '/api/members/import?onduplicate=skip', 'a', 'text/csv'),
    '?onduplicate',
  ],

  ...['not-a-uuid', '7', '%00', `${nowhere}x`, 'x'.repeat(300)].flatMap((id): Case[] => [
    [`a cycle called ${id.slice(0, 40)}`, '404 not-found', () => api.get(`${cycles}/${id}`)],
    [`a pause of ${id.slice(0, 40)}`, '404 not-found', () => api.post(`${cycles}/${id}/pause`)],
    [`a claim called ${id.slice(0, 40)}`, '404 not-found', () => api.post(`/api/claims/${id}/approve`)],
    [`a member called ${id.slice(0, 40)}`, '404 not-found', () => api.patch(`/api/members/${id}`, {})],
  ]),
  ...[
    '',
    '/creation-progress',
    '/creation-progress/stream',
    '/events',
    '/contributions',
    '/contributions.csv',
  ].map(
    (part): Case => [
      `an unknown cycle${part}`,
      '404 cycle-not-found',
      () => api.get(`${cycles}/${nowhere}${part}`),
    ],
  ),
  ...['pause', 'resume', 'cancel', 'retry'].map(
    (verb): Case => [
      `an unknown cycle to ${verb}`,
      '404 cycle-not-found',
      () => api.post(`${cycles}/${nowhere}/${verb}`),
    ],
  ),
  ['an unknown member', '404 member-not-found', () => api.get(`/api/members/${nowhere}`)],
  [
    'an unknown member to change',
    '404 member-not-found',
    () => api.patch(`/api/members/${nowhere}`, { fullName: 'X' }),
  ],
  [
    'an unknown tier to change',
    '404 tier-not-found',
    () => api.patch(`/api/tiers/${nowhere}`, { tierName: 'X' }),
  ],
  ['an unknown claim', '404 claim-not-found', () => api.get(`/api/claims/${nowhere}`)],
  ['an unknown claim to approve', '404 claim-not-found', () => api.post(`/api/claims/${nowhere}/approve`)],
  [
    'an unknown claim to reject',
    '404 claim-not-found',
    () => api.post(`/api/claims/${nowhere}/reject`, { reason: 'X' }),
  ],
  ['an unknown job', '404 job-not-found', () => api.get(`/api/jobs/${nowhere}`)],
  ['an unknown route', '404 not-found', () => api.get('/api/nothing')],
  ['a method that a route has not', '404 not-found', () => api.ask('/api/fund', { method: 'DELETE' })],
  ['a path that is no path', '404 not-found', () => api.get('/api/%zz')],

  ...['tiers', 'agents', 'members', 'claims', 'contribution-cycles', 'jobs'].flatMap((list): Case[] => [
    ...['0', '201', 'abc', '1.5', '', '-1', '1&limit=2'].map(
      (limit): Case => [
        `${list} with limit=${limit}`,
        '400 invalid-input',
        () => api.get(`/api/${list}?limit=${limit}`),
        '?limit',
      ],
    ),
    ...['abc', '%00', cursorOf(), cursorOf('a\0b'), cursorOf(null, 3), 'x'.repeat(2001)].map(
      (cursor): Case => [
        `${list} with cursor ${cursor.slice(0, 20)}`,
        '400 invalid-input',
        () => api.get(`/api/${list}?cursor=${cursor}`),
      ],
    ),
    [
      `${list} with a misspelt parameter`,
      '400 invalid-input',
      () => api.get(`/api/${list}?Limit=5`),
      '?Limit',
    ],
  ]),
  ...['claims', 'contribution-cycles', 'jobs'].flatMap((list): Case[] => [
    [
      `${list} in an unknown state`,
      '400 invalid-input',
      () => api.get(`/api/${list}?status=Lost`),
      '?status',
    ],
    ...['0000-01-01T00:00:00Z', '2026-01-01T00:00:00+23:00', `2026-01-01T00:00:00.${'1'.repeat(200)}Z`].map(
      (instant): Case => [
        `${list} from a cursor with ${instant.slice(0, 30)}`,
        '400 invalid-input',
        () => api.get(`/api/${list}?cursor=${cursorOf(instant, nowhere)}`),
        '?cursor',
      ],
    ),
  ]),
  [
    'a cycle with a query parameter',
    '400 invalid-input',
    () => api.get(`${cycles}/${ids.cycle}?full=1`),
    '?full',
  ],
  [
    'a start with a query parameter',
    '400 invalid-input',
    () => api.post(`${cycles}?dryRun=1`, { claimId: ids.approved }),
    '?dryRun',
  ],
  [
    'contributions with limit=201',
    '400 invalid-input',
    () => api.get(`${cycles}/${ids.cycle}/contributions?limit=201`),
    '?limit',
  ],
  [
    'contributions in an unknown state',
    '400 invalid-input',
    () => api.get(`${cycles}/${ids.cycle}/contributions?status=Late`),
    '?status',
  ],
  [
    'contributions of an agent that is none',
    '400 invalid-input',
    () => api.get(`${cycles}/${ids.cycle}/contributions?agentId=AG-1`),
    '?agentId',
  ],
  [
    'contributions by an empty text',
    '400 invalid-input',
    () => api.get(`${cycles}/${ids.cycle}/contributions?q=`),
    '?q',
  ],
  [
    'contributions by a NUL',
    '400 invalid-input',
    () => api.get(`${cycles}/${ids.cycle}/contributions?q=%00`),
  ],
  [
    'contributions from a bad cursor',
    '400 invalid-input',
    () => api.get(`${cycles}/${ids.cycle}/contributions?cursor=zz`),
    '?cursor',
  ],
  [
    'events from a bad cursor',
    '400 invalid-input',
    () => api.get(`${cycles}/${ids.cycle}/events?cursor=${cursorOf(2 ** 60)}`),
    '?cursor',
  ],

  ...['has a space', '', 'x'.repeat(256), 'Grün'].map(
    (key): Case => [
      `the Idempotency-Key "${key.slice(0, 20)}"`,
      '400 invalid-input',
      () => api.post(cycles, { claimId: ids.approved }, { 'idempotency-key': key }),
      'idempotency-key',
    ],
  ),

  ['a member of an unknown tier', '404 tier-not-found', () => member({ tierId: nowhere })],
  ['a member of an unknown agent', '404 agent-not-found', () => member({ agentId: nowhere })],
  [
    'a member moved to an unknown tier',
    '404 tier-not-found',
    () => api.patch(`/api/members/${ids.living}`, { tierId: nowhere }),
  ],
  [
    'a member moved to an unknown agent',
    '404 agent-not-found',
    () => api.patch(`/api/members/${ids.living}`, { agentId: nowhere }),
  ],
  ['a member code that is taken', '409 member-code-taken', () => member({ memberCode: memberCode('A', 1) })],
  [
    'a member who joins in the future',
    '400 invalid-input',
    () => member({ joinedOn: '2999-01-01' }),
    '/joinedOn',
  ],
  [
    'a member changed to join in the future',
    '400 invalid-input',
    () => api.patch(`/api/members/${ids.living}`, { joinedOn: '2999-01-01' }),
    '/joinedOn',
  ],
  ...['0000-01-01', '2026-02-30', '01.02.2020', '2020-1-1', '', 7, null].map(
    (joinedOn): Case => [
      `a member who joined on ${joinedOn}`,
      '400 invalid-input',
      () => member({ joinedOn }),
      '/joinedOn',
    ],
  ),
  ['a member with a NUL in the name', '400 invalid-input', () => member({ fullName: 'A\0B' }), '/fullName'],
  ['a member with a NUL in the wallet', '400 invalid-input', () => member({ walletId: 'A\0B' })],
  ['a member whose name is a formula', '400 invalid-input', () => member({ fullName: '=1+1' }), '/fullName'],
  ['a member with two unknown fields', '400 invalid-input', () => member({ age: 7, sex: 'f' }), '/age'],
  ['a member without a name', '400 invalid-input', () => member({ fullName: undefined }), '/fullName'],
  [
    'a member in an unknown state',
    '400 invalid-input',
    () => member({ memberStatus: 'Lost' }),
    '/memberStatus',
  ],
  ['a change that changes nothing', '400 invalid-input', () => api.patch(`/api/members/${ids.living}`, {})],
  [
    'a change of a code',
    '400 invalid-input',
    () => api.patch(`/api/members/${ids.living}`, { memberCode: 'X' }),
    '/memberCode',
  ],
  [
    'another tier for one who has died',
    '409 member-deceased',
    () => api.patch(`/api/members/${ids.dead}`, { tierId: ids.tier }),
  ],
  [
    'the dead brought back',
    '409 member-deceased',
    () => api.patch(`/api/members/${ids.dead}`, { memberStatus: 'Active' }),
  ],
  [
    'a tier code that is taken',
    '409 tier-code-taken',
    () => api.post('/api/tiers', { tierCode: 'A', tierName: 'A' }),
  ],
  [
    'a tier with the amount 0',
    '400 invalid-input',
    () => api.post('/api/tiers', { tierCode: 'Z', tierName: 'Z', contributionAmount: 0 }),
    '/contributionAmount',
  ],
  [
    'an agent code that is taken',
    '409 agent-code-taken',
    () => api.post('/api/agents', { agentCode: 'AG-001', fullName: 'A' }),
  ],
  [
    'an agent with a bad e-mail address',
    '400 invalid-input',
    () => api.post('/api/agents', { agentCode: 'Z', fullName: 'A', email: 'at' }),
    '/email',
  ],
  ['a currency that is none', '400 invalid-input', () => api.patch('/api/fund', { currency: 'usd' })],
  [
    'another currency while amounts are kept',
    '409 fund-in-use',
    () => api.patch('/api/fund', { currency: 'EUR' }),
  ],
  [
    'a time zone that is none',
    '400 invalid-input',
    () => api.patch('/api/fund', { timeZone: 'Mars/Olympus' }),
  ],
  [
    'the prefix that claims have',
    '400 invalid-input',
    () => api.patch('/api/fund', { cycleCodePrefix: 'CL' }),
    '/cycleCodePrefix',
  ],
  [
    'a rounding step of 0',
    '400 invalid-input',
    () => api.patch('/api/fund', { roundingStep: 0 }),
    '/roundingStep',
  ],

  ['a claim for an unknown member', '404 member-not-found', () => claim({ deceasedMemberId: nowhere })],
  ['a second claim for a member', '409 claim-exists', () => claim({ deceasedMemberId: ids.dead })],
  ['a death in the future', '400 invalid-input', () => claim({ dateOfDeath: '2999-01-01' }), '/dateOfDeath'],
  ['a death before joining', '400 invalid-input', () => claim({ dateOfDeath: '2019-12-31' }), '/dateOfDeath'],
  ...['0000-01-01', '2026-02-30', 'Monday', '2026-01-02T00:00:00Z', 20260102].map(
    (dateOfDeath): Case => [
      `a death on ${dateOfDeath}`,
      '400 invalid-input',
      () => claim({ dateOfDeath }),
      '/dateOfDeath',
    ],
  ),
  ...[0, -5, 1.5, 2 ** 53, '100'].map(
    (benefitAmount): Case => [
      `a benefit of ${JSON.stringify(benefitAmount)}`,
      '400 invalid-input',
      () => claim({ benefitAmount }),
      '/benefitAmount',
    ],
  ),
  [
    'an approved claim approved again',
    '409 claim-not-submitted',
    () => api.post(`/api/claims/${ids.approved}/approve`),
  ],
  [
    'a rejected claim approved',
    '409 claim-not-submitted',
    () => api.post(`/api/claims/${ids.rejected}/approve`),
  ],
  [
    'an approved claim rejected',
    '409 claim-not-submitted',
    () => api.post(`/api/claims/${ids.approved}/reject`, { reason: 'X' }),
  ],
  [
    'a rejection without a reason',
    '400 invalid-input',
    () => api.post(`/api/claims/${ids.submitted}/reject`, {}),
    '/reason',
  ],
]

describe('refused, and nothing written:', () => {
  let before: Record<string, string> | undefined
  test.each(cases)('%s → %s', async (_what, expected, send, pointer) => {
    before ??= await fingerprint(api.db, everywhere)
    const answer = await send()
    expect(refusal(answer)).toBe(expected)
    const { errors } = expectProblem(answer)
    if (pointer !== undefined) {
      expect(errors?.map((fault) => fault.pointer)).toContain(pointer)
      for (const fault of errors ?? []) expect(fault.detail).toMatch(/\w/)
    }
    const [expectedRows, rows] = [before, await fingerprint(api.db, everywhere)]
    before = rows
    expect(rows).toEqual(expectedRows)
  })
})

test('a claim that has its cycle is told which', async () => {
  const answer = await start({ claimId: ids.withCycle })
  expect((answer.body as Problem).detail).toContain(cycleCode)
})

test('all faults of a body are told at once', async () => {
  const { body } = await start({ claimId: 'x', contributionAmount: 0, cycleDuration: 0, extra: 1 })
  const pointers = (body as Problem).errors?.map((fault) => fault.pointer)
  expect(pointers?.toSorted()).toEqual(['/claimId', '/contributionAmount', '/cycleDuration', '/extra'])
})

test.each([
  ['hybrid', 7],
  ['queued', 8],
])(
  'of ten %s starts at once for one claim, one gets through and nine are told why',
  async (strategy, number) => {
    const { claimId } = await approveDeath(api.db, { number })
    const answers = await Promise.all(Array.from({ length: 10 }, () => start({ claimId, strategy })))
    const [through, refused] = [answers.filter((a) => a.status < 300), answers.filter((a) => a.status >= 300)]
    expect(through.map((answer) => answer.status)).toEqual([expect.toBeOneOf([201, 202])])
    expect(refused.map(refusal)).toEqual(Array(9).fill('409 claim-has-cycle'))
    for (const answer of refused)
      expect(expectProblem(answer).detail).toMatch(/^Claim CL-\d{4}-\d{5} has .*cycle/)
    const { rows } = await api.app.database.pool.query(
      `select (select count(*) from contribution_cycles where claim_id = $1) as cycles,
      (select count(*) from jobs join contribution_cycles on subject = cycle_id
        where claim_id = $1 and job_kind = 'create-cycle-contributions') as jobs`,
      [claimId],
    )
    expect(rows).toEqual([{ cycles: 1, jobs: 1 }])
  },
)
