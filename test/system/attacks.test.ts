/**
 * Attacks against a server that runs as it does for a fund. docs/security.md lists the same names; each attack asserts
 * that it gained nothing.
 */
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  type Answer,
  activeCycle,
  openTestApi,
  type Page,
  refusal,
  type TestApi,
} from '../support/api-client.ts'
import { password, register, signedIn, visit } from '../support/browser-client.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'

type Visitor = ReturnType<typeof visit>

const nowhere = '11111111-1111-4111-8111-111111111111'
const cyclesPath = '/api/contribution-cycles'

let api: TestApi
let admin: Visitor
let clerk: Visitor
let agent: Visitor
let mine: string
let theirs: string
beforeAll(async () => {
  api = await openTestApi({ worker: true })
  await registerTier(api.db, { members: 60 })
  const agents = await api.db.selectFrom('agents').select('agentId').orderBy('agentCode').limit(2).execute()
  ;[mine = '', theirs = ''] = agents.map(({ agentId }) => agentId)
  admin = await signedIn(api, 'admin')
  clerk = await signedIn(api, 'clerk')
  agent = await signedIn(api, 'agent', mine)
})
afterAll(() => api.close())
beforeEach(() => sql`delete from rate_limits`.execute(api.db))

const names: string[] = []

/** Each name stands in docs/security.md too. */
function attack(name: string, attempt: () => Promise<void>): void {
  names.push(name)
  test(name, attempt)
}

const memberOf = async (agentId: string) =>
  (
    await api.db
      .selectFrom('members')
      .select('memberId')
      .where('agentId', '=', agentId)
      .where('memberStatus', '=', 'Active')
      .limit(1)
      .executeTakeFirstOrThrow()
  ).memberId

async function cycleOf(number: number): Promise<string> {
  const { claimId } = await approveDeath(api.db, { number })
  return (await activeCycle(api, claimId)).cycleId
}

/** What a server answers to bytes that no HTTP library would send. */
async function raw(bytes: string): Promise<string> {
  const { hostname, port } = new URL(api.url)
  const socket = connect(Number(port), hostname)
  socket.write(bytes)
  return text(socket)
}

const keyOf = async (permissions: string[]) =>
  (await admin.ask<{ key: string; keyId: string }>('POST', '/api/api-keys', { keyName: 'k', permissions }))
    .body
const withKey = (key: string, path: string, init: RequestInit = {}) =>
  api.ask(path, { ...init, headers: { authorization: `Bearer ${key}` } })

attack('an agent reads the member of another agent', async () => {
  const memberId = await memberOf(theirs)
  expect(refusal(await agent.ask('GET', `/api/members/${memberId}`))).toBe('404 member-not-found')
  const absent = await agent.ask<{ instance: string }>('GET', `/api/members/${nowhere}`)
  const present = await agent.ask<{ instance: string }>('GET', `/api/members/${memberId}`)
  expect({ ...present.body, instance: '' }).toEqual({ ...absent.body, instance: '' })
})

attack('an agent reads what the members of another agent owe', async () => {
  const cycleId = await cycleOf(50)
  const { body } = await agent.ask<Page<{ agentId: string }>>(
    'GET',
    `${cyclesPath}/${cycleId}/contributions?agentId=${theirs}`,
  )
  expect(new Set(body.items.map(({ agentId }) => agentId))).toEqual(new Set([mine]))
  const csv = await agent.ask('GET', `${cyclesPath}/${cycleId}/contributions.csv?agentId=${theirs}`)
  expect(csv.text).not.toContain('AG-002')
})

attack('an agent looks at a cycle that is being created', async () => {
  const cycleId = await cycleOf(51)
  await sql`update contribution_cycles set cycle_status = 'Initializing' where cycle_id = ${cycleId}`.execute(
    api.db,
  )
  for (const path of ['', '/contributions', '/contributions.csv']) {
    expect(refusal(await agent.ask('GET', `${cyclesPath}/${cycleId}${path}`))).toBe('404 cycle-not-found')
  }
  expect(refusal(await agent.ask('GET', `${cyclesPath}/${cycleId}/creation-progress/stream`))).toBe(
    '403 forbidden',
  )
  await sql`update contribution_cycles set cycle_status = 'Active' where cycle_id = ${cycleId}`.execute(
    api.db,
  )
})

