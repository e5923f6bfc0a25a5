import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Role } from '../../src/access/permission-rules.ts'
import { startWorker } from '../../src/app/start-worker.ts'
import type { DeliveryView } from '../../src/notices/delivery-sql.ts'
import { takeDueLetters } from '../../src/notices/delivery-sql.ts'
import type { NoticeView } from '../../src/notices/notice-sql.ts'
import { runAlmoner } from '../support/almoner-process.ts'
import { openTestApi, type Page, refusal, type TestApi } from '../support/api-client.ts'
import { signedIn } from '../support/browser-client.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'
import { type MailServer, openMailServer } from '../support/mail-server.ts'

let api: TestApi
let mails: MailServer
let nextDeath = 1
beforeAll(async () => {
  mails = await openMailServer()
  api = await openTestApi({
    worker: true,
    env: { SMTP_URL: `smtp://127.0.0.1:${mails.port}`, MAIL_FROM: 'Fund <fund@example.org>' },
  })
  await registerTier(api.db, { members: 200 })
  await sql`update agents set email = lower(agent_code) || '@example.org' where agent_code <> 'AG-001'`.execute(
    api.db,
  )
})
afterAll(async () => {
  await api?.close()
  await mails?.close()
})

async function startCycle(tierCode = 'A', number = nextDeath++): Promise<string> {
  const { claimId } = await approveDeath(api.db, { tierCode, number })
  const { body } = await api.post<{ cycle: { cycleId: string } }>('/api/contribution-cycles', {
    claimId,
    strategy: 'queued',
  })
  return body.cycle.cycleId
}

const statusOf = async (cycleId: string) =>
  (await api.get<{ cycleStatus: string }>(`/api/contribution-cycles/${cycleId}`)).body.cycleStatus

async function untilNotified(cycleId: string): Promise<void> {
  await expect
    .poll(
      async () => {
        const { rows } = await sql`select from events
          where subject = ${cycleId} and event_name = 'AgentsNotified'`.execute(api.db)
        return rows.length
      },
      { timeout: 30_000 },
    )
    .toBe(1)
}

const digestsOf = async (cycleId: string) =>
  (
    await sql<{ agentCode: string; members: number; amount: number }>`
      select a.agent_code, n.members, n.amount from notices n join agents a on a.agent_id = n.recipient_id
      where n.cycle_id = ${cycleId} and n.notice_kind = 'agent-digest' and n.made_at is not null
      order by a.agent_code`.execute(api.db)
  ).rows

const deliveriesOf = (cycleId: string) =>
  api.pageThrough<DeliveryView>(`/api/deliveries?cycleId=${cycleId}`, 50)

const noticesOf = async (role: Role, agentId?: string) => {
  const visitor = await signedIn(api, role, agentId)
  return { visitor, answer: await visitor.ask<Page<NoticeView>>('GET', '/api/notices') }
}

test('when a cycle becomes Active, each agent is told once what to collect, and nothing earlier', async () => {
  await sql`create function dawdle() returns trigger language plpgsql as
    $$ begin perform pg_sleep(1); return null; end $$`.execute(api.db)
  await sql`create trigger dawdle before insert on member_contributions
    for each statement execute function dawdle()`.execute(api.db)
  const cycleId = await startCycle()
  expect((await sql`select from notices where cycle_id = ${cycleId}`.execute(api.db)).rows).toEqual([])
  await sql`drop trigger dawdle on member_contributions`.execute(api.db)
  await untilNotified(cycleId)
  expect(await statusOf(cycleId)).toBe('Active')

  const { rows: owed } = await sql`
    select a.agent_code, count(*) as members, sum(mc.contribution_amount)::bigint as amount
    from member_contributions mc join members m using (member_id) join agents a using (agent_id)
    where mc.cycle_id = ${cycleId} and mc.contribution_status = 'Pending'
    group by a.agent_code order by a.agent_code`.execute(api.db)
  expect(owed.length).toBe(20)
  expect(await digestsOf(cycleId)).toEqual(owed)
})

