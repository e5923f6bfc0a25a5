import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import https from 'node:https'
import { sql } from 'kysely'
import { SMTPServer } from 'smtp-server'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { mayStill } from '../../src/access/access-sql.ts'
import { createApiKey, revokeApiKey } from '../../src/access/api-keys.ts'
import { changeUser } from '../../src/access/keep-users.ts'
import { findBrokenLinks } from '../../src/events/event-sql.ts'
import { operator } from '../../src/platform/values/actor.ts'
import { keyHeaders } from '../support/admin-key.ts'
import { runAlmoner, startAlmoner } from '../support/almoner-process.ts'
import { openTestApi, type Page, refusal, type TestApi } from '../support/api-client.ts'
import { makeCertificate } from '../support/brokers/certificate.ts'
import { findCommand } from '../support/brokers/needs.ts'
import { password, register, signedIn, type Visitor, visit } from '../support/browser-client.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'
import { createTestDatabase } from '../support/test-database.ts'

interface AuditEvent {
  readonly eventName: string
  readonly actor: string
  readonly role: string
  readonly via: string | null
  readonly address: string
  readonly requestId: string
  readonly payload: Record<string, unknown>
}

const actor = operator('test')

let api: TestApi
let letters: string[]
/** Adding users takes a session in which password and code were just given. */
let head: Visitor
let mailServer: SMTPServer
beforeAll(async () => {
  letters = []
  mailServer = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, _session, done) {
      let letter = ''
      stream.setEncoding('utf8').on('data', (part: string) => {
        letter += part
      })
      stream.on('end', () => {
        letters.push(letter.replaceAll('=\r\n', '').replaceAll('=3D', '='))
        done()
      })
    },
  })
  await new Promise<void>((listening) => mailServer.listen(0, '127.0.0.1', () => listening()))
  const { port } = mailServer.server.address() as { port: number }
  api = await openTestApi({
    worker: true,
    env: { SMTP_URL: `smtp://127.0.0.1:${port}`, MAIL_FROM: 'Almoner <almoner@example.org>' },
  })
  await registerTier(api.db, { members: 40 })
  head = await signedIn(api, 'admin')
})
afterAll(async () => {
  await api.close()
  await new Promise<void>((closed) => mailServer.close(closed))
})

// What one test has tried does not count against the next.
beforeEach(() => sql`delete from rate_limits`.execute(api.db))

const audit = async (query = '') => (await api.get<Page<AuditEvent>>(`/api/audit${query}`)).body.items
const lastOf = async (eventName: string) => (await audit(`?eventName=${eventName}&limit=1`))[0]
const agentIds = async () =>
  (await api.db.selectFrom('agents').select('agentId').orderBy('agentCode').limit(2).execute()).map(
    ({ agentId }) => agentId,
  )