attack('a clerk starts a cycle', async () => {
  const { claimId } = await approveDeath(api.db, { number: 52 })
  expect(refusal(await clerk.ask('POST', cyclesPath, { claimId }))).toBe('403 forbidden')
  const { rows } = await sql`select from contribution_cycles where claim_id = ${claimId}`.execute(api.db)
  expect(rows).toEqual([])
})

attack('a clerk makes herself an admin', async () => {
  const { body: self } = await clerk.ask<{ userId: string }>('GET', '/api/session')
  expect(refusal(await clerk.ask('PATCH', `/api/users/${self.userId}`, { role: 'admin' }))).toBe(
    '403 forbidden',
  )
  const add = { name: 'Eve', email: 'eve@example.org', role: 'admin' }
  expect(refusal(await clerk.ask('POST', '/api/users', add))).toBe('403 forbidden')
})

attack('somebody approves their own claim', async () => {
  await sql`update fund set self_approval = false`.execute(api.db)
  const claim = { deceasedMemberId: await memberOf(theirs), dateOfDeath: '2026-01-02', benefitAmount: 1000 }
  const { body } = await admin.ask<{ claimId: string }>('POST', '/api/claims', claim)
  expect(refusal(await admin.ask('POST', `/api/claims/${body.claimId}/approve`))).toBe('403 own-claim')
  await sql`update fund set self_approval = true`.execute(api.db)
})

attack('an extra field is added to a request', async () => {
  const claim = { deceasedMemberId: await memberOf(theirs), dateOfDeath: '2026-01-02', benefitAmount: 1000 }
  const slipped = await admin.ask('POST', '/api/claims', { ...claim, claimStatus: 'Approved' })
  expect(refusal(slipped)).toBe('400 invalid-input')
  const polluted = await fetch(`${api.url}/api/tiers`, {
    method: 'POST',
    headers: { ...api.headers, 'content-type': 'application/json' },
    body: '{"tierCode":"PP","tierName":"P","__proto__":{"role":"admin"}}',
  })
  expect(polluted.status).toBe(400)
})

attack('the event stream is opened without a session', async () => {
  const cycleId = await cycleOf(53)
  const answer = await visit(api).ask('GET', `${cyclesPath}/${cycleId}/creation-progress/stream`)
  expect(refusal(answer)).toBe('401 not-signed-in')
})

attack('the queue’s dashboard and its commands are opened without a session', async () => {
  const stranger = visit(api)
  expect(refusal(await stranger.ask('GET', '/admin/queues'))).toBe('401 not-signed-in')
  expect(refusal(await stranger.ask('PUT', '/admin/queues/api/queues/contributions/obliterate'))).toBe(
    '401 not-signed-in',
  )
})

attack('a session is chosen before the sign-in', async () => {
  const email = 'fix@example.org'
  await register(api, { email, role: 'clerk' })
  const victim = visit(api)
  victim.cookies.set('almoner.session_token', 'chosen-by-the-thief.c2lnbmF0dXJl')
  await victim.signIn(email)
  expect(victim.cookies.get('almoner.session_token')).not.toContain('chosen-by-the-thief')
  const thief = visit(api)
  thief.cookies.set('almoner.session_token', 'chosen-by-the-thief.c2lnbmF0dXJl')
  expect(refusal(await thief.ask('GET', '/api/claims'))).toBe('401 session-invalid')
})

attack('a cookie is forged', async () => {
  const { rows } = await sql<{ token: string }>`select token from sessions limit 1`.execute(api.db)
  const thief = visit(api)
  for (const signature of ['', '.', '.AAAA', `.${'A'.repeat(43)}%3D`]) {
    thief.cookies.set('almoner.session_token', `${rows[0]?.token}${signature}`)
    expect(refusal(await thief.ask('GET', '/api/claims'))).toBe('401 session-invalid')
  }
})

attack('the cookie of an ended session is used again', async () => {
  const gone = await signedIn(api, 'clerk')
  const kept = [...gone.cookies]
  await gone.ask('DELETE', '/api/session')
  for (const [name, value] of kept) gone.cookies.set(name, value)
  expect(refusal(await gone.ask('GET', '/api/claims'))).toBe('401 session-invalid')
})

