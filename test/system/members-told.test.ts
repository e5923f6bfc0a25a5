import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type DeliveryView, type Letter, takeDueLetters } from '../../src/notices/delivery-sql.ts'
import { takeAtPace } from '../../src/notices/pace-sql.ts'
import type { NoticePreferences } from '../../src/notices/preference-sql.ts'
import { createTexter, TextRefusedError } from '../../src/notices/send-texts.ts'
import { openTestApi, refusal, type TestApi } from '../support/api-client.ts'
import { freePort } from '../support/brokers/free-port.ts'
import { signedIn } from '../support/browser-client.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'
import { openMailServer } from '../support/mail-server.ts'
import { openTextGateway, type TextGateway } from '../support/text-gateway.ts'

const nobody = '00000000-0000-4000-8000-000000000000'

/** Members 1 to 60: those of even numbers have an e-mail address, every third one a telephone. */
async function registerReachable(api: TestApi): Promise<void> {
  await registerTier(api.db, { members: 60 })
  await sql`
    update members set
      email = case when right(member_code, 8)::integer % 2 = 0 then lower(member_code) || '@example.org' end,
      phone = case when right(member_code, 8)::integer % 3 = 0 then '+91 (98) ' || right(member_code, 8) end`.execute(
    api.db,
  )
}

async function startCycle(api: TestApi, number: number): Promise<string> {
  const { claimId } = await approveDeath(api.db, { number })
  const { body } = await api.post<{ cycle: { cycleId: string } }>('/api/contribution-cycles', { claimId })
  return body.cycle.cycleId
}

const isTold = async (api: TestApi, cycleId: string) => {
  const { rows } = await sql`
    select from events where subject = ${cycleId} and event_name = 'MembersNotified'`.execute(api.db)
  return rows.length
}