describe('signing in', () => {
  test('takes e-mail and password, keeps the session in a cookie that no script and no other site gets, and ends with the sign-out', async () => {
    await register(api, { email: 'clara@example.org', role: 'clerk' })
    const clara = visit(api)
    const wrong = await clara.ask('POST', '/api/session', {
      email: 'clara@example.org',
      password: 'not it at all',
    })
    expect(refusal(wrong)).toBe('401 wrong-password')
    const nobody = await clara.ask('POST', '/api/session', { email: 'nobody@example.org', password })
    expect([nobody.status, nobody.text.replace(/nobody/g, 'clara')]).toEqual([401, wrong.text])

    const answer = await clara.ask('POST', '/api/session', { email: 'Clara@Example.org', password })
    const [cookie] = answer.headers.getSetCookie()
    expect(cookie).toMatch(/^almoner\.session_token=[^;]+;.*HttpOnly.*SameSite=Strict/i)
    expect((await clara.ask('GET', '/api/session')).body).toMatchObject({
      email: 'clara@example.org',
      role: 'clerk',
      permissions: { 'claims.submit': 'all' },
    })
    await clara.signIn('clara@example.org')
    const kept = new Map(clara.cookies)
    expect((await clara.ask('DELETE', '/api/session')).status).toBe(200)
    expect(clara.cookies.size).toBe(0)
    for (const [name, value] of kept) clara.cookies.set(name, value)
    expect(refusal(await clara.ask('GET', '/api/session'))).toBe('401 session-invalid')
    expect(await lastOf('SignedOut')).toMatchObject({ actor: 'clara@example.org', role: 'clerk' })
    // The first of its kind; the others of a minute are counted.
    expect(await lastOf('SignInRefused')).toMatchObject({
      actor: 'anonymous',
      payload: { email: 'clara@example.org', refusal: 'wrong-password' },
    })
  })

  test('locks the account after five wrong passwords, for the right password too, and also an account that does not exist', async () => {
    await register(api, { email: 'lena@example.org', role: 'clerk' })
    for (const email of ['lena@example.org', 'ghost@example.org']) {
      const somebody = visit(api)
      const tries = await Promise.all(
        Array.from({ length: 8 }, () =>
          somebody.ask('POST', '/api/session', { email, password: 'guess number n' }),
        ),
      )
      expect(tries.map(refusal).toSorted()).toEqual([
        ...Array.from({ length: 5 }, () => '401 wrong-password'),
        ...Array.from({ length: 3 }, () => '429 account-locked'),
      ])
      const right = await somebody.ask('POST', '/api/session', { email, password })
      expect([refusal(right), Number(right.headers.get('retry-after')) > 800]).toEqual([
        '429 account-locked',
        true,
      ])
    }
  })

  test('a treasurer enrols a second factor before anything else, and signs in with it from then on', async () => {
    await register(api, { email: 'tom@example.org', role: 'treasurer' })
    const tom = visit(api)
    await tom.signIn('tom@example.org')
    expect(refusal(await tom.ask('GET', '/api/claims'))).toBe('403 second-factor-required')
    await tom.enrol()
    expect((await tom.ask('GET', '/api/claims')).status).toBe(200)

    const again = visit(api)
    const first = await again.ask('POST', '/api/session', { email: 'tom@example.org', password })
    expect(first.body).toEqual({ secondFactorNeeded: true })
    expect(refusal(await again.ask('GET', '/api/session'))).toBe('401 not-signed-in')
    expect(refusal(await again.ask('POST', '/api/session/code', { code: '000000' }))).toBe('401 wrong-code')
    expect((await again.ask('POST', '/api/session/code', { code: tom.code() })).status).toBe(200)
    expect((await again.ask('GET', '/api/claims')).status).toBe(200)
    expect(await lastOf('SignedIn')).toMatchObject({ actor: 'tom@example.org', role: 'treasurer' })
    expect(await lastOf('SecondFactorEnrolled')).toMatchObject({ actor: 'tom@example.org' })
  })

  test('wrong codes lock the account', async () => {
    const email = 'theo@example.org'
    await register(api, { email, role: 'treasurer' })
    const theo = visit(api)
    await theo.signIn(email)
    await theo.enrol()
    const thief = visit(api)
    const outcomes: string[] = []
    for (let guess = 0; guess < 7; guess += 1) {
      await thief.ask('POST', '/api/session', { email, password })
      outcomes.push(refusal(await thief.ask('POST', '/api/session/code', { code: `00000${guess}` })))
    }
    expect(outcomes.slice(0, 5)).toEqual(Array.from({ length: 5 }, () => '401 wrong-code'))
    expect(outcomes.slice(5)).toEqual(['429 account-locked', '429 account-locked'])
    await thief.ask('POST', '/api/session', { email, password })
    expect(refusal(await thief.ask('POST', '/api/session/code', { code: theo.code() }))).toBe(
      '429 account-locked',
    )
  })

  test('one’s own sessions are listed and can be ended, and those of others cannot', async () => {
    const [one, other] = [await signedIn(api, 'clerk'), await signedIn(api, 'clerk')]
    const sessions = async (who: typeof one) =>
      (await who.ask<{ items: { sessionId: string; current: boolean }[] }>('GET', '/api/sessions')).body.items
    const [mine] = await sessions(one)
    const [theirs] = await sessions(other)
    expect(mine?.current).toBe(true)
    expect(refusal(await one.ask('DELETE', `/api/sessions/${theirs?.sessionId}`))).toBe(
      '404 session-not-found',
    )
    expect((await one.ask('DELETE', `/api/sessions/${mine?.sessionId}`)).status).toBe(200)
    expect(refusal(await one.ask('GET', '/api/session'))).toBe('401 session-invalid')
    expect(await sessions(other)).toHaveLength(1)
  })

  test('another role, or none, ends the sessions of the user', async () => {
    const email = 'rolf@example.org'
    const userId = await register(api, { email, role: 'clerk' })
    const rolf = visit(api)
    await rolf.signIn(email)
    await changeUser(api.app, { userId, changes: { role: 'auditor' }, actor })
    expect(refusal(await rolf.ask('GET', '/api/claims'))).toBe('401 session-invalid')
    await rolf.signIn(email)
    await changeUser(api.app, { userId, changes: { disabled: true }, actor })
    expect(refusal(await rolf.ask('GET', '/api/claims'))).toBe('401 session-invalid')
    expect(refusal(await rolf.ask('POST', '/api/session', { email, password }))).toBe('403 account-disabled')
    expect(await lastOf('UserChanged')).toMatchObject({
      payload: { email, before: { disabledAt: null }, after: { disabledAt: expect.any(String) } },
    })
  })
})

