import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { countAttempts } from '../../src/access/attempts.ts'
import { resetUser } from '../../src/access/keep-users.ts'
import { makeLink } from '../../src/access/password-link.ts'
import { operator } from '../../src/platform/values/actor.ts'
import { openTestApi, refusal, type TestApi } from '../support/api-client.ts'
import { password, register, signedIn, tokenIn, type Visitor, visit } from '../support/browser-client.ts'
import { type MailServer, openMailServer } from '../support/mail-server.ts'

const actor = operator('test')

let mail: MailServer
let api: TestApi
let admin: Visitor
beforeAll(async () => {
  mail = await openMailServer()
  api = await openTestApi({
    worker: false,
    env: { SMTP_URL: `smtp://127.0.0.1:${mail.port}`, MAIL_FROM: 'Almoner <fund@example.org>' },
  })
  admin = await signedIn(api, 'admin')
})
afterAll(async () => {
  await api.close()
  await mail.close()
})
beforeEach(() => sql`delete from rate_limits`.execute(api.db))

/** A treasurer with a second factor. */
async function treasurer(email: string): Promise<{ userId: string; visitor: Visitor }> {
  const userId = await register(api, { email, role: 'treasurer' })
  const visitor = visit(api)
  await visitor.signIn(email)
  await visitor.enrol()
  return { userId, visitor }
}

const eventsOf = async (eventName: string, subject: string) =>
  api.db
    .selectFrom('events')
    .select(['actor', 'payload'])
    .where('eventName', '=', eventName as never)
    .where('subject', '=', subject)
    .orderBy('eventId')
    .execute()

describe('codes of the second factor', () => {
  test('of many waiting sign-ins with a hundred codes at once, five codes are checked', {
    timeout: 120_000,
  }, async () => {
    const { userId, visitor } = await treasurer('olga@example.org')
    const thieves = Array.from({ length: 12 }, () => visit(api))
    const waiting: Visitor[] = []
    for (const thief of thieves) {
      await sql`delete from rate_limits where key like 'address:%'`.execute(api.db)
      const { status } = await thief.ask('POST', '/api/session', { email: 'olga@example.org', password })
      if (status === 200) waiting.push(thief)
    }
    // No more than a few may wait at the same time.
    expect(waiting).toHaveLength(10)
    const right = visitor.code()
    // The thief has many addresses.
    await sql`delete from rate_limits where key like 'address:%'`.execute(api.db)
    const codes = waiting.flatMap((thief) =>
      Array.from({ length: 10 }, (_, guess) => ({ thief, code: String(guess).padStart(6, '1') })),
    )
    codes.push({ thief: waiting.at(-1) as Visitor, code: right })
    // Warm connections, all at once.
    const outcomes = await Promise.all(
      codes.map(({ thief, code }) => thief.ask('POST', '/api/session/code', { code })),
    )
    const judged = outcomes.filter(
      (outcome) => outcome.status === 200 || refusal(outcome) === '401 wrong-code',
    )
    expect(judged.length).toBeLessThanOrEqual(5)
    const locked = await eventsOf('SecondFactorLocked', userId)
    expect(locked).toMatchObject([{ payload: { email: 'olga@example.org' } }])
    // The first wrong code is written down by itself, and says whose it was.
    const { rows } = await sql`
      select from events where event_name = 'SignInRefused'
        and payload @> '{"email": "olga@example.org", "refusal": "wrong-code"}'`.execute(api.db)
    expect(rows).not.toEqual([])
    await expect
      .poll(() => mail.received.filter(({ to }) => to === 'olga@example.org').map(({ source }) => source))
      .toEqual([expect.stringContaining('Wrong codes for your account at Almoner')])
  })

  test('a right password gives no attempt back', async () => {
    const { visitor } = await treasurer('otto@example.org')
    const thief = visit(api)
    const outcomes: string[] = []
    for (let guess = 0; guess < 8; guess += 1) {
      await thief.ask('POST', '/api/session', { email: 'otto@example.org', password })
      outcomes.push(refusal(await thief.ask('POST', '/api/session/code', { code: `10000${guess}` })))
    }
    expect(outcomes.filter((outcome) => outcome === '401 wrong-code')).toHaveLength(5)
    expect((await visitor.ask('GET', '/api/claims')).status).toBe(200)
  })

  test('a code of the app, and a backup code, sign in once, however many come at once', async () => {
    const email = 'omar@example.org'
    await register(api, { email, role: 'clerk' })
    const omar = visit(api)
    await omar.signIn(email)
    const [backupCode = ''] = await omar.enrol()
    const begin = async () => {
      const visitor = visit(api)
      await visitor.ask('POST', '/api/session', { email, password })
      return visitor
    }
    for (const code of [omar.code(), backupCode]) {
      const waiting = await Promise.all([0, 1, 2, 3].map(begin))
      const outcomes = await Promise.all(waiting.map((one) => one.ask('POST', '/api/session/code', { code })))
      expect(outcomes.map(({ status }) => status).toSorted()).toEqual([200, 401, 401, 401])
      expect(refusal(await (await begin()).ask('POST', '/api/session/code', { code }))).toBe('401 wrong-code')
    }
  })
})

