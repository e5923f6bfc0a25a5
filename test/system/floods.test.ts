/**
 * What somebody might send to keep others from their work, against a server that runs as it does for a fund.
 * docs/security.md lists the same names; each flood asserts that it was refused, or that others did not feel it.
 */

import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { gzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { countAttempts } from '../../src/access/attempts.ts'
import { changeUser } from '../../src/access/keep-users.ts'
import { startApi } from '../../src/app/start-api.ts'
import type { Problem } from '../../src/platform/http/problem.ts'
import { operator } from '../../src/platform/values/actor.ts'
import { keyHeaders } from '../support/admin-key.ts'
import { activeCycle, openTestApi, refusal, type TestApi } from '../support/api-client.ts'
import { password, register, signedIn, visit } from '../support/browser-client.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'

let api: TestApi
/** Grants little, and hears from its proxy where somebody comes from. */
let limited: TestApi
beforeAll(async () => {
  api = await openTestApi({ worker: false })
  limited = await openTestApi({
    worker: false,
    env: {
      REQUESTS_PER_MINUTE: '50',
      TRUSTED_PROXY: '127.0.0.1',
      PUBLIC_URL: 'https://fund.example.org',
    },
  })
})
afterAll(async () => {
  await limited?.close()
  await api?.close()
})
beforeEach(() => sql`delete from rate_limits`.execute(api.db))

const names: string[] = []

/** Each name stands in docs/security.md too. */
function flood(name: string, attempt: () => Promise<void>, timeoutMs?: number): void {
  names.push(name)
  test(name, attempt, timeoutMs)
}

/** As a stranger would: without a key. */
const sendJson = (path: string, body: string, headers: Record<string, string> = {}) =>
  api.ask<Problem>(path, {
    method: 'POST',
    body,
    headers: { authorization: '', 'content-type': 'application/json', ...headers },
  })

/** No worker runs: what is queued stays so, and is paused. */
async function cycleThatIsPaused(): Promise<string> {
  await registerTier(api.db, { members: 60 })
  const { claimId } = await approveDeath(api.db, { number: 50 })
  const cycles = '/api/contribution-cycles'
  const { body } = await api.post<{ cycle: { cycleId: string } }>(cycles, { claimId, strategy: 'queued' })
  await api.post(`${cycles}/${body.cycle.cycleId}/pause`)
  return body.cycle.cycleId
}

flood('a megabyte of extra fields is sent without a sign-in', async () => {
  const fields = Object.fromEntries(Array.from({ length: 60_000 }, (_, index) => [`field${index}`, 1]))
  const answer = await fetch(`${api.url}/api/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(fields),
  })
  expect(answer.status).toBe(413)
  expect((await answer.text()).length).toBeLessThan(1000)
})

flood('many faults make the answer large', async () => {
  const fields = Object.fromEntries(
    Array.from({ length: 5000 }, (_, index) => [`${'field'.repeat(30)}${index}`, 1]),
  )
  const { status, text, body } = await api.post<Problem>('/api/tiers', {
    ['field'.repeat(20_000)]: 1,
    ...fields,
  })
  expect(status).toBe(400)
  expect(body.errors).toHaveLength(20)
  expect(body.detail).toContain('more')
  expect(text.length).toBeLessThan(20_000)
  const { rows } = await sql<{ longest: number }>`
    select max(length(payload::text)) as longest from events where event_name = 'RequestRefused'`.execute(
    api.db,
  )
  expect(rows[0]?.longest).toBeLessThan(1000)
})

flood('a body is nested a hundred thousand deep, or holds a hundred thousand values', async () => {
  const deep = await api.ask<Problem>('/api/tiers', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
  })
  expect([deep.status, deep.body.detail]).toEqual([400, 'The body is nested more than 32 levels deep.'])
  const many = await api.post<Problem>(
    '/api/tiers',
    Array.from({ length: 100_000 }, () => 1),
  )
  expect([many.status, many.body.detail]).toEqual([400, 'The body holds more than 10000 values.'])
})

flood('a body is compressed', async () => {
  const body = gzipSync(JSON.stringify({ tierCode: 'GZ', tierName: 'G' }))
  const tier = await api.ask<Problem>('/api/tiers', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    body,
  })
  expect([refusal(tier), tier.body.detail]).toEqual([
    '415 unsupported-media-type',
    'A body with the content encoding gzip is not accepted: send it as it is.',
  ])
  const members = await api.ask<Problem>('/api/members/import', {
    method: 'POST',
    headers: { 'content-type': 'text/csv', 'content-encoding': 'gzip' },
    body: gzipSync('memberCode,fullName,tier,status,joinedOn\n'),
  })
  expect(refusal(members)).toBe('415 unsupported-media-type')
})

flood('a text has half a character, or bytes that are not text', async () => {
  const half = await api.ask<Problem>('/api/tiers', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"tierCode":"HALF","tierName":"half \\ud83d of it"}',
  })
  expect([refusal(half), half.body.detail]).toEqual([
    '400 invalid-input',
    'A text contains half a character (a lone surrogate), which cannot be stored.',
  ])
  const bytes = await api.ask<Problem>('/api/tiers', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: Buffer.from('{"tierCode":"BYTES","tierName":"caf\xe9"}', 'latin1'),
  })
  expect([refusal(bytes), bytes.body.detail]).toEqual(['400 invalid-input', 'The body is not UTF-8 text.'])
})

flood('an instant is outside the calendar', async () => {
  const instants = [
    '9999-12-31T23:59:59-23:59',
    '9999-12-31T23:59:59.999999-00:01',
    '0002-01-01T00:00:00+23:59',
    '0001-01-01T00:00:00+23:59',
    '0000-01-01T00:00:00Z',
  ]
  for (const instant of instants) {
    for (const path of ['/api/audit?from=', '/api/audit?to=', '/api/audit.csv?from=']) {
      const { status } = await api.get(`${path}${encodeURIComponent(instant)}`)
      expect([path, instant, status < 500]).toEqual([path, instant, true])
    }
    const key = { keyName: 'k', permissions: ['fund.read'], expiresAt: instant }
    expect((await api.post('/api/api-keys', key)).status).toBeLessThan(500)
  }
  expect(refusal(await api.get(`/api/audit?from=${instants[0]}`))).toBe('400 invalid-input')
  expect((await api.get('/api/audit?from=9999-12-31T23:59:59Z')).status).toBe(200)
})

flood('an e-mail address has the greatest length', async () => {
  const email = `${'a'.repeat(60)}@${`${'b'.repeat(60)}.`.repeat(3)}example`
  expect(email.length).toBeGreaterThan(245)
  const { status } = await sendJson('/api/session', JSON.stringify({ email, password: 'wrong password' }))
  expect(status).toBe(401)
  const link = await sendJson('/api/password-links', JSON.stringify({ email }))
  expect(link.status).toBeLessThan(500)
})

const nowhere = '11111111-1111-4111-8111-111111111111'

flood('large requests are sent as often as small ones', async () => {
  const post = (path: string, body?: RequestInit['body'], contentType = 'application/json') => [
    path,
    { method: 'POST', ...(body && { body, duplex: 'half', headers: { 'content-type': contentType } }) },
  ]
  /** How many of these a key of its own has answered in a minute that grants 50. */
  const granted = async (make: () => unknown[]) => {
    const key = await keyHeaders(limited.db)
    for (let count = 0; ; count += 1) {
      const [path, init = {}] = make() as [string, RequestInit?]
      const { status } = await limited.ask(path, { ...init, headers: { ...init.headers, ...key } })
      if (status === 429) return count
    }
  }
  const large = JSON.stringify({ tierCode: 'L', tierName: 'x'.repeat(500_000) })
  expect(await granted(() => post('/api/tiers', large))).toBe(1)
  // Of a body whose length is not said, the largest is paid for.
  expect(await granted(() => post('/api/tiers', new Blob(['{}']).stream()))).toBe(1)
  expect(await granted(() => ['/api/audit.csv'])).toBe(5)
  expect(await granted(() => [`/api/contribution-cycles/${nowhere}/contributions.csv`])).toBe(5)
  expect(await granted(() => post('/api/members/import', 'no,header\n', 'text/csv'))).toBe(1)
  expect(await granted(() => post(`/api/imports/${nowhere}/undo`))).toBe(1)
})

test('of whoever is not signed in, requests and attempts are counted by network, whatever address of it is used', async () => {
  let host = 1
  const from = (network: string) => ({ 'x-forwarded-for': `2001:db8:0:${network}::${(host++).toString(16)}` })
  const statuses = (headers: () => Record<string, string>, path: string) =>
    Promise.all(
      Array.from(
        { length: 51 },
        async () => (await fetch(`${limited.url}${path}`, { headers: headers() })).status,
      ),
    )
  expect((await statuses(() => from('a'), '/healthz')).filter((status) => status === 200)).toHaveLength(50)
  const guessing = () => ({ ...from('b'), authorization: 'Bearer guessed' })
  expect((await statuses(guessing, '/api/fund')).filter((status) => status === 401)).toHaveLength(50)
  const elsewhere = await fetch(`${limited.url}/healthz`, { headers: from('c') })
  expect(elsewhere.status).toBe(200)

  const email = 'waits@example.org'
  await register(limited, { email, role: 'clerk' })
  const clerk = visit(limited)
  await clerk.signIn(email)
  await clerk.enrol()
  const signIn = (headers: Record<string, string>, given: string) =>
    clerk.ask('POST', '/api/session', { email, password: given }, headers)
  const giveCode = (headers: Record<string, string>) =>
    clerk.ask('POST', '/api/session/code', { code: '000000' }, headers)
  expect((await signIn(from('d'), password)).status).toBe(200)
  const attempts = countAttempts(limited.app.database.pool)
  const address = (network: string) => from(network)['x-forwarded-for']
  // What was right does not count, whichever of its addresses it came from.
  await attempts.begin('right@example.org', address('e'))
  await attempts.forgive('right@example.org', address('e'))
  await attempts.beginCode({ userId: 'right', address: address('e'), onLocked: () => {} })
  await attempts.forgiveCode({ userId: 'right', address: address('e') })
  for (let guess = 0; guess < 30; guess += 1) await attempts.begin(`${guess}@example.org`, address('e'))
  expect(refusal(await giveCode(from('e')))).toBe('429 too-many-requests')
  expect(refusal(await giveCode(from('f')))).toBe('401 wrong-code')
  expect(refusal(await signIn(from('e'), 'not it at all'))).toBe('429 too-many-requests')
  expect(refusal(await signIn(from('f'), 'not it at all'))).toBe('401 wrong-password')
})

flood('the audit trail is filled without a sign-in', async () => {
  const count = async () => {
    const { rows } = await sql<{ events: number }>`select count(*) as events from event_chain`.execute(api.db)
    return rows[0]?.events ?? 0
  }
  const before = await count()
  const setUp = JSON.stringify({
    token: 'guessed',
    name: 'Eve',
    email: 'eve@example.org',
    newPassword: 'a password of Eve',
  })
  const tries = [
    () => sendJson('/api/set-up', setUp),
    () => sendJson('/api/session/code', JSON.stringify({ code: '123456' })),
    () => api.ask('/api/fund', { headers: { authorization: 'Bearer guessed' } }),
    () => api.ask('/api/fund', { headers: { authorization: '', cookie: 'almoner.session_token=guessed' } }),
    () => sendJson('/api/tiers', '{}', { origin: 'https://evil.example' }),
  ]
  for (let round = 0; round < 20; round += 1) {
    await Promise.all(tries.flatMap((attempt) => [attempt(), attempt(), attempt()]))
  }
  expect((await count()) - before).toBeLessThanOrEqual(tries.length + 1)
})

test('what strangers tried and was only counted is written when the server stops', async () => {
  const another = await startApi(api.app)
  for (let guess = 0; guess < 3; guess += 1) {
    await fetch(`${another.url}/api/fund`, { headers: { authorization: 'Bearer guessed' } })
  }
  await another.stop()
  const { rows } = await sql<{ times: number | null }>`
    select (payload ->> 'times')::integer as times from events order by event_id desc limit 2`.execute(api.db)
  expect(rows).toEqual([{ times: 2 }, { times: null }])
})

flood('the wording of a letter fills the memory', async () => {
  const nested = `{% capture a %}${'x'.repeat(40)}{% endcapture %}${'{% capture a %}{{a}}{{a}}{{a}}{{a}}{% endcapture %}'.repeat(11)}{{a}}`
  const wordings = [
    nested,
    '{% for i in (1..40000) %}{{ link }}{% for j in (1..40000) %}{{ link }}{% endfor %}{% endfor %}',
    '{% assign a = "xxxxxxxx" %}{% for i in (1..30) %}{% assign a = a | append: a %}{% endfor %}{{ a }}',
    `{{ link }}${'y'.repeat(30)}{% for i in (1..9000) %}zzzzzzzzzz{% endfor %}`,
  ]
  for (const body of wordings) {
    const answer = await api.put<Problem>('/api/notice-templates/cycle-ready/letter/en', {
      subject: 'S',
      body: `{{ cycleCode }} {{ link }} ${body}`,
    })
    expect([answer.status, answer.body.errors?.[0]?.detail]).toEqual([
      400,
      'The body becomes longer than 20000 characters, or takes too long, when it is filled in.',
    ])
  }
})

flood(
  'event streams are opened by the hundred, and kept after the account is disabled',
  async () => {
    const auditor = await signedIn(api, 'auditor')
    const { body: self } = await auditor.ask<{ userId: string }>('GET', '/api/session')
    const cookie = [...auditor.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const cycleId = await cycleThatIsPaused()
    const path = `${api.url}/api/contribution-cycles/${cycleId}/creation-progress/stream`
    const answers = await Promise.all(Array.from({ length: 100 }, () => fetch(path, { headers: { cookie } })))
    const open = answers.filter(({ status }) => status === 200)
    const refused = answers.filter(({ status }) => status === 429)
    expect([open.length, refused.length]).toEqual([10, 90])
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0)
    await changeUser(api.app, {
      userId: self.userId,
      changes: { disabled: true },
      actor: operator('test'),
    })
    // They end by themselves.
    await Promise.all(open.map((answer) => answer.text()))
  },
  40_000,
)

/** Sends the beginning of a file, and no more. */
async function beginUpload({ authorization }: { authorization: string }): Promise<Socket> {
  return upload({ authorization }, 'memberCode,fullName,tier,status,joinedOn\r\n', 1_000_000)
}

async function upload(
  { authorization }: { authorization: string },
  body: string,
  bytes: number,
): Promise<Socket> {
  const { hostname, port } = new URL(api.url)
  const socket = connect(Number(port), hostname)
  socket.write(
    `POST /api/members/import?dryRun=true HTTP/1.1\r\nhost: ${hostname}:${port}\r\nauthorization: ${authorization}\r\n` +
      `content-type: text/csv\r\ncontent-length: ${bytes}\r\n\r\n${body}`,
  )
  await once(socket, 'connect')
  return socket
}

flood('files are sent slowly, to hold every connection to the database', async () => {
  const clerks = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      keyHeaders(api.db, { role: 'clerk', email: `clerk-${index}@example.org` }),
    ),
  )
  // Two of each are taken at a time.
  const uploads = await Promise.all(clerks.flatMap((clerk) => [beginUpload(clerk), beginUpload(clerk)]))
  try {
    const uploading = async () =>
      (await readdir(tmpdir())).filter((name) => name.startsWith('almoner-upload-')).length
    await expect.poll(uploading, { timeout: 10_000 }).toBeGreaterThanOrEqual(16)
    const answers = await Promise.all(Array.from({ length: 20 }, () => api.get('/api/fund')))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect((await api.get('/readyz')).status).toBe(200)
    const { rows } = await sql<{ open: number }>`
      select count(*) as open from pg_stat_activity
      where datname = current_database() and backend_xid is not null`.execute(api.db)
    expect(rows[0]?.open).toBe(0)
    for (const socket of uploads) socket.destroy()
    // Nothing of them stays.
    await expect.poll(uploading, { timeout: 10_000 }).toBe(0)
  } finally {
    for (const socket of uploads) socket.destroy()
  }
})

test('a file is no larger than it may be, whatever its length is said to be', async () => {
  const detail = 'The file is larger than 200 MB: import it at the command line.'
  const announced = await upload(api.headers, 'memberCode', 200 * 1024 * 1024 + 1)
  const [answer] = (await once(announced, 'data')) as [Buffer]
  announced.destroy()
  expect(answer.toString()).toContain(detail)
  const megabyte = Buffer.alloc(1024 * 1024, ',')
  async function* pieces() {
    for (let sent = 0; sent <= 200; sent += 1) yield megabyte
  }
  const streamed = await api.ask<Problem>('/api/members/import?dryRun=true', {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body: ReadableStream.from(pieces()),
    duplex: 'half',
  } as RequestInit)
  expect([refusal(streamed), streamed.body.detail]).toEqual(['413 body-too-large', detail])
})

flood('files are sent by the dozen, by one user', async () => {
  const clerk = await keyHeaders(api.db, { role: 'clerk', email: 'eager@example.org' })
  const uploads = await Promise.all(Array.from({ length: 4 }, () => beginUpload(clerk)))
  let refused = 0
  for (const socket of uploads) {
    socket.once('data', () => {
      refused += 1
    })
  }
  try {
    const more = () =>
      api.ask<Problem>('/api/members/import?dryRun=true', {
        method: 'POST',
        headers: { ...clerk, 'content-type': 'text/csv' },
        body: 'memberCode,fullName,tier,status,joinedOn\n',
      })
    // Two of the four were taken.
    await expect.poll(() => refused, { timeout: 10_000 }).toBe(2)
    const answers = await Promise.all(Array.from({ length: 12 }, more))
    expect(new Set(answers.map(refusal))).toEqual(new Set(['429 too-many-requests']))
    for (const socket of uploads) socket.destroy()
    // Those that are gone are not counted any more.
    await expect.poll(async () => (await more()).status, { timeout: 10_000 }).toBe(200)
  } finally {
    for (const socket of uploads) socket.destroy()
  }
})

flood('clients disconnect while their files are imported', async () => {
  const clerks = await Promise.all(
    ['gone-1', 'gone-2'].map((name) => keyHeaders(api.db, { role: 'clerk', email: `${name}@example.org` })),
  )
  const body = 'memberCode,fullName,tier,status,joinedOn\nG-1,Gone,A,Active,2020-01-01\n'
  const atWork = async () => {
    const { rows } = await sql<{ busy: number }>`
      select count(*) as busy from pg_stat_activity
      where datname = current_database() and application_name like '%files' and state = 'active'`.execute(
      api.db,
    )
    return rows[0]?.busy
  }
  const client = await api.app.database.pool.connect()
  try {
    // Whoever judges rows waits for the register.
    await client.query('begin; lock table members in access exclusive mode')
    const uploads = await Promise.all(
      clerks.flatMap((clerk) => [upload(clerk, body, body.length), upload(clerk, body, body.length)]),
    )
    await expect.poll(atWork, { timeout: 10_000 }).toBe(4)
    for (const socket of uploads) socket.destroy()
    await expect.poll(atWork, { timeout: 5_000 }).toBe(0)
  } finally {
    await client.query('rollback')
    client.release()
  }
})

flood('every connection to the database is in use', async () => {
  const held = await Promise.all(Array.from({ length: 10 }, () => api.app.database.pool.connect()))
  try {
    const waiting = api.get('/api/fund')
    await expect.poll(() => api.app.database.pool.waitingCount).toBeGreaterThan(0)
    const ready = await api.ask<{ checks: { database: string } }>('/readyz', {
      headers: { authorization: '' },
    })
    expect([ready.status, ready.body.checks.database]).toEqual([200, 'busy'])
    const answer = await waiting
    expect([refusal(answer), answer.headers.get('retry-after')]).toEqual(['503 server-busy', '5'])
  } finally {
    for (const client of held) client.release()
  }
})

flood('slow searches are sent by the hundred', async () => {
  await registerTier(api.db, { tierCode: 'Q', members: 20 })
  const { claimId } = await approveDeath(api.db, { tierCode: 'Q' })
  const { cycleId } = await activeCycle(api, claimId)
  const auditor = await signedIn(api, 'auditor')
  const path = `/api/contribution-cycles/${cycleId}/contributions?q=a`
  const client = await api.app.database.pool.connect()
  try {
    // Whoever reads waits for the lock, as a search over very many rows takes its time.
    await client.query('begin; lock table member_contributions in access exclusive mode')
    const searching = Array.from({ length: 100 }, () => auditor.ask<Problem>('GET', path))
    const others = await Promise.all(Array.from({ length: 20 }, () => api.get('/api/fund')))
    expect(new Set(others.map(({ status }) => status))).toEqual(new Set([200]))
    const answers = await Promise.all(searching)
    const refused = answers.filter(({ status }) => status === 429)
    const givenUp = answers.filter(({ status }) => status === 503)
    expect(refused.length + givenUp.length).toBe(100)
    // Four at a time; how many come to that before the first are given up, the machine decides.
    expect(refused.length).toBeGreaterThan(50)
    expect(givenUp.length).toBeGreaterThanOrEqual(4)
    expect(refused[0]?.body.detail).toContain('At most 4 of these are answered at a time')
    expect(givenUp[0]?.body.detail).toContain('This takes too long to find')
  } finally {
    await client.query('rollback')
    client.release()
  }
})

test('lists and exports have connections of their own, so many of each at a time are a user’s, and who has left keeps no place', async () => {
  await registerTier(api.db, { tierCode: 'E', members: 20 })
  const { cycleId } = await activeCycle(api, (await approveDeath(api.db, { tierCode: 'E' })).claimId)
  const clerk = await keyHeaders(api.db, { role: 'clerk', email: 'leaves@example.org' })
  const look = (init: RequestInit = {}) => api.ask<Problem>('/api/members', { ...init, headers: clerk })
  const answers: string[] = []
  const ask = async (path: string) => answers.push(`${path} ${(await api.get(path)).status}`)
  const routes: [path: string, most: number][] = [
    ['/api/audit', 4],
    ['/api/audit.csv', 2],
    [`/api/contribution-cycles/${cycleId}/contributions.csv`, 2],
    ['/api/members', 4],
  ]
  const refused = routes.map(([path]) => `${path} 429`).toSorted()
  let letGo = () => {}
  const isOver = new Promise<void>((resolve) => {
    letGo = resolve
  })
  let held = 0
  const hold = () => {
    held += 1
    return isOver
  }
  const holding = [api.app.listDb, api.app.fileDatabase.db].flatMap((db) =>
    Array.from({ length: 4 }, () => db.connection().execute(hold)),
  )
  try {
    await expect.poll(() => held).toBe(8)
    const asking = routes.flatMap(([path, most]) => Array.from({ length: most + 1 }, () => ask(path)))
    await expect.poll(() => answers.toSorted(), { timeout: 5_000 }).toEqual(refused)

    const leaving = new AbortController()
    let isFull = false
    const left = Array.from({ length: 5 }, () =>
      look({ signal: leaving.signal }).then(
        ({ status }) => {
          isFull = true
          return status
        },
        () => 'left',
      ),
    )
    await expect.poll(() => isFull, { timeout: 5_000 }).toBe(true)
    leaving.abort()
    expect((await Promise.all(left)).toSorted()).toEqual([429, 'left', 'left', 'left', 'left'])
    // What they asked for is still waited for.
    for (let again = 0; again < 5; again += 1) expect((await look()).status).toBe(429)

    expect((await api.get('/api/fund')).status).toBe(200)
    expect(answers.toSorted()).toEqual(refused)
    letGo()
    await Promise.all(asking)
    const answered = routes.flatMap(([path, most]) => Array.from({ length: most }, () => `${path} 200`))
    expect(answers.toSorted()).toEqual([...refused, ...answered].toSorted())
    await expect.poll(async () => (await look()).status).toBe(200)
  } finally {
    letGo()
    await Promise.all(holding)
  }
})

flood('a file consists of commas', async () => {
  const commas = await api.ask<Problem>('/api/members/import?dryRun=true', {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body: `memberCode,fullName,tier,status,joinedOn\n${','.repeat(10_000_000)}`,
  })
  expect([refusal(commas), commas.body.detail]).toEqual([
    '422 import-refused',
    'A line after line 1 has more than 1000 commas: it is no row of a register.',
  ])
})

test('docs/security.md lists each of these floods, and no other', async () => {
  const document = await readFile(new URL('../../docs/security.md', import.meta.url), 'utf8')
  const section = document.split(/^## /m).find((one) => one.startsWith('Floods that are tried')) ?? ''
  expect([...section.matchAll(/^\d+\. (.+)$/gm)].map(([, name]) => name)).toEqual(names)
})