describe('a link to set a password', () => {
  const tokenIn = (letter: string | undefined) => /set-password#([\w-]+)/.exec(letter ?? '')?.[1] ?? ''

  test('comes by mail, works once, ends all sessions, and is made only for an existing user', async () => {
    const email = 'mia@example.org'
    await register(api, { email, role: 'clerk' })
    const mia = visit(api)
    await mia.signIn(email)
    const answers = []
    for (const to of [email, 'unknown@example.org']) {
      const answer = await visit(api).ask('POST', '/api/password-links', { email: to })
      answers.push([answer.status, answer.text])
    }
    expect(answers[0]).toEqual(answers[1])
    const links = () => letters.filter((letter) => letter.includes('/set-password#'))
    await expect.poll(() => links().length, { timeout: 30_000 }).toBe(1)
    const [letter] = links()
    expect(letter).toContain('To: mia@example.org')

    const use = (token: string) =>
      visit(api).ask('POST', '/api/password', { token, newPassword: 'another good password' })
    expect(refusal(await use('not-the-token'))).toBe('403 link-invalid')
    expect((await use(tokenIn(letter))).status).toBe(200)
    expect(refusal(await use(tokenIn(letter)))).toBe('403 link-invalid')
    expect(refusal(await mia.ask('GET', '/api/session'))).toBe('401 session-invalid')
    expect(refusal(await mia.ask('POST', '/api/session', { email, password }))).toBe('401 wrong-password')
    const now = await mia.ask('POST', '/api/session', { email, password: 'another good password' })
    expect(now.status).toBe(200)
  })

  test('is used by a whole office from one address, and asking for it locks no account', async () => {
    for (let person = 0; person < 7; person += 1) {
      const email = `office-${person}@example.org`
      const added = await head.ask<{ userId: string }>('POST', '/api/users', {
        name: 'P',
        email,
        role: 'clerk',
      })
      const letter = letters.findLast((one) => one.includes(`To: ${email}`))
      const used = await visit(api).ask('POST', '/api/password', {
        token: tokenIn(letter),
        newPassword: password,
      })
      expect([added.status, used.status]).toEqual([201, 200])
    }
    const email = 'office-0@example.org'
    for (let wrong = 0; wrong < 4; wrong += 1) {
      await visit(api).ask('POST', '/api/session', { email, password: 'not it at all' })
    }
    expect((await visit(api).ask('POST', '/api/password-links', { email })).status).toBe(202)
    expect((await visit(api).ask('POST', '/api/session', { email, password })).status).toBe(200)
  })

  test('is mailed to a new user, is replaced by the next one, and expires', async () => {
    letters.length = 0
    const user = { name: 'Nina', email: 'nina@example.org', role: 'clerk' }
    const added = await head.ask<{ userId: string; passwordLink: null }>('POST', '/api/users', user)
    expect([added.status, added.body.passwordLink]).toEqual([201, null])
    await head.ask('POST', `/api/users/${added.body.userId}/reset`)
    // A letter of the test before may still arrive.
    const hers = letters.filter((letter) => letter.includes(user.email))
    expect(hers).toHaveLength(2)
    const use = (letter: string | undefined) =>
      visit(api).ask('POST', '/api/password', { token: tokenIn(letter), newPassword: 'a password of Nina' })
    expect(refusal(await use(hers[0]))).toBe('403 link-invalid')
    await sql`update password_links set expires_at = now() - interval '1 second'`.execute(api.db)
    expect(refusal(await use(hers[1]))).toBe('403 link-invalid')
    expect(refusal(await head.ask('POST', '/api/users', user))).toBe('409 user-exists')
  })
})

test('a user who knows the password changes it, and that ends the other sessions', async () => {
  const email = 'paul@example.org'
  await register(api, { email, role: 'clerk' })
  const [here, there] = [visit(api), visit(api)]
  await here.signIn(email)
  await there.signIn(email)
  const change = (currentPassword: string, newPassword: string) =>
    here.ask('POST', '/api/session/password', { currentPassword, newPassword })
  expect(refusal(await change('not the password', 'a much better password'))).toBe('401 wrong-password')
  expect(refusal(await change(password, 'too short'))).toBe('400 invalid-input')
  expect((await change(password, 'a much better password')).status).toBe(200)
  expect((await here.ask('GET', '/api/session')).status).toBe(200)
  expect(refusal(await there.ask('GET', '/api/session'))).toBe('401 session-invalid')
})