describe('a session', () => {
  test('that was opened with the password alone ends when a second factor is enrolled elsewhere', async () => {
    const email = 'petra@example.org'
    await register(api, { email, role: 'treasurer' })
    const [thief, petra] = [visit(api), visit(api)]
    await thief.signIn(email)
    await petra.signIn(email)
    await petra.enrol()
    expect(refusal(await thief.ask('GET', '/api/claims'))).toBe('401 session-invalid')
    expect((await petra.ask('GET', '/api/claims')).status).toBe(200)
  })

  test('records that no code was given in it, whatever its user has enrolled', async () => {
    const { userId, visitor } = await treasurer('pablo@example.org')
    await sql`update sessions set second_factor_at = null where user_id = ${userId}`.execute(api.db)
    expect(refusal(await visitor.ask('GET', '/api/claims'))).toBe('403 second-factor-required')
  })

  test('in which password and code were given long ago adds no user, key or webhook, until both are given again', async () => {
    const { userId } = await api.db
      .selectFrom('sessions')
      .innerJoin('users', 'users.id', 'sessions.userId')
      .select('users.id as userId')
      .where('users.role', '=', 'admin')
      .where('users.email', 'like', 'admin-%')
      .executeTakeFirstOrThrow()
    // Every route that says so, and what else they guard.
    const nowhere = '11111111-1111-4111-8111-111111111111'
    const guarded = api.routes().filter(({ stepUp }) => stepUp)
    expect(guarded.map(({ method, url }) => `${method} ${url}`).toSorted()).toEqual([
      'PATCH /api/users/:userId',
      'POST /api/api-keys',
      'POST /api/claims/:claimId/revocation',
      'POST /api/claims/:claimId/revocation/approval',
      'POST /api/contribution-cycles/:cycleId/revocation',
      'POST /api/contribution-cycles/:cycleId/revocation/approval',
      'POST /api/contribution-cycles/requests',
      'POST /api/contribution-cycles/requests/:claimId/approval',
      'POST /api/fund/self-approval',
      'POST /api/fund/self-approval/approval',
      'POST /api/imports/requests/:subject/approval',
      'POST /api/members/:memberId/erasure',
      'POST /api/members/:memberId/erasure/approval',
      'POST /api/members/:memberId/wallet/refund',
      'POST /api/members/:memberId/wallet/refund/approval',
      'POST /api/users',
      'POST /api/users/:userId/confirmation',
      'POST /api/users/:userId/confirmation/approval',
      'POST /api/users/:userId/reset',
      'POST /api/webhooks',
      'POST /api/webhooks/:endpointId/rotate-secret',
    ])
    const steps = [
      () =>
        admin.ask('POST', '/api/users', { name: 'N', email: `n-${Date.now()}@example.org`, role: 'clerk' }),
      () => admin.ask('PATCH', `/api/users/${userId}`, { name: 'A' }),
      () => admin.ask('POST', '/api/api-keys', { keyName: 'k', permissions: ['fund.read'] }),
      () => admin.ask('PATCH', '/api/fund', { selfApproval: true }),
      () => admin.ask('PATCH', '/api/fund', { startLimitPercent: 50 }),
      () => admin.ask('POST', '/api/webhooks', { url: 'https://books.example.org/almoner' }),
    ]
    const refused = [
      ...steps,
      ...guarded.map(
        ({ method, url }) =>
          () =>
            admin.ask(method, url.replace(/:\w+/g, nowhere), { reason: 'x' }),
      ),
    ]
    await sql`update sessions set confirmed_at = now() - interval '11 minutes' where user_id = ${userId}`.execute(
      api.db,
    )
    for (const step of refused) expect(refusal(await step())).toBe('403 step-up-required')
    expect(refusal(await admin.ask('POST', '/api/session/confirm', { password: 'wrong password 1' }))).toBe(
      '401 wrong-password',
    )
    expect(refusal(await admin.ask('POST', '/api/session/confirm', { password }))).toBe('401 wrong-code')
    expect((await admin.ask('POST', '/api/session/confirm', { password, code: admin.code() })).status).toBe(
      200,
    )
    for (const step of steps) expect((await step()).status).toBeLessThan(300)
    for (const step of [
      () => api.post('/api/users', { name: 'N', email: 'n@example.org', role: 'clerk' }),
      () => api.post('/api/api-keys', { keyName: 'k', permissions: ['fund.read'] }),
    ]) {
      expect(refusal(await step())).toBe('403 session-needed')
    }
  })
})