attack('another site’s page sends a request with her cookies', async () => {
  const add = { agentCode: 'AG-X', fullName: 'X' }
  for (const headers of [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site', origin: api.url },
  ]) {
    expect(refusal(await clerk.ask('POST', '/api/agents', add, headers as Record<string, string>))).toBe(
      '403 cross-site',
    )
  }
})

attack('a request with her cookies has no token against forgery', async () => {
  const bare = visit(api)
  for (const [name, value] of clerk.cookies) bare.cookies.set(name, value)
  expect(refusal(await bare.ask('POST', '/api/agents', { agentCode: 'AG-X', fullName: 'X' }))).toBe(
    '403 csrf-token-invalid',
  )
})

attack('the token against forgery of another session is used', async () => {
  const old = await signedIn(api, 'clerk')
  const replay = { 'x-csrf-token': old.csrfToken ?? '' }
  expect(refusal(await clerk.ask('POST', '/api/agents', { agentCode: 'AG-X', fullName: 'X' }, replay))).toBe(
    '403 csrf-token-invalid',
  )
})

attack('another site’s page signs her in as somebody else', async () => {
  const credentials = { email: 'fix@example.org', password }
  const answer = await visit(api).ask('POST', '/api/session', credentials, { origin: 'https://evil.example' })
  expect(refusal(answer)).toBe('403 cross-site')
  const form = await fetch(`${api.url}/api/session`, {
    method: 'POST',
    body: new URLSearchParams(credentials),
  })
  expect(form.status).toBe(415)
})

attack('passwords are guessed, a hundred at once', async () => {
  const email = 'guessed@example.org'
  await register(api, { email, role: 'clerk' })
  const guesses = await Promise.all(
    Array.from({ length: 100 }, (_, guess) =>
      visit(api).ask('POST', '/api/session', { email, password: `guess number ${guess}` }),
    ),
  )
  const answers = guesses.map(refusal)
  expect(answers.filter((answer) => answer === '401 wrong-password')).toHaveLength(5)
  expect(answers.filter((answer) => answer.startsWith('429 '))).toHaveLength(95)
})

attack('the lock is avoided with a false client address', async () => {
  const email = 'evaded@example.org'
  await register(api, { email, role: 'clerk' })
  const outcomes: string[] = []
  for (let guess = 0; guess < 7; guess += 1) {
    const headers = { 'x-forwarded-for': `203.0.113.${guess}`, 'x-almoner-address': `203.0.113.${guess}` }
    outcomes.push(
      refusal(await visit(api).ask('POST', '/api/session', { email, password: 'wrong' }, headers)),
    )
  }
  expect(outcomes.slice(5)).toEqual(['429 account-locked', '429 account-locked'])
  const { body } = await api.get<Page<{ address: string }>>('/api/audit?eventName=SignInRefused&limit=1')
  expect(body.items[0]?.address).toBe('127.0.0.1')
})

attack('codes of the second factor are guessed', async () => {
  const email = 'codes@example.org'
  await register(api, { email, role: 'treasurer' })
  const owner = visit(api)
  await owner.signIn(email)
  await owner.enrol()
  const thief = visit(api)
  const outcomes: string[] = []
  for (let guess = 0; guess < 8; guess += 1) {
    await thief.ask('POST', '/api/session', { email, password })
    outcomes.push(refusal(await thief.ask('POST', '/api/session/code', { code: String(100_000 + guess) })))
  }
  expect(outcomes.filter((one) => one === '401 wrong-code').length).toBeLessThanOrEqual(5)
  expect(outcomes.at(-1)).toBe('429 account-locked')
})

attack('the second factor is skipped', async () => {
  const email = 'left-out@example.org'
  await register(api, { email, role: 'treasurer' })
  const owner = visit(api)
  await owner.signIn(email)
  expect(refusal(await owner.ask('GET', cyclesPath))).toBe('403 second-factor-required')
  await owner.enrol()
  const thief = visit(api)
  await thief.ask('POST', '/api/session', { email, password })
  expect(refusal(await thief.ask('GET', cyclesPath))).toBe('401 not-signed-in')
})