describe('an agent', () => {
  test('sees her own members and what they owe in Active cycles, and nothing else', async () => {
    const [mine, theirs] = (await agentIds()) as [string, string]
    const ada = await signedIn(api, 'agent', mine)
    const { body: members } = await ada.ask<Page<{ memberId: string; agentId: string }>>(
      'GET',
      '/api/members?limit=200',
    )
    expect(members.items).toHaveLength(2)
    for (const query of [`?agentId=${theirs}`, '?status=Active']) {
      const { body } = await ada.ask<Page<{ agentId: string }>>('GET', `/api/members${query}`)
      expect(body.items.map(({ agentId }) => agentId)).toEqual([mine, mine])
    }
    const other = await api.db
      .selectFrom('members')
      .select('memberId')
      .where('agentId', '=', theirs)
      .limit(1)
      .executeTakeFirstOrThrow()
    expect(refusal(await ada.ask('GET', `/api/members/${other.memberId}`))).toBe('404 member-not-found')
    expect(await lastOf('RequestRefused')).toMatchObject({
      role: 'agent',
      payload: { params: { memberId: other.memberId }, refusal: 'member-not-found' },
    })
    expect(refusal(await ada.ask('GET', `/api/members/${other.memberId}/contributions`))).toBe(
      '404 member-not-found',
    )
    expect((await ada.ask('GET', `/api/members/${members.items[0]?.memberId}`)).status).toBe(200)

    const start = async (number: number, strategy: string) => {
      const { claimId } = await approveDeath(api.db, { number })
      const { body } = await api.post<{ cycle: { cycleId: string } }>('/api/contribution-cycles', {
        claimId,
        strategy,
      })
      return body.cycle.cycleId
    }
    const untilActive = async (cycleId: string) => {
      await expect
        .poll(
          async () =>
            (await api.get<{ cycleStatus: string }>(`/api/contribution-cycles/${cycleId}`)).body.cycleStatus,
          { timeout: 30_000 },
        )
        .toBe('Active')
      return cycleId
    }
    const active = await untilActive(await start(30, 'inline'))
    const hiddenCycle = await untilActive(await start(31, 'queued'))
    await sql`update contribution_cycles set cycle_status = 'Initializing' where cycle_id = ${hiddenCycle}`.execute(
      api.db,
    )

    const cycles = await ada.ask<Page<{ cycleId: string }>>('GET', '/api/contribution-cycles')
    expect(cycles.body.items.map(({ cycleId }) => cycleId)).toEqual([active])
    for (const path of ['', '/contributions', '/contributions.csv']) {
      const hidden = await ada.ask('GET', `/api/contribution-cycles/${hiddenCycle}${path}`)
      expect(refusal(hidden)).toBe('404 cycle-not-found')
    }
    const owed = await ada.ask<Page<{ agentId: string }>>(
      'GET',
      `/api/contribution-cycles/${active}/contributions?agentId=${theirs}`,
    )
    expect(owed.body.items.map(({ agentId }) => agentId)).toEqual([mine, mine])
    const csv = await ada.ask('GET', `/api/contribution-cycles/${active}/contributions.csv`)
    expect(csv.text.trim().split('\r\n')).toHaveLength(3)
    for (const path of ['/events', '/creation-progress', '/creation-progress/stream']) {
      expect(refusal(await ada.ask('GET', `/api/contribution-cycles/${active}${path}`))).toBe('403 forbidden')
    }
    expect(refusal(await ada.ask('GET', '/api/agents'))).toBe('403 forbidden')
  })

  test('has a user with the role agent, and no other role has an agent', async () => {
    const add = (fields: object) =>
      head.ask('POST', '/api/users', { name: 'A', email: 'a@example.org', ...fields })
    expect(refusal(await add({ role: 'agent' }))).toBe('400 invalid-input')
    expect(refusal(await add({ role: 'clerk', agentId: (await agentIds())[0] }))).toBe('400 invalid-input')
    expect(refusal(await add({ role: 'agent', agentId: crypto.randomUUID() }))).toBe('404 agent-not-found')
  })
})

describe('a claim', () => {
  const submit = async (who: Awaited<ReturnType<typeof signedIn>>, code: string) => {
    const { memberId } = await api.db
      .selectFrom('members')
      .select('memberId')
      .where('memberCode', '=', code)
      .executeTakeFirstOrThrow()
    const claim = { deceasedMemberId: memberId, dateOfDeath: '2026-01-02', benefitAmount: 1000 }
    return (await who.ask<{ claimId: string; submittedBy: string }>('POST', '/api/claims', claim)).body
  }

  test('is not approved by the user who submitted it, neither in a session nor with a key', async () => {
    await sql`update fund set self_approval = false`.execute(api.db)
    const admin = await signedIn(api, 'admin')
    const { claimId, submittedBy } = await submit(admin, 'M-A-00000020')
    const approve = `/api/claims/${claimId}/approve`
    expect(refusal(await admin.ask('POST', approve))).toBe('403 own-claim')
    const made = await admin.ask<{ key: string }>('POST', '/api/api-keys', {
      keyName: 'payroll',
      permissions: ['claims.decide'],
    })
    const authorization = `Bearer ${made.body.key}`
    expect(refusal(await api.ask(approve, { method: 'POST', headers: { authorization } }))).toBe(
      '403 own-claim',
    )
    expect(await lastOf('RequestRefused')).toMatchObject({ actor: submittedBy, via: 'payroll' })
    const treasurer = await signedIn(api, 'treasurer')
    expect((await treasurer.ask('POST', approve)).status).toBe(200)
    expect(await lastOf('ClaimApproved')).toMatchObject({
      role: 'treasurer',
      via: null,
      address: '127.0.0.1',
    })
    await sql`update fund set self_approval = true`.execute(api.db)
  })

  test('in a fund of one person is approved by that person', async () => {
    const admin = await signedIn(api, 'admin')
    const { claimId } = await submit(admin, 'M-A-00000021')
    expect((await admin.ask('POST', `/api/claims/${claimId}/approve`)).status).toBe(200)
  })
})