describe('members of a fund that tells its members', () => {
  let api: TestApi
  let gateway: TextGateway
  let mails: Awaited<ReturnType<typeof openMailServer>>
  beforeAll(async () => {
    mails = await openMailServer()
    gateway = await openTextGateway()
    api = await openTestApi({
      worker: true,
      env: {
        SMTP_URL: `smtp://127.0.0.1:${mails.port}`,
        MAIL_FROM: 'Fund <fund@example.org>',
        SMS_URL: `http://almoner:s%40fe@127.0.0.1:${gateway.port}/sms`,
      },
    })
    await registerReachable(api)
  })
  afterAll(async () => {
    await api?.close()
    await mails?.close()
    await gateway?.close()
  })

  const deliveriesOf = (cycleId: string) =>
    api.pageThrough<DeliveryView>(`/api/deliveries?cycleId=${cycleId}`, 50)

  test('are not told by default', async () => {
    const cycleId = await startCycle(api, 1)
    await expect
      .poll(
        async () =>
          (
            await sql`select from events where subject = ${cycleId} and event_name = 'AgentsNotified'`.execute(
              api.db,
            )
          ).rows.length,
        { timeout: 30_000 },
      )
      .toBe(1)
    expect(
      (await sql`select from jobs where job_kind = 'notify-members-new-cycle'`.execute(api.db)).rows,
    ).toEqual([])
  })

  test('are told once each, by every channel that reaches them, in their language', async () => {
    const { body: fund } = await api.patch<{ memberChannels: string[] }>('/api/fund', {
      memberChannels: ['sms', 'email', 'sms'],
    })
    expect(fund.memberChannels).toEqual(['email', 'sms'])
    const member = await api.db
      .selectFrom('members')
      .select('memberId')
      .where('memberCode', '=', 'M-A-00000006')
      .executeTakeFirstOrThrow()
    const inHindi = await api.put(`/api/members/${member.memberId}/notice-preferences`, {
      language: 'hi',
      refusedChannels: ['email'],
    })
    expect(inHindi.status).toBe(200)

    const cycleId = await startCycle(api, 2)
    await expect.poll(() => isTold(api, cycleId), { timeout: 30_000 }).toBe(1)
    const toMembers = async () =>
      (await deliveriesOf(cycleId)).filter(({ noticeKind }) => noticeKind === 'member-notice')
    await expect
      .poll(async () => (await toMembers()).filter(({ deliveryStatus }) => deliveryStatus === 'Pending'), {
        timeout: 40_000,
      })
      .toEqual([])

    // Members 1 and 2 have died.
    const numbers = Array.from({ length: 58 }, (_, index) => index + 3)
    const mailed = numbers.filter((number) => number % 2 === 0)
    const texted = numbers.filter((number) => number % 3 === 0)
    const { rows } = await sql<{ number: number; notices: number }>`
      select right(m.member_code, 8)::integer as number, count(*) as notices
      from notices n join members m on m.member_id = n.recipient_id
      where n.cycle_id = ${cycleId} group by 1 order by 1`.execute(api.db)
    expect(rows).toEqual(
      numbers
        .filter((number) => number % 2 === 0 || number % 3 === 0)
        .map((number) => ({ number, notices: 1 })),
    )
    const deliveries = await toMembers()
    expect(deliveries).toHaveLength(mailed.length + texted.length)
    const withdrawn = deliveries.filter(({ deliveryStatus }) => deliveryStatus === 'Withdrawn')
    expect(withdrawn.map(({ address, error }) => [address, error])).toEqual([
      ['m-a-00000006@example.org', 'The recipient does not want to be told this way.'],
    ])
    const addressed = mails.received.map(({ to }) => to).filter((to) => to.startsWith('m-a-'))
    expect(addressed.toSorted()).toEqual(
      mailed
        .filter((number) => number !== 6)
        .map((number) => `m-a-${String(number).padStart(8, '0')}@example.org`)
        .toSorted(),
    )
    expect(gateway.received.map(({ to }) => to).toSorted()).toEqual(
      texted.map((number) => `+9198${String(number).padStart(8, '0')}`).toSorted(),
    )
    const sms = deliveries.filter(({ channel }) => channel === 'sms')
    expect(gateway.received.map(({ id }) => id).toSorted()).toEqual(
      sms.map(({ deliveryId }) => deliveryId).toSorted(),
    )
    for (const { to, text, channel } of gateway.received) {
      expect(channel).toBe('sms')
      expect(text).toContain('CL-2026-')
      expect(text).toContain(to.endsWith('00000006') ? '2 जनवरी 2026' : '2 January 2026')
    }
    expect(gateway.headers[0]?.authorization).toBe(`Basic ${Buffer.from('almoner:s@fe').toString('base64')}`)
    const { body: hers } = await api.get<{ items: DeliveryView[] }>(
      `/api/deliveries?recipientId=${member.memberId}`,
    )
    expect(
      hers.items.map(({ channel, deliveryStatus }) => `${channel} ${deliveryStatus}`).toSorted(),
    ).toEqual(['email Withdrawn', 'sms Sent'])
  })

  test('whose number the gateway refuses are named, and a busy gateway gets the message again under the same id', async () => {
    const tries = new Map<string, number>()
    gateway.answer(({ id, to }, response) => {
      tries.set(id, (tries.get(id) ?? 0) + 1)
      if (to.endsWith('00000009')) response.writeHead(400).end()
      else if (to.endsWith('00000012') && tries.get(id) === 1) response.writeHead(429).end()
      else response.writeHead(200).end('x'.repeat(100_000))
    })
    const before = gateway.received.length
    const cycleId = await startCycle(api, 3)
    const sms = async () => (await deliveriesOf(cycleId)).filter(({ channel }) => channel === 'sms')
    const to = async (number: string) => (await sms()).find(({ address }) => address.endsWith(number))
    await expect
      .poll(() => to('00000009'), { timeout: 30_000 })
      .toMatchObject({ deliveryStatus: 'Dead', attempts: 1, error: 'The gateway answered 400.' })
    await expect
      .poll(() => to('00000012'), { timeout: 30_000 })
      .toMatchObject({ deliveryStatus: 'Pending', attempts: 1, error: 'The gateway answered 429.' })
    await sql`update deliveries set not_before = now() where delivery_status = 'Pending'`.execute(api.db)
    await expect
      .poll(() => to('00000012'), { timeout: 30_000 })
      .toMatchObject({ deliveryStatus: 'Sent', attempts: 2 })
    await expect
      .poll(async () => (await sms()).every(({ deliveryStatus }) => deliveryStatus !== 'Pending'), {
        timeout: 30_000,
      })
      .toBe(true)
    const { length } = await sms()
    expect(gateway.received.length - before).toBe(length + 1)
    expect([...tries.values()].filter((count) => count === 2)).toHaveLength(1)
  })
})