attack('a backup code is used twice', async () => {
  const email = 'backup@example.org'
  await register(api, { email, role: 'clerk' })
  const owner = visit(api)
  await owner.signIn(email)
  const { body } = await owner.ask<{ backupCodes: string[] }>('POST', '/api/session/second-factor', {
    password,
  })
  await sql`update two_factors set verified = true where user_id = (select id from users where email = ${email})`.execute(
    api.db,
  )
  await sql`update users set two_factor_enabled = true where email = ${email}`.execute(api.db)
  const outcomes: number[] = []
  for (let use = 0; use < 2; use += 1) {
    const somebody = visit(api)
    await somebody.ask('POST', '/api/session', { email, password })
    outcomes.push((await somebody.ask('POST', '/api/session/code', { code: body.backupCodes[0] })).status)
  }
  expect(outcomes).toEqual([200, 401])
})

attack('accounts are discovered from the answers', async () => {
  const ask = async (email: string) => {
    const { status, text, headers } = await visit(api).ask('POST', '/api/session', {
      email,
      password: 'wrong',
    })
    return [status, text, headers.get('set-cookie')]
  }
  expect(await ask('fix@example.org')).toEqual(await ask('nobody@example.org'))
})

attack('keys are guessed from almost correct ones', async () => {
  const { key } = await keyOf(['members.read'])
  const near = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`
  const far = `alm_${'x'.repeat(43)}`
  const [nearly, not] = [await withKey(near, '/api/members'), await withKey(far, '/api/members')]
  expect([refusal(nearly), nearly.text]).toEqual(['401 key-invalid', not.text])
})

attack('a key is put into the address', async () => {
  const { key } = await keyOf(['members.read'])
  for (const path of [`/api/members?key=${key}`, `/api/members/${key}`, `/nothing?x=${key}`]) {
    const answer = await visit(api).ask('GET', path)
    expect(refusal(answer)).toBe('400 key-in-url')
    expect(answer.text).not.toContain(key)
  }
  const { rows } = await sql<{ kept: boolean }>`
    select exists (select from events e where position(${key} in e::text) > 0) as kept`.execute(api.db)
  expect(rows[0]?.kept).toBe(false)
})

attack('a key is used without the permission', async () => {
  const { key, keyId } = await keyOf(['members.read'])
  expect(refusal(await withKey(key, '/api/claims'))).toBe('403 forbidden')
  expect(refusal(await withKey(key, '/api/api-keys', { method: 'POST' }))).toBe('403 forbidden')
  await admin.ask('DELETE', `/api/api-keys/${keyId}`)
  expect(refusal(await withKey(key, '/api/members'))).toBe('401 key-revoked')
})

attack('the answer to somebody else’s Idempotency-Key is fetched', async () => {
  const { claimId } = await approveDeath(api.db, { number: 54 })
  const headers = { 'idempotency-key': 'a-key-that-was-seen' }
  expect((await api.post(cyclesPath, { claimId }, headers)).status).toBeLessThan(300)
  const other = await signedIn(api, 'treasurer')
  const fetched = await other.ask('POST', cyclesPath, { claimId }, headers)
  expect(refusal(fetched)).toBe('422 idempotency-key-reused')
})

const injections = [
  "'; drop table members; --",
  "' or '1'='1",
  '1); delete from events; --',
  '$$; select pg_sleep(10); $$',
  "\\'; truncate fund; --",
]

attack('SQL is written into every text field', async () => {
  const count = async () =>
    (
      await sql<{ members: number; events: number }>`
        select (select count(*) from members) as members, (select count(*) from fund) as events`.execute(
        api.db,
      )
    ).rows[0]
  const before = await count()
  const { body: tier } = await api.post<{ tierId: string }>('/api/tiers', {
    tierCode: 'SQL',
    tierName: 'SQL',
  })
  for (const text of injections) {
    const encoded = encodeURIComponent(text)
    const answers = [
      await api.patch('/api/fund', { name: text }),
      await api.post('/api/tiers', { tierCode: text.slice(0, 30), tierName: text }),
      await api.post('/api/agents', {
        agentCode: text.slice(0, 20),
        fullName: text,
        phone: text,
        email: text,
      }),
      await api.post('/api/members', {
        memberCode: text,
        fullName: text,
        tierId: tier.tierId,
        joinedOn: text,
      }),
      await api.post('/api/claims', { deceasedMemberId: text, dateOfDeath: text, benefitAmount: text }),
      await api.post(`/api/claims/${encoded}/reject`, { reason: text }),
      await api.post(cyclesPath, { claimId: text, strategy: text }),
      await api.post(cyclesPath, { claimId: nowhere }, { 'idempotency-key': text.replace(/ /g, '_') }),
      await api.get(`/api/members?code=${encoded}&status=${encoded}&cursor=${encoded}`),
      await api.get(`/api/members?code=${encoded}`),
      await api.get(`${cyclesPath}/${nowhere}/contributions?q=${encoded}`),
      await api.get(`/api/audit?actor=${encoded}&eventName=${encoded}`),
      await api.get(`/api/jobs/${encoded}`),
      await admin.ask('POST', '/api/users', { name: text, email: text, role: text }),
      await admin.ask('POST', '/api/api-keys', { keyName: text, permissions: [text] }),
      await visit(api).ask('POST', '/api/session', { email: text, password: text }),
      await visit(api).ask('POST', '/api/session', { email: `${encoded}@example.org`, password: text }),
      await visit(api).ask('POST', '/api/password', { token: text, newPassword: `${text} and more` }),
      await api.ask('/api/members', { headers: { authorization: `Bearer ${text.replace(/ /g, '')}` } }),
    ]
    for (const { status, text: told } of answers) {
      expect(status).toBeLessThan(500)
      expect(told).not.toMatch(/syntax error|relation "|at character/i)
    }
  }
  expect(await count()).toEqual(before)
})

attack('a name is a formula', async () => {
  for (const fullName of ['=HYPERLINK("http://evil.example")', '+1+1', '-2', '@SUM(A1)', '\t=1']) {
    const answer = await api.post('/api/agents', {
      agentCode: `F-${crypto.randomUUID().slice(0, 8)}`,
      fullName,
    })
    if (answer.status === 201)
      expect((answer.body as { fullName: string }).fullName).not.toMatch(/^[=+\-@\t]/)
    else expect(refusal(answer)).toBe('400 invalid-input')
  }
  await visit(api).ask('POST', '/api/session', { email: '=cmd|calc@example.org', password: 'x' })
  const csv = await api.get<undefined>('/api/audit.csv')
  expect(csv.text).not.toMatch(/(^|,)"?[=+@](?!\d)/m)
})

attack('a name is a script', async () => {
  const fullName = '<script>alert(1)</script>'
  const answer = await api.post<{ fullName: string }>('/api/agents', { agentCode: 'AG-XSS', fullName })
  expect(answer.body.fullName).toBe(fullName)
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  for (const path of ['/sign-in', '/api/docs/', '/admin/queues']) {
    const { headers } = await admin.ask('GET', path)
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy).toMatch(/default-src '(self|none)'/)
    expect(policy).not.toMatch(/script-src[^;]*('unsafe-inline'|'unsafe-eval'|\*)/)
  }
})

attack('a page is shown inside another site’s', async () => {
  for (const path of ['/sign-in', '/api/docs/', '/admin/queues']) {
    const { headers } = await admin.ask('GET', path)
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
  }
})

attack('another site’s script reads an answer', async () => {
  const { headers } = await clerk.ask('GET', '/api/claims', undefined, { origin: 'https://evil.example' })
  expect(headers.get('access-control-allow-origin')).toBeNull()
  const preflight = await visit(api).ask('OPTIONS', '/api/claims', undefined, {
    origin: 'https://evil.example',
    'access-control-request-method': 'POST',
  })
  expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([404, null])
})

attack('a body is too large, or too deep', async () => {
  expect(refusal(await api.post('/api/tiers', { tierCode: 'X', tierName: 'x'.repeat(2_000_000) }))).toBe(
    '413 body-too-large',
  )
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
  const answer = await fetch(`${api.url}/api/tiers`, {
    method: 'POST',
    headers: { ...api.headers, 'content-type': 'application/json' },
    body: deep,
  })
  expect(answer.status).toBe(400)
  expect((await api.get('/readyz')).status).toBe(200)
})

attack('the headers are too large', async () => {
  const answer = await raw(`GET /healthz HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(50_000)}\r\n\r\n`)
  expect(answer).toMatch(/^HTTP\/1\.1 431 /)
})

attack('a line break is put into a header of the answer', async () => {
  const answer = await visit(api).ask('GET', `/api/claims/x%0d%0aset-cookie:%20stolen=1`)
  expect(answer.headers.get('set-cookie')).toBeNull()
  const split = await raw(
    'GET /healthz HTTP/1.1\r\nhost: x\r\nx-request-id: a\r\n b: c\r\nconnection: close\r\n\r\n',
  )
  expect(split).not.toMatch(/^b: c/m)
})

attack('a second request is hidden inside the first', async () => {
  const answer = await raw(
    'POST /api/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /api/fund HTTP/1.1\r\nhost: x\r\n\r\n',
  )
  expect(answer).toMatch(/^HTTP\/1\.1 400 /)
  expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1)
})

attack('a file outside the pages is asked for', async () => {
  for (const path of [
    '/api/docs/static/../../../package.json',
    '/api/docs/static/..%2f..%2f..%2fpackage.json',
    '/api/docs/static/%2e%2e/%2e%2e/etc/passwd',
    '/admin/queues/static/..%2f..%2f..%2f..%2fetc%2fpasswd',
    '/api/docs/static/....//....//etc/passwd',
  ]) {
    const answer = await raw(
      `GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: ${api.headers.authorization}\r\nconnection: close\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 40[0-9] /)
    expect(answer).not.toMatch(/root:|"dependencies"/)
  }
})