describe('an API key', () => {
  test('may use its permissions and nothing else, is shown once, and cannot be read from the database', async () => {
    const admin = await signedIn(api, 'admin')
    const made = await admin.ask<{ key: string; keyId: string; keyStart: string }>('POST', '/api/api-keys', {
      keyName: 'reporting',
      permissions: ['members.read'],
      expiresAt: '2999-01-01T00:00:00+05:30',
    })
    expect(made.body).toMatchObject({
      key: expect.stringMatching(/^alm_[\w-]{43}$/),
      expiresAt: '2998-12-31T18:30:00Z',
    })
    const { key, keyId, keyStart } = made.body
    expect(key.startsWith(keyStart)).toBe(true)
    const ask = (path: string, method = 'GET') =>
      api.ask(path, { method, headers: { authorization: `Bearer ${key}` } })
    expect((await ask('/api/members')).status).toBe(200)
    expect(refusal(await ask('/api/claims'))).toBe('403 forbidden')
    expect(refusal(await ask('/api/session', 'DELETE'))).toBe('403 session-needed')
    const listed = await admin.ask<Page<Record<string, unknown>>>('GET', '/api/api-keys')
    expect(listed.body.items.find((one) => one.keyId === keyId)).toMatchObject({
      lastUsedAt: expect.any(String),
    })
    expect(listed.text).not.toContain(key)
    const { rows } = await sql<{ kept: boolean }>`
      select exists (select from api_keys k where position(${key} in k::text) > 0)
        or exists (select from events e where position(${key} in e::text) > 0) as kept`.execute(api.db)
    expect(rows[0]?.kept).toBe(false)

    await admin.ask('DELETE', `/api/api-keys/${keyId}`)
    expect(refusal(await ask('/api/members'))).toBe('401 key-revoked')
    expect(await lastOf('RequestRefused')).toMatchObject({ payload: { refusal: 'key-revoked' } })
  })

  test('ends when it expires, when its user is disabled, and when the role loses the permission', async () => {
    const userId = await register(api, { email: 'kim@example.org', role: 'clerk' })
    const make = (expiresAt: string | null) =>
      createApiKey(api.app, {
        userId,
        keyName: 'k',
        permissions: ['members.change', 'members.read'],
        expiresAt,
        actor,
      })
    await expect(make('2020-01-01T00:00:00Z')).rejects.toMatchObject({ code: 'invalid-input' })
    const { key, keyId } = await make('2999-01-01T00:00:00Z')
    const ask = (path = '/api/members') => api.ask(path, { headers: { authorization: `Bearer ${key}` } })
    await sql`update api_keys set expires_at = now() where key_id = ${keyId}`.execute(api.db)
    expect(refusal(await ask())).toBe('401 key-expired')
    await sql`update api_keys set expires_at = null where key_id = ${keyId}`.execute(api.db)
    await changeUser(api.app, { userId, changes: { role: 'auditor' }, actor })
    expect((await ask()).status).toBe(200)
    const change = { method: 'POST', headers: { authorization: `Bearer ${key}` } }
    expect(refusal(await api.ask('/api/members', change))).toBe('403 forbidden')
    await changeUser(api.app, { userId, changes: { disabled: true }, actor })
    expect(refusal(await ask())).toBe('403 account-disabled')
    await changeUser(api.app, { userId, changes: { disabled: false }, actor })
    await revokeApiKey(api.app, { keyId, actor })
    expect(refusal(await ask())).toBe('401 key-revoked')
  })

  test('has no more permissions than its user', async () => {
    const admin = await signedIn(api, 'admin')
    const made = await admin.ask('POST', '/api/api-keys', { keyName: 'x', permissions: ['everything'] })
    expect(refusal(made)).toBe('400 invalid-input')
    const userId = await register(api, { email: 'kate@example.org', role: 'clerk' })
    const beyond = createApiKey(api.app, {
      userId,
      keyName: 'x',
      permissions: ['cycles.start'],
      expiresAt: null,
      actor,
    })
    await expect(beyond).rejects.toThrow('A key of a clerk cannot have cycles.start.')
  })
})