describe('a member gets no message any more', () => {
  let api: TestApi
  let cycleId: string
  beforeAll(async () => {
    api = await openTestApi({ worker: true })
    await registerReachable(api)
    await sql`update fund set member_channels = '{email,sms}'`.execute(api.db)
    cycleId = await startCycle(api, 1)
    await vi.waitUntil(async () => (await isTold(api, cycleId)) === 1, { timeout: 30_000 })
  })
  afterAll(() => api?.close())
  // Without a mail server and a gateway they wait.
  afterEach(() => sql`update deliveries set not_before = now() - interval '1 second'`.execute(api.db))

  const number = (digits: string) => `M-A-${digits.padStart(8, '0')}`
  const takeTo = async (digits: string): Promise<Letter | undefined> =>
    (await takeDueLetters(api.db, 'email', 100, 0)).find(({ address }) =>
      address.startsWith(`${number(digits).toLowerCase()}@`),
    )

  test.each([
    [
      'died',
      '2',
      `update members set member_status = 'Deceased' where member_code = 'M-A-00000002'`,
      'has died',
    ],
    [
      'left',
      '4',
      `update members set member_status = 'Inactive' where member_code = 'M-A-00000004'`,
      'has left',
    ],
    [
      'paid',
      '8',
      `update member_contributions set contribution_status = 'Paid', paid_amount = contribution_amount where member_id = (select member_id from members where member_code = 'M-A-00000008')`,
      'owes nothing',
    ],
    [
      'switched off the channel',
      '10',
      `insert into notice_preferences (recipient_id, refused_channels) select member_id, '{email}' from members where member_code = 'M-A-00000010'`,
      'does not want',
    ],
  ])('who has %s meanwhile', async (_what, digits, change, because) => {
    expect((await takeTo(digits))?.withdrawal).toBeNull()
    await sql`update deliveries set not_before = now() - interval '1 second'`.execute(api.db)
    await sql.raw(change).execute(api.db)
    expect((await takeTo(digits))?.withdrawal).toContain(because)
  })

  test('if the fund switched off the channel', async () => {
    await sql`update fund set member_channels = '{sms}'`.execute(api.db)
    expect((await takeTo('20'))?.withdrawal).toContain('does not tell this way')
    await sql`update fund set member_channels = '{email,sms}'`.execute(api.db)
  })

  test('before the letters to agents and admins', async () => {
    const { rows } = await sql<{ few: number }>`
      select count(*) as few from deliveries where channel = 'email' and not is_bulk`.execute(api.db)
    const few = rows[0]?.few ?? 0
    await sql`update deliveries set not_before = now() - interval '1 hour' where is_bulk`.execute(api.db)
    const taken = await takeDueLetters(api.db, 'email', few + 1, 0)
    const bulk = taken.filter(({ content }) => content.noticeKind === 'member-notice')
    expect([few > 0, taken.length, bulk.length]).toEqual([true, few + 1, 1])
  })
})