test('admins and treasurers are told that it is Active, an agent what to collect, and others nothing', async () => {
  const treasurer = await noticesOf('treasurer')
  const cycleId = await startCycle()
  await untilNotified(cycleId)
  const [notice] = (await treasurer.visitor.ask<Page<NoticeView>>('GET', '/api/notices')).body.items
  expect(notice).toMatchObject({ noticeKind: 'cycle-ready', cycleId, members: null, readAt: null })
  await treasurer.visitor.ask('POST', '/api/notices/read')
  const [read] = (await treasurer.visitor.ask<Page<NoticeView>>('GET', '/api/notices')).body.items
  expect(read).toMatchObject({ noticeId: notice?.noticeId, readAt: expect.any(String) })

  const agent = await api.db
    .selectFrom('agents')
    .select('agentId')
    .where('agentCode', '=', 'AG-002')
    .executeTakeFirstOrThrow()
  const { answer } = await noticesOf('agent', agent.agentId)
  expect(answer.body.items.map(({ noticeKind }) => noticeKind)).toContain('agent-digest')
  expect(answer.body.items.every(({ noticeKind }) => noticeKind === 'agent-digest')).toBe(true)
  expect(refusal((await noticesOf('clerk')).answer)).toBe('403 forbidden')
})

test('the stream sends the notices that exist and new ones, while its reader may read', async () => {
  const treasurer = await signedIn(api, 'treasurer')
  const cookie = [...treasurer.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const stream = await fetch(`${api.url}/api/notices/stream`, { headers: { cookie } })
  const events = stream.body?.pipeThrough(new TextDecoderStream()).getReader()
  const kindsTold = async () => {
    let text = ''
    while (!text.endsWith('\n\n')) text += (await events?.read())?.value ?? '\n\n'
    const { items } = JSON.parse(
      /^event: notices\ndata: (.*)\n\n$/m.exec(text)?.[1] ?? '',
    ) as Page<NoticeView>
    return items.map(({ noticeKind, cycleId }) => `${noticeKind} ${cycleId}`)
  }
  expect(await kindsTold()).toEqual([])
  const cycleId = await startCycle()
  expect(await kindsTold()).toEqual([`cycle-ready ${cycleId}`])
  await events?.cancel()

  await treasurer.ask('DELETE', '/api/session')
  expect(refusal(await treasurer.ask('GET', '/api/notices/stream'))).toBe('401 not-signed-in')
  await untilNotified(cycleId)
})

test('a failed creation is told to admins and treasurers, with the reason, and not to agents', async () => {
  await sql`create function refuse() returns trigger language plpgsql as
    $$ begin raise exception 'the numbers are wrong'; end $$`.execute(api.db)
  await sql`create trigger refuse before insert on member_contributions
    for each statement execute function refuse()`.execute(api.db)
  const cycleId = await startCycle()
  await expect.poll(() => statusOf(cycleId), { timeout: 40_000 }).toBe('Failed')
  await sql`drop trigger refuse on member_contributions`.execute(api.db)
  const { rows } = await sql<{ noticeKind: string; role: string }>`
    select n.notice_kind, u.role from notices n left join users u on u.id = n.recipient_id
    where n.cycle_id = ${cycleId}`.execute(api.db)
  expect(rows.length).toBeGreaterThan(0)
  for (const { noticeKind, role } of rows) {
    expect([noticeKind, ['admin', 'treasurer'].includes(role)]).toEqual(['cycle-failed', true])
  }
  await expect
    .poll(() => mails.received.some(({ source }) => source.includes('has failed')), { timeout: 20_000 })
    .toBe(true)

  const env = { DATABASE_URL: api.app.database.url }
  const { cycleCode } = await api.db
    .selectFrom('contributionCycles')
    .select('cycleCode')
    .where('cycleId', '=', cycleId)
    .executeTakeFirstOrThrow()
  const found = await runAlmoner(['doctor'], env)
  expect([found.code, found.stdout.includes(`almoner cycles retry ${cycleCode}`)]).toEqual([1, true])
  expect((await runAlmoner(['cycles', 'retry', cycleCode], env)).code).toBe(0)
  await untilNotified(cycleId)
  expect(await statusOf(cycleId)).toBe('Active')
})

test('digests that cannot be made are named by the doctor, and made when their job is tried again', {
  timeout: 60_000,
}, async () => {
  await sql`create function break_digests() returns trigger language plpgsql as
    $$ begin raise exception 'the disk is full'; end $$`.execute(api.db)
  await sql`create trigger break_digests before update on notices
    for each statement execute function break_digests()`.execute(api.db)
  const cycleId = await startCycle()
  const jobId = async () =>
    (
      await sql<{ jobId: string }>`select job_id from jobs
        where subject = ${cycleId} and job_kind = 'notify-agents-new-cycle' and job_status = 'Failed'`.execute(
        api.db,
      )
    ).rows[0]?.jobId
  await expect.poll(jobId, { timeout: 40_000 }).toBeDefined()
  await sql`drop trigger break_digests on notices`.execute(api.db)
  expect(await statusOf(cycleId)).toBe('Active')
  expect(await digestsOf(cycleId)).toEqual([])
  const env = { DATABASE_URL: api.app.database.url }
  const found = await runAlmoner(['doctor'], env)
  const retry = `almoner jobs retry ${await jobId()}`
  expect([found.code, found.stdout.includes(retry)]).toEqual([1, true])
  expect((await runAlmoner(retry.split(' ').slice(1), env)).code).toBe(0)
  await untilNotified(cycleId)
  expect(await digestsOf(cycleId)).toHaveLength(20)
  expect((await runAlmoner(['doctor'], env)).code).toBe(0)
  expect((await runAlmoner(retry.split(' ').slice(1), env)).code).toBe(1)
})

describe('a letter', () => {
  const lettersFor = (cycleId: string) =>
    mails.received.filter(({ source }) => source.includes(`/cycles/${cycleId}`))
  const untilSettled = async (cycleId: string, expected: number) => {
    await expect
      .poll(async () => (await deliveriesOf(cycleId)).filter((one) => one.deliveryStatus === 'Sent').length, {
        timeout: 30_000,
      })
      .toBe(expected)
  }

  test('goes to each agent with an address, once, under the id of its delivery, and says what the law asks', async () => {
    const cycleId = await startCycle()
    await untilNotified(cycleId)
    const digests = (await deliveriesOf(cycleId)).filter((one) => one.noticeKind === 'agent-digest')
    // One agent has no address.
    expect(digests).toHaveLength(19)
    await untilSettled(cycleId, (await deliveriesOf(cycleId)).length)
    const letters = lettersFor(cycleId)
    expect(
      letters
        .map(({ to }) => to)
        .filter((to) => to.startsWith('ag-'))
        .toSorted(),
    ).toEqual(digests.map(({ address }) => address).toSorted())
    for (const { deliveryId, address, providerId } of await deliveriesOf(cycleId)) {
      expect(providerId).toBe(`<${deliveryId}@example.org>`)
      expect(letters.find(({ to }) => to === address)?.source).toContain(`Message-ID: ${providerId}`)
    }
    const text = letters.find(({ to }) => to === 'ag-005@example.org')?.source.replace(/=\r\n/g, '') ?? ''
    for (const part of [
      'Date of death: 2 January 2026',
      'Claim: CL-',
      'Last day to pay:',
      'Members asked in all:',
    ])
      expect(text).toContain(part)
  })

  test('that is refused for good is Dead, is listed, and is sent again when an admin asks for it', async () => {
    mails.refuse((address) => (address === 'ag-007@example.org' ? 550 : undefined))
    const cycleId = await startCycle()
    await untilNotified(cycleId)
    const dead = async () =>
      (await deliveriesOf(cycleId)).find(({ deliveryStatus }) => deliveryStatus === 'Dead')
    await expect.poll(dead, { timeout: 20_000 }).toMatchObject({
      address: 'ag-007@example.org',
      attempts: 1,
      error: expect.stringContaining('No such box'),
      notBefore: null,
    })
    mails.refuse(() => undefined)
    const { deliveryId } = (await dead()) as DeliveryView
    const resend = `/api/deliveries/${deliveryId}/resend`
    expect((await api.post<DeliveryView>(resend)).body.deliveryStatus).toBe('Pending')
    await untilSettled(cycleId, (await deliveriesOf(cycleId)).length)
    expect(lettersFor(cycleId).filter(({ to }) => to === 'ag-007@example.org')).toHaveLength(1)
    expect(refusal(await api.post(resend))).toBe('409 delivery-not-dead')
    const nothing = '/api/deliveries/00000000-0000-4000-8000-000000000000/resend'
    expect(refusal(await api.post(nothing))).toBe('404 delivery-not-found')
  })

  test('that a server refuses for now is tried again later, and says when', async () => {
    mails.refuse((address) => (address === 'ag-008@example.org' ? 451 : undefined))
    const cycleId = await startCycle()
    await untilNotified(cycleId)
    const putOff = async () =>
      (await deliveriesOf(cycleId)).find(({ address }) => address === 'ag-008@example.org')
    await expect.poll(putOff, { timeout: 20_000 }).toMatchObject({
      deliveryStatus: 'Pending',
      attempts: 1,
      error: expect.stringContaining('No such box'),
    })
    const { notBefore } = (await putOff()) as DeliveryView
    expect(Date.parse(notBefore ?? '')).toBeGreaterThan(Date.now() + 20_000)
    mails.refuse(() => undefined)
    await sql`update deliveries set not_before = now() where delivery_status = 'Pending'`.execute(api.db)
    await expect.poll(putOff, { timeout: 20_000 }).toMatchObject({ deliveryStatus: 'Sent', attempts: 2 })
  })
})

describe('the wording of letters', () => {
  const path = '/api/notice-templates/agent-digest/letter/en'
  const words = (more = '') => ({
    subject: 'Collect {{ amount }}',
    body: `Namaste {{ recipientName }}. ${more}

Whose death: {{ deceasedFullName }}, {{ dateOfDeath }}{% if placeOfDeath != "" %}, {{ placeOfDeath }}{% endif %}
Claim: {{ claimCode }}
Each pays: {{ contributionAmount }} by {{ deadline }}
Asked: {{ members }} of {{ totalMembers }}

{{ link }}`,
  })

  test('is refused if it cannot be filled in, and is otherwise shown with the newest letter', async () => {
    const wrong = await api.put(path, words('{{ nickname }}'))
    expect(refusal(wrong)).toBe('400 invalid-input')
    expect(wrong.body).toMatchObject({
      errors: [{ pointer: '/body', detail: expect.stringContaining('"nickname"') }],
    })
    await untilNotified(await startCycle())
    const preview = '/api/notice-templates/preview'
    const digest = { noticeKind: 'agent-digest', form: 'letter', language: 'en', ...words() }
    const { body } = await api.post<{ subject: string; text: string; isInvented: boolean }>(preview, digest)
    expect(body.isInvented).toBe(false)
    expect(body.text).toMatch(/^Whose death: Member \d+, 2 January 2026, Delhi$/m)
    expect(refusal(await api.post(preview, { ...digest, body: '{{ link' }))).toBe('400 invalid-input')
    const other = {
      noticeKind: 'webhook-disabled',
      form: 'letter',
      language: 'hi',
      subject: 'x',
      body: '{{ reason }} {{ link }}',
    }
    expect((await api.post(preview, other)).body).toMatchObject({
      isInvented: true,
      text: expect.stringContaining('/webhooks'),
    })
  })

  test('is used for the next letters until Almoner’s own wording is restored', async () => {
    const saved = await api.put<{ updatedAt: string }>(path, words('Please collect.'))
    expect(saved.body).toMatchObject({ noticeKind: 'agent-digest', updatedAt: expect.any(String) })
    const cycleId = await startCycle()
    await untilNotified(cycleId)
    const first = () =>
      mails.received.find(({ to, source }) => to === 'ag-002@example.org' && source.includes(cycleId))
    await expect.poll(first, { timeout: 30_000 }).toBeDefined()
    expect(first()?.source).toContain('Namaste Agent 2. Please collect.')
    expect((await api.put(path, words('Please collect.'))).body).toEqual(saved.body)
    const { body: own } = await api.delete<{ subject: string }>(path)
    expect(own).toMatchObject({ updatedAt: null, subject: expect.stringContaining('to collect from') })
    expect((await api.delete(path)).body).toEqual(own)
    const { rows } = await sql<{ payload: { before: object; after: object } }>`
      select payload from events where event_name = 'NoticeTemplateChanged' order by event_id`.execute(api.db)
    expect(rows).toHaveLength(2)
    expect(rows[0]?.payload.after).toEqual(words('Please collect.'))
    expect(rows[1]?.payload.before).toEqual(words('Please collect.'))
  })

  test('is in the language of the fund', async () => {
    await api.patch('/api/fund', { noticeLanguage: 'hi' })
    const cycleId = await startCycle()
    await untilNotified(cycleId)
    const lettersInHindi = () =>
      mails.received
        .map(({ source }) => source.replace(/=\r\n/g, ''))
        // Late letters of other cycles are worded as late.
        .filter((source) => source.includes(`/cycles/${cycleId}`) && source.includes('<html lang=3D"hi">'))
    await expect
      .poll(() => lettersInHindi().length, { timeout: 30_000 })
      .toBe((await deliveriesOf(cycleId)).length)
    await api.patch('/api/fund', { noticeLanguage: 'en' })
  })
})

describe('without a sender', () => {
  let quiet: TestApi
  let cycleId: string
  beforeAll(async () => {
    quiet = await openTestApi({ worker: false })
    await registerTier(quiet.db, { members: 45 })
    await sql`update agents set email = 'a@example.org'`.execute(quiet.db)
    const worker = await startWorker(quiet.app)
    const { claimId } = await approveDeath(quiet.db, { number: 45 })
    const { body } = await quiet.post<{ cycle: { cycleId: string } }>('/api/contribution-cycles', { claimId })
    cycleId = body.cycle.cycleId
    const isNotified = async () =>
      (await sql`select from events where event_name = 'AgentsNotified'`.execute(quiet.db)).rows.length === 1
    await vi.waitUntil(isNotified, { timeout: 30_000 })
    await worker.stop()
  })
  afterAll(() => quiet?.close())

  test('a letter is taken by one sender at a time, and by another if that one did not come back', async () => {
    const [one, other] = await Promise.all([
      takeDueLetters(quiet.db, 'email', 12, 60_000),
      takeDueLetters(quiet.db, 'email', 12, 60_000),
    ])
    const ids = [...one, ...other].map(({ deliveryId }) => deliveryId)
    // Twenty agents, and the admin.
    expect(new Set(ids).size).toBe(21)
    expect(ids).toHaveLength(21)
    expect(await takeDueLetters(quiet.db, 'email', 12, 60_000)).toEqual([])
    await sql`update deliveries set not_before = now() - interval '1 second'`.execute(quiet.db)
    const again = await takeDueLetters(quiet.db, 'email', 50, 0)
    expect(again.map(({ deliveryId }) => deliveryId).toSorted()).toEqual(ids.toSorted())
    expect(again.every(({ attempts }) => attempts === 2)).toBe(true)
  })

  test('a letter counts the members who owe when it is sent, and is withdrawn if there are none', async () => {
    const { rows } = await sql<{ agentId: string; members: string[] }>`
      select agent_id, array_agg(member_id) as members from members
      where member_status = 'Active' group by agent_id order by count(*), agent_id limit 2`.execute(quiet.db)
    const [none, fewer] = rows
    await sql`update members set member_status = 'Deceased' where member_id = any(${none?.members ?? []})`.execute(
      quiet.db,
    )
    await sql`update members set member_status = 'Deceased' where member_id = ${fewer?.members[0]}`.execute(
      quiet.db,
    )
    await sql`update deliveries set not_before = now() - interval '1 second'`.execute(quiet.db)
    const codes = (
      await sql<{ agentId: string; fullName: string }>`select agent_id, full_name from agents`.execute(
        quiet.db,
      )
    ).rows
    const nameOf = (agentId?: string) => codes.find((one) => one.agentId === agentId)?.fullName
    const letters = await takeDueLetters(quiet.db, 'email', 50, 0)
    const letterTo = (agentId?: string) =>
      letters.find(({ content }) => content.recipientName === nameOf(agentId))
    expect(letterTo(none?.agentId)).toMatchObject({
      content: { members: 0 },
      withdrawal: expect.stringContaining('owes'),
    })
    expect(letterTo(fewer?.agentId)).toMatchObject({
      content: { members: (fewer?.members.length ?? 0) - 1 },
      withdrawal: null,
    })
    await sql`update contribution_cycles set deadline_at = now() - interval '1 second' where cycle_id = ${cycleId}`.execute(
      quiet.db,
    )
    await sql`update deliveries set not_before = now() - interval '1 second'`.execute(quiet.db)
    for (const { withdrawal } of await takeDueLetters(quiet.db, 'email', 50, 0))
      expect(withdrawal).not.toBeNull()
  })
})