describe('whoever was let in may go on', () => {
  type Who = Parameters<typeof mayStill>[1]
  let agent: Who
  let bearer: Who
  beforeAll(async () => {
    const [agentId = ''] = await agentIds()
    const email = 'anna@example.org'
    const userId = await register(api, { email, role: 'agent', agentId })
    await visit(api).signIn(email)
    const { id: sessionId } = await api.db
      .selectFrom('sessions')
      .select('id')
      .where('userId', '=', userId)
      .executeTakeFirstOrThrow()
    const key = { keyName: 'k', permissions: ['members.read'] as const, expiresAt: null }
    const { keyId } = await createApiKey(api.app, { userId, ...key, actor })
    agent = { userId, role: 'agent', agentId, session: { sessionId }, key: null }
    bearer = { ...agent, session: null, key: { keyId } }
  })
  /** Whether they may once this has changed; it is undone then. */
  const mayAfter = async (change: string, who: Who) => {
    const undo = new Error('not to be kept')
    let may: boolean | undefined
    const trying = api.db.transaction().execute(async (tx) => {
      await sql.raw(change.replaceAll('$user', `'${who.userId}'`)).execute(tx)
      may = await mayStill(tx, who)
      throw undo
    })
    await expect(trying).rejects.toBe(undo)
    return may
  }

  test('while nothing has changed', async () => {
    expect(await mayStill(api.db, agent)).toBe(true)
    expect(await mayStill(api.db, bearer)).toBe(true)
    const later = `update api_keys set expires_at = now() + interval '1 minute' where user_id = $user`
    expect(await mayAfter(later, bearer)).toBe(true)
  })

  test.each([
    ['her session is ended', 'delete from sessions where user_id = $user'],
    ['her session is over', 'update sessions set expires_at = now() where user_id = $user'],
    [
      'it is the session of another',
      `update sessions set user_id = (select min(id::text)::uuid from users where id <> $user) where user_id = $user`,
    ],
    ['she is disabled', 'update users set disabled_at = now() where id = $user'],
    [
      'she is the login of another agent',
      'update users set agent_id = (select min(agent_id::text)::uuid from agents where agent_id <> u.agent_id) from users u where users.id = u.id and u.id = $user',
    ],
  ])('with a session, until %s', async (_what, change) => {
    expect(await mayAfter(change, agent)).toBe(false)
  })

  test.each([
    ['it is revoked', 'update api_keys set revoked_at = now() where user_id = $user'],
    ['its time is over', 'update api_keys set expires_at = now() where user_id = $user'],
    [
      'it is the key of another',
      `update api_keys set user_id = (select min(id::text)::uuid from users where id <> $user) where user_id = $user`,
    ],
    ['its user is disabled', 'update users set disabled_at = now() where id = $user'],
  ])('with a key, until %s', async (_what, change) => {
    expect(await mayAfter(change, bearer)).toBe(false)
  })

  test('in the role that she was let in with', async () => {
    expect(await mayStill(api.db, { ...agent, role: 'clerk' })).toBe(false)
  })
})