describe('notice preferences', () => {
  let api: TestApi
  beforeAll(async () => {
    api = await openTestApi({ worker: false })
    await registerReachable(api)
  })
  afterAll(() => api?.close())

  const own = '/api/notice-preferences'
  const asTheFund: NoticePreferences = { language: null, refusedChannels: [] }

  test('are those of the fund until they are changed', async () => {
    const treasurer = await signedIn(api, 'treasurer')
    expect((await treasurer.ask('GET', own)).body).toEqual(asTheFund)
    const wanted = { language: 'hi', refusedChannels: ['whatsapp', 'email'] }
    const kept = { language: 'hi', refusedChannels: ['email', 'whatsapp'] }
    expect((await treasurer.ask('PUT', own, wanted)).body).toEqual(kept)
    expect((await treasurer.ask('PUT', own, wanted)).body).toEqual(kept)
    expect((await treasurer.ask('GET', own)).body).toEqual(kept)
    const { rows } = await sql<{ payload: object }>`
      select payload from events where event_name = 'NoticePreferencesChanged'`.execute(api.db)
    expect(rows).toEqual([{ payload: { before: asTheFund, after: kept } }])
    expect((await treasurer.ask('PUT', own, { refusedChannels: ['pigeon'] })).status).toBe(400)
  })

  test('with an API key are those of its user', async () => {
    expect((await api.put(own, { refusedChannels: ['sms'] })).status).toBe(200)
    expect((await api.get(own)).body).toEqual({ language: null, refusedChannels: ['sms'] })
  })

  test('an agent changes her own, and reads those of her own members only', async () => {
    const { rows } = await sql<{ agentId: string; memberId: string }>`
      select distinct on (agent_id) agent_id, member_id from members order by agent_id, member_id limit 2`.execute(
      api.db,
    )
    const [first, second] = rows as [(typeof rows)[0], (typeof rows)[0]]
    const agent = await signedIn(api, 'agent', first.agentId)
    expect((await agent.ask('PUT', own, { refusedChannels: ['sms'] })).status).toBe(200)
    const asAdmin = await api.get(`/api/agents/${first.agentId}/notice-preferences`)
    expect(asAdmin.body).toEqual({ language: null, refusedChannels: ['sms'] })
    const ofMember = (memberId: string) => `/api/members/${memberId}/notice-preferences`
    expect((await agent.ask('GET', ofMember(first.memberId))).body).toEqual(asTheFund)
    expect(refusal(await agent.ask('GET', ofMember(second.memberId)))).toBe('404 member-not-found')
    expect(refusal(await agent.ask('PUT', ofMember(first.memberId), asTheFund))).toBe('403 forbidden')
  })

  test.each([
    ['members', '404 member-not-found'],
    ['agents', '404 agent-not-found'],
  ])('there is none of %s who are not there', async (whose, refused) => {
    const path = `/api/${whose}/${nobody}/notice-preferences`
    expect(refusal(await api.get(path))).toBe(refused)
    expect(refusal(await api.put(path, asTheFund))).toBe(refused)
  })

  test('a channel has a rate limit that all processes share', async () => {
    // One a second, and ten at once after a rest.
    const pace = { channel: 'whatsapp', perMinute: 60, limit: 8 } as const
    const since = performance.now()
    const take = () => takeAtPace(api.db, pace, async (_db, limit) => Array.from({ length: limit }))
    const taken = (await Promise.all(Array.from({ length: 12 }, take))).map(({ length }) => length)
    const sum = taken.reduce((former, count) => former + count)
    expect(Math.max(...taken)).toBe(8)
    expect(sum).toBeGreaterThanOrEqual(10)
    expect(sum).toBeLessThanOrEqual(10 + Math.ceil((performance.now() - since) / 1_000))
    // What was not taken is not counted.
    const none = await takeAtPace(api.db, { ...pace, channel: 'sms' }, async () => [])
    expect(none).toEqual([])
    expect((await takeAtPace(api.db, { ...pace, channel: 'sms' }, async () => ['one', 'two'])).length).toBe(2)
  })
})

describe('a gateway for short messages', () => {
  let gateway: TextGateway
  beforeEach(async () => {
    gateway = await openTextGateway()
  })
  afterEach(() => gateway.close())
  const message = { id: 'one', to: '+91 98-1', text: 'पैसे' }
  const send = () => createTexter('whatsapp', `http://127.0.0.1:${gateway.port}/`)(message)

  test('gets a message unchanged, without a login if it has none', async () => {
    await send()
    expect(gateway.received).toEqual([{ id: 'one', channel: 'whatsapp', to: '+91981', text: 'पैसे' }])
    expect(gateway.headers[0]?.authorization).toBeUndefined()
  })

  test.each([
    [400, true],
    [404, true],
    [408, false],
    [429, false],
    [500, false],
    [302, false],
  ])('that answers %i refuses for good: %s', async (status, isForGood) => {
    gateway.answer((_text, response) => {
      response.writeHead(status, { location: `http://127.0.0.1:${gateway.port}/elsewhere` }).end()
    })
    const refused = await send().catch((error: Error) => error)
    expect(refused).toMatchObject({ message: `The gateway answered ${status}.` })
    expect(refused instanceof TextRefusedError).toBe(isForGood)
    expect(gateway.received).toHaveLength(1)
  })

  test('that disconnects, or is not there, is tried again later', async () => {
    gateway.answer((_text, response) => response.destroy())
    await expect(send()).rejects.toThrow(/^The gateway does not answer: /)
    const nowhere = createTexter('sms', `http://127.0.0.1:${await freePort()}/`)
    await expect(nowhere(message)).rejects.toThrow('The gateway does not answer: connect ECONNREFUSED')
  })
})