attack('a link to set a password points to another host', async () => {
  const { body } = await admin.ask<{ passwordLink: string }>(
    'POST',
    '/api/users',
    { name: 'Host', email: 'host@example.org', role: 'clerk' },
    { host: 'evil.example', 'x-forwarded-host': 'evil.example' },
  )
  expect(new URL(body.passwordLink).host).toBe('127.0.0.1:0')
})

attack('the set-up is done again', async () => {
  const token = api.setUpLink?.split('#')[1] ?? ''
  expect(token).not.toBe('')
  const asked = { token, name: 'Eve', email: 'eve@example.org', newPassword: 'a password of Eve' }
  expect(refusal(await visit(api).ask('POST', '/api/set-up', asked))).toBe('403 link-invalid')
})

attack('the last admin is locked out', async () => {
  const { body } = await admin.ask<Page<{ userId: string; role: string }>>('GET', '/api/users')
  const outcomes: Answer<unknown>[] = []
  for (const { userId, role } of body.items) {
    if (role === 'admin') outcomes.push(await admin.ask('PATCH', `/api/users/${userId}`, { disabled: true }))
  }
  // She is one of them, and from then on her session is good for nothing.
  const { rows } = await sql<{ admins: number }>`
    select count(*) as admins from users where role = 'admin' and disabled_at is null`.execute(api.db)
  expect(rows[0]?.admins).toBeGreaterThan(0)
  await sql`update users set disabled_at = null`.execute(api.db)
})