describe('a reset', () => {
  test('ends password and keys at once, and keeps the second factor until its link is used', async () => {
    const email = 'rita@example.org'
    const { userId, visitor } = await treasurer(email)
    const made = await visitor.ask<{ key: string }>('POST', '/api/api-keys', {
      keyName: 'k',
      permissions: ['fund.read'],
    })
    expect(made.status).toBe(403)
    const waiting = visit(api)
    await waiting.ask('POST', '/api/session', { email, password })
    const { link } = await resetUser(api.app, { userId, actor })
    expect(refusal(await visitor.ask('GET', '/api/claims'))).toBe('401 session-invalid')
    // Nor does a sign-in go on that waits for its code.
    expect(refusal(await waiting.ask('POST', '/api/session/code', { code: visitor.code() }))).toBe(
      '401 not-signed-in',
    )
    const thief = visit(api)
    expect(refusal(await thief.ask('POST', '/api/session', { email, password }))).toBe('401 wrong-password')
    const { rows } = await sql<{
      enrolled: boolean
    }>`select two_factor_enabled as enrolled from users where id = ${userId}`.execute(api.db)
    expect(rows).toEqual([{ enrolled: true }])

    const newPassword = 'another horse battery'
    // Locked meanwhile by guesses: the used link unlocks it.
    for (let guess = 0; guess < 6; guess += 1) await thief.ask('POST', '/api/session', { email, password })
    expect(
      (await visit(api).ask('POST', '/api/password', { token: tokenIn(link), newPassword })).status,
    ).toBe(200)
    expect((await thief.ask('POST', '/api/session', { email, password: newPassword })).body).toEqual({
      secondFactorNeeded: false,
    })
    expect(await eventsOf('PasswordChanged', userId)).toMatchObject([
      {},
      { payload: { by: 'link', email, secondFactor: 'removed' } },
    ])
    expect(
      refusal(await visit(api).ask('POST', '/api/password', { token: tokenIn(link), newPassword })),
    ).toBe('403 link-invalid')
  })

  test('of a user revokes the keys', async () => {
    const { userId } = await api.db
      .selectFrom('users')
      .select('id as userId')
      .where('email', '=', 'admin@example.org')
      .executeTakeFirstOrThrow()
    expect((await api.get('/api/fund')).status).toBe(200)
    await resetUser(api.app, { userId, actor })
    expect(refusal(await api.get('/api/fund'))).toBe('401 key-revoked')
    const { keyId } = await api.db
      .updateTable('apiKeys')
      .set({ revokedAt: null })
      .where('userId', '=', userId)
      .returning('keyId')
      .executeTakeFirstOrThrow()
    expect(await eventsOf('ApiKeyRevoked', keyId)).toMatchObject([{ payload: { by: 'reset' } }])
  })

  test('whose mail cannot be sent shows the link to the admin, and loses nothing', async () => {
    const { userId } = await treasurer('rosa@example.org')
    mail.refuse((address) => (address === 'rosa@example.org' ? 550 : undefined))
    const reset = await admin.ask<{ passwordLink: string }>('POST', `/api/users/${userId}/reset`)
    expect(reset.status).toBe(200)
    expect(reset.body.passwordLink).toContain('/set-password#')
    const used = await visit(api).ask('POST', '/api/password', {
      token: tokenIn(reset.body.passwordLink),
      newPassword: password,
    })
    expect(used.status).toBe(200)
  })
})

describe('a link', () => {
  const newPassword = 'another horse battery'
  /** A link as the user has it mailed who has forgotten her password. */
  const forgotten = (userId: string) =>
    api.db.transaction().execute((tx) => makeLink(tx, api.app, { userId, hours: 1, endsSecondFactor: false }))
  const use = async (link: string) =>
    (await visit(api).ask('POST', '/api/password', { token: tokenIn(link), newPassword })).status

  test('that is used lets the account in again, whatever was guessed and however many sign-ins wait', async () => {
    const email = 'ruth@example.org'
    const { userId, visitor } = await treasurer(email)
    const attempts = countAttempts(api.app.database.pool)
    const guess = { userId, address: '203.0.113.1', onLocked: () => {} }
    for (let code = 0; code < 6; code += 1) await attempts.beginCode(guess).catch(() => {})
    for (let pending = 0; pending < 10; pending += 1) await attempts.beginPending(userId)
    const signIn = (given: string) => visitor.ask('POST', '/api/session', { email, password: given })
    expect(refusal(await signIn(password))).toBe('429 account-locked')
    expect(await use(await forgotten(userId))).toBe(200)
    expect((await signIn(newPassword)).body).toEqual({ secondFactorNeeded: true })
    expect((await visitor.ask('POST', '/api/session/code', { code: visitor.code() })).status).toBe(200)
  })

  test('that is asked for after a reset removes the second factor too, while the one of the reset is good', async () => {
    const { userId } = await treasurer('rene@example.org')
    const changes = async () =>
      (await eventsOf('PasswordChanged', userId)).slice(1).map(({ payload }) => payload)
    await resetUser(api.app, { userId, actor })
    await sql`update password_links set expires_at = now() where user_id = ${userId}`.execute(api.db)
    expect(await use(await forgotten(userId))).toBe(200)
    expect(await changes()).toEqual([{ by: 'link', email: 'rene@example.org' }])
    await resetUser(api.app, { userId, actor })
    expect(await use(await forgotten(userId))).toBe(200)
    expect((await changes()).at(-1)).toMatchObject({ secondFactor: 'removed' })
  })
})