describe('the audit trail', () => {
  test('says of every change who made it, in which role, from where, and what was before and after', async () => {
    const changed = await api.patch<{ name: string }>('/api/fund', { name: 'Widows and orphans' })
    expect(changed.status).toBe(200)
    const [event] = await audit('?limit=1')
    expect(event).toMatchObject({
      eventName: 'FundChanged',
      actor: 'admin@example.org',
      role: 'admin',
      via: 'admin',
      address: '127.0.0.1',
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      payload: { before: { name: 'Mutual aid fund' }, after: { name: 'Widows and orphans' } },
    })
    const tier = await api.post<{ tierId: string }>('/api/tiers', { tierCode: 'Z', tierName: 'Z' })
    await api.patch(`/api/tiers/${tier.body.tierId}`, { contributionAmount: 500 })
    await api.post('/api/agents', { agentCode: 'AG-900', fullName: 'Nora' })
    const member = { memberCode: 'Z-1', fullName: 'Zoe', tierId: tier.body.tierId, joinedOn: '2020-01-01' }
    const { body: zoe } = await api.post<{ memberId: string }>('/api/members', member)
    await api.patch(`/api/members/${zoe.memberId}`, { fullName: 'Zoë', memberStatus: 'Suspended' })
    const csv = 'memberCode,fullName,tier,status,joinedOn\nZ-2,Zack,Z,Active,2020-01-01\n'
    await api.ask('/api/members/import', {
      method: 'POST',
      headers: { 'content-type': 'text/csv' },
      body: csv,
    })
    expect(
      (await audit('?actor=admin@example.org&limit=6')).map(({ eventName, payload }) => [eventName, payload]),
    ).toEqual([
      ['MembersImported', expect.objectContaining({ rows: 1, inserted: 1 })],
      [
        'MemberChanged',
        {
          memberCode: 'Z-1',
          before: { fullName: 'Zoe', memberStatus: 'Active' },
          after: { fullName: 'Zoë', memberStatus: 'Suspended' },
        },
      ],
      ['MemberAdded', { after: expect.objectContaining({ memberCode: 'Z-1' }) }],
      ['AgentAdded', { after: expect.objectContaining({ agentCode: 'AG-900' }) }],
      [
        'TierChanged',
        { tierCode: 'Z', before: { contributionAmount: null }, after: { contributionAmount: 500 } },
      ],
      ['TierAdded', { after: expect.objectContaining({ tierCode: 'Z' }) }],
    ])
    expect(await findBrokenLinks(api.db, 10)).toEqual([])
  })

  test('says what was refused, to whom, and why', async () => {
    const clerk = await keyHeaders(api.db, { role: 'clerk' })
    const body = JSON.stringify({ claimId: crypto.randomUUID() })
    const headers = { 'content-type': 'application/json', ...clerk }
    const refused = await api.ask('/api/contribution-cycles', { method: 'POST', headers, body })
    expect(refusal(refused)).toBe('403 forbidden')
    expect(await lastOf('RequestRefused')).toMatchObject({
      actor: 'clerk@example.org',
      role: 'clerk',
      payload: { method: 'POST', route: '/api/contribution-cycles', refusal: 'forbidden' },
    })
    await api.post('/api/tiers', { tierCode: '', tierName: 'Nothing' })
    expect(await lastOf('RequestRefused')).toMatchObject({
      payload: { route: '/api/tiers', refusal: 'invalid-input' },
    })
  })

  test('is filtered, paged, and comes as CSV that no spreadsheet runs', async () => {
    // More than a page holds, whether other tests have run before or not.
    for (let time = 1; time <= 21; time += 1) await api.patch('/api/fund', { name: `The fund ${time}` })
    const all = await api.pageThrough<AuditEvent & { at: string }>('/api/audit', 20)
    const mine = await api.pageThrough<AuditEvent>('/api/audit?actor=admin@example.org', 20)
    expect(mine.length).toBeGreaterThan(20)
    expect(mine).toEqual(all.filter((event) => event.actor === 'admin@example.org'))
    const from = all[3]?.at as string
    expect(await api.pageThrough(`/api/audit?from=${encodeURIComponent(from)}`, 20)).toEqual(all.slice(0, 4))
    expect(await api.pageThrough(`/api/audit?to=${encodeURIComponent(from)}`, 20)).toEqual(all.slice(4))
    await visit(api).ask('POST', '/api/session', { email: '=cmd@example.org', password: 'x' })
    const csv = await api.get<undefined>('/api/audit.csv')
    expect(csv.headers.get('content-disposition')).toBe('attachment; filename="audit.csv"')
    expect(csv.text.split('\r\n').filter((line) => line !== '').length).toBeGreaterThan(all.length)
    expect(csv.text).not.toMatch(/(^|,)"?[=+@-][^,\d]/m)
  })
})

describe('the set-up', () => {
  test('needs the link that the start shows, works once, and makes an admin', async () => {
    const database = await createTestDatabase()
    const almoner = startAlmoner(['api'], { DATABASE_URL: database.url, PORT: '0', LOG_LEVEL: 'info' })
    try {
      await almoner.says('On another machine')
      const [link = '', url = '', token = ''] = /(http\S+)\/set-up#(\S+)/.exec(almoner.output.stderr) ?? []
      const asked = { name: 'Ada', email: 'ada@example.org', newPassword: password }
      const stranger = visit({ url })
      expect(refusal(await stranger.ask('POST', '/api/set-up', { ...asked, token: 'a guess' }))).toBe(
        '403 link-invalid',
      )
      const [first, second] = await Promise.all(
        [visit({ url }), visit({ url })].map(
          async (who) => [who, await who.ask('POST', '/api/set-up', { ...asked, token })] as const,
        ),
      )
      const answers = [first, second].map((one) => one?.[1].status)
      expect(answers.toSorted()).toEqual([200, 403])
      const ada = (first?.[1].status === 200 ? first : second)?.[0] as ReturnType<typeof visit>
      expect(refusal(await ada.ask('GET', '/api/claims'))).toBe('403 second-factor-required')
      await ada.signIn('ada@example.org')
      await ada.enrol()
      expect((await ada.ask('GET', '/api/users')).status).toBe(200)
      const late = { ...asked, email: 'eve@example.org', token }
      expect(refusal(await stranger.ask('POST', '/api/set-up', late))).toBe('403 link-invalid')
      expect(link).toContain('127.0.0.1')
      // The link stands in nobody's log.
      expect(almoner.output.stderr.split(token)).toHaveLength(2)
      const { body: made } = await ada.ask<{ key: string }>('POST', '/api/api-keys', {
        keyName: 'k',
        permissions: ['fund.read'],
      })
      await ada.ask('GET', `/api/members/${made.key}?key=${made.key}`)
      await almoner.says('/api/members/alm_…"')
      for (const secret of [password, made.key, ada.cookies.get('almoner.session_token'), ada.csrfToken]) {
        expect(almoner.output.stderr).not.toContain(secret)
      }
    } finally {
      await almoner.end('SIGTERM')
      await database.drop()
    }
  })

  test.skipIf(!findCommand('openssl'))(
    'of a server that speaks TLS gives cookies that go over TLS only',
    async () => {
      const certificate = await makeCertificate()
      const database = await createTestDatabase()
      const almoner = startAlmoner(['api'], {
        DATABASE_URL: database.url,
        HOST: '0.0.0.0',
        PORT: '0',
        TLS_CERT_FILE: certificate.certificatePath,
        TLS_KEY_FILE: certificate.keyPath,
      })
      try {
        await almoner.says('On another machine')
        const [, port = '', token = ''] = /https\S+?:(\d+)\/set-up#(\S+)/.exec(almoner.output.stderr) ?? []
        const ca = await readFile(certificate.certificatePath)
        const asked = https.request(`https://localhost:${port}/api/set-up`, {
          method: 'POST',
          ca,
          headers: { 'content-type': 'application/json' },
        })
        asked.end(JSON.stringify({ token, name: 'Ada', email: 'ada@example.org', newPassword: password }))
        const [answer] = await once(asked, 'response')
        expect([answer.statusCode, answer.headers['set-cookie']]).toEqual([
          200,
          [expect.stringMatching(/^__Secure-almoner\.session_token=.*; Secure/)],
        ])
        answer.resume()
      } finally {
        await almoner.end('SIGTERM')
        await certificate.remove()
        await database.drop()
      }
    },
  )

  test('by command line adds, lists, resets, disables and enables, and the links work', async () => {
    const database = await createTestDatabase()
    const env = { DATABASE_URL: database.url }
    const users = async (...args: string[]) => {
      const { code, stdout, stderr } = await runAlmoner(['--json', 'users', ...args], env)
      return code === 0 ? JSON.parse(stdout) : stderr.trim()
    }
    try {
      const added = await users('add', 'Ada@example.org', '--name', 'Ada', '--role', 'admin')
      expect(added).toMatchObject({ email: 'ada@example.org', role: 'admin', hasPassword: false })
      expect(added.passwordLink).toMatch(/^http:\/\/127\.0\.0\.1:3000\/set-password#[\w-]{43}$/)
      expect(await users('add', 'ada@example.org', '--name', 'A', '--role', 'clerk')).toBe(
        'There is a user ada@example.org already.',
      )
      expect(await users('add', 'x@example.org', '--name', 'X', '--role', 'agent', '--agent', 'AG-9')).toBe(
        'There is no agent AG-9.',
      )
      expect(await users('disable', 'ada@example.org')).toBe('Nobody would be left who may let anybody in.')
      await users('add', 'bo@example.org', '--name', 'Bo', '--role', 'treasurer')
      expect(await users('disable', 'bo@example.org')).toMatchObject({ disabledAt: expect.any(String) })
      expect(await users('enable', 'bo@example.org')).toMatchObject({ disabledAt: null })
      expect((await users('reset', 'bo@example.org')).passwordLink).toMatch(/set-password#/)
      expect((await users('list')).items.map(({ email }: { email: string }) => email)).toEqual([
        'ada@example.org',
        'bo@example.org',
      ])
      const { rows } = await sql<{ eventName: string; role: string }>`
        select event_name, role from events order by event_id`.execute(database.db)
      expect(rows.map(({ eventName, role }) => `${role} ${eventName}`)).toEqual([
        'operator UserAdded',
        'operator UserAdded',
        'operator UserChanged',
        'operator UserChanged',
        'operator UserReset',
      ])
      // As somebody who may do anything with the database.
      await database.db.transaction().execute(async (tx) => {
        await sql`set local session_replication_role = replica`.execute(tx)
        await sql`update events set actor = 'nobody' where event_name = 'UserReset'`.execute(tx)
      })
      const doctor = await runAlmoner(['doctor'], env)
      expect([doctor.code, doctor.stdout]).toEqual([1, expect.stringMatching(/audit event \d+: changed/)])
    } finally {
      await database.drop()
    }
  })
})