attack('the audit trail is edited', async () => {
  for (const method of ['POST', 'PATCH', 'PUT', 'DELETE']) {
    const answer = await withKey(api.headers.authorization.slice('Bearer '.length), '/api/audit', { method })
    expect(answer.status).toBe(404)
  }
  await expect(sql`update events set actor = 'nobody'`.execute(api.db)).rejects.toThrow('is refused')
  await expect(sql`delete from events`.execute(api.db)).rejects.toThrow('is refused')
})

attack('very many requests are sent at once', async () => {
  const limited = await openTestApi({ worker: false, env: { REQUESTS_PER_MINUTE: '50' } })
  try {
    const answers = await Promise.all(Array.from({ length: 80 }, () => limited.get('/api/fund')))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(50)
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused).toHaveLength(30)
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0)
  } finally {
    await limited.close()
  }
})

test('docs/security.md lists each of these attacks, and no other', async () => {
  const document = await readFile(new URL('../../docs/security.md', import.meta.url), 'utf8')
  const [, section = ''] = /^## Attacks that are tried$(.*?)^## Floods/ms.exec(document) ?? []
  const listed = [...section.matchAll(/^\d+\. (.+)$/gm)].map(([, name]) => name)
  expect(listed).toEqual(names)
  expect(names.length).toBeGreaterThanOrEqual(30)
})
