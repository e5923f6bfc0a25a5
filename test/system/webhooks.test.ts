import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sql } from 'kysely'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createSeal } from '../../src/access/seal.ts'
import { startWorker } from '../../src/app/start-worker.ts'
import type { DeliveryView } from '../../src/notices/delivery-sql.ts'
import type { EndpointWithSecret } from '../../src/notices/keep-webhooks.ts'
import { postWebhook } from '../../src/notices/post-webhook.ts'
import type { EndpointView } from '../../src/notices/webhook-sql.ts'
import { openTestApi, type Page, refusal, type TestApi } from '../support/api-client.ts'
import { signedIn, type Visitor } from '../support/browser-client.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'

interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

const received: Received[] = []
/** With what a path is answered: a status, and perhaps more than that. */
const answers = new Map<string, number | ((request: Received) => number)>()

/** A receiver as somebody else would write it. */
const receiver: Server = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (part: string) => {
    body += part
  })
  request.on('end', () => {
    const path = request.url ?? ''
    const post = { path, headers: request.headers, body }
    received.push(post)
    if (path === '/hangs') return
    if (path === '/redirects') return response.writeHead(302, { location: '/followed' }).end()
    if (path === '/endless') {
      response.writeHead(200)
      const more = setInterval(() => response.write('x'.repeat(65_536)), 1)
      response.once('close', () => clearInterval(more))
      return
    }
    const answer = answers.get(path) ?? 200
    response.writeHead(typeof answer === 'number' ? answer : answer(post)).end()
  })
})

let api: TestApi
let base: string
/** What has to do with secrets takes a session in which password and code were just given. */
let admin: Visitor
let nextDeath = 1
beforeAll(async () => {
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`
  api = await openTestApi({ worker: true, env: { WEBHOOK_ADDRESSES: '127.0.0.1' } })
  await registerTier(api.db, { members: 100 })
  admin = await signedIn(api, 'admin')
})
afterAll(async () => {
  await api?.close()
  receiver.closeAllConnections()
  receiver.close()
})

const add = async (path: string) =>
  (await admin.ask<EndpointWithSecret>('POST', '/api/webhooks', { url: `${base}${path}` })).body
const to = (path: string) => received.filter((post) => post.path === path)
const idsOf = (posts: readonly Received[]) => posts.map(({ headers }) => headers['webhook-id'])
const typesOf = (posts: readonly Received[]) =>
  posts.map(({ body }) => (JSON.parse(body) as { type: string }).type)

async function startCycle(): Promise<{ cycleId: string; cycleCode: string }> {
  const { claimId } = await approveDeath(api.db, { number: nextDeath++ })
  const { body } = await api.post<{ cycle: { cycleId: string; cycleCode: string } }>(
    '/api/contribution-cycles',
    { claimId, strategy: 'queued' },
  )
  return body.cycle
}

const deliveriesTo = async (path: string) =>
  (await api.pageThrough<DeliveryView>('/api/deliveries?channel=webhook', 50)).filter(
    ({ address }) => address === `${base}${path}`,
  )

/** What the database has of an endpoint's secret, and of the one before. */
const keptOf = async (endpointId: string) => {
  const kept = await api.db
    .selectFrom('webhookEndpoints')
    .select(['secret', 'previousSecret'])
    .where('endpointId', '=', endpointId)
    .executeTakeFirstOrThrow()
  return [kept.secret, kept.previousSecret]
}
const sealed = expect.stringMatching(/^[0-9a-f]{100,}$/)

/** Lets what rests be tried at once. */
const hurry = () =>
  sql`update deliveries set not_before = now() where delivery_status = 'Pending' and channel = 'webhook'`.execute(
    api.db,
  )

test('the events of a cycle are sent in order, and the secret proves that they are ours', async () => {
  const { secret } = await add('/ok')
  const cycle = await startCycle()
  await expect.poll(() => to('/ok').length, { timeout: 20_000 }).toBe(2)
  expect(typesOf(to('/ok'))).toEqual(['ContributionCycleInitiated', 'ContributionCycleActivated'])
  for (const { headers, body } of to('/ok')) {
    const told = new Webhook(secret).verify(body, headers as Record<string, string>)
    expect(told).toMatchObject({
      timestamp: expect.stringMatching(/^\d{4}-/),
      data: { cycleId: cycle.cycleId, cycleCode: cycle.cycleCode },
    })
    const another = `whsec_${Buffer.from('another secret').toString('base64')}`
    expect(() => new Webhook(another).verify(body, headers as Record<string, string>)).toThrow()
  }
})

test('a refused event is sent again under the same id, and later ones wait for it', async () => {
  await add('/fails')
  let refusals = 3
  answers.set('/fails', () => (refusals-- > 0 ? 500 : 200))
  await startCycle()
  await expect
    .poll(
      async () => {
        await hurry()
        return to('/fails').length
      },
      { timeout: 20_000 },
    )
    .toBe(5)
  const ids = idsOf(to('/fails'))
  expect(new Set(ids.slice(0, 4)).size).toBe(1)
  expect(ids[4]).not.toBe(ids[0])
  expect(typesOf(to('/fails')).at(-1)).toBe('ContributionCycleActivated')
  const [, first] = await deliveriesTo('/fails')
  expect(first).toMatchObject({ deliveryStatus: 'Sent', attempts: 4, error: null })
})

test('an endpoint that is gone is switched off, admins are told, and nothing is sent to it any more', async () => {
  const { endpointId } = await add('/gone')
  answers.set('/gone', 410)
  await startCycle()
  const isOff = async () =>
    (await api.get<Page<EndpointView>>('/api/webhooks')).body.items.find(
      (one) => one.endpointId === endpointId,
    )?.disabledReason
  await expect.poll(isOff, { timeout: 20_000 }).toBe('It answered 410.')
  const { rows } = await sql`select from notices where notice_kind = 'webhook-disabled'`.execute(api.db)
  expect(rows.length).toBeGreaterThan(0)
  // What had happened in between is withdrawn.
  const statuses = async () => (await deliveriesTo('/gone')).map(({ deliveryStatus }) => deliveryStatus)
  await expect.poll(statuses, { timeout: 20_000 }).not.toContain('Pending')
  expect((await statuses()).filter((status) => status !== 'Withdrawn')).toEqual(['Dead'])
  const before = to('/gone').length
  const { cycleId } = await startCycle()
  await expect
    .poll(
      async () =>
        (await api.get<{ cycleStatus: string }>(`/api/contribution-cycles/${cycleId}`)).body.cycleStatus,
    )
    .toBe('Active')
  expect(to('/gone')).toHaveLength(before)
  const on = await api.patch<EndpointView>(`/api/webhooks/${endpointId}`, { enabled: true })
  expect(on.body.disabledAt).toBeNull()
})

test('a new secret signs at once, and the old one for one more day', async () => {
  const { endpointId, secret } = await add('/rotated')
  const rotated = await admin.ask<EndpointWithSecret>('POST', `/api/webhooks/${endpointId}/rotate-secret`)
  expect(rotated.body.secret).not.toBe(secret)
  expect(await keptOf(endpointId)).toEqual([sealed, sealed])
  await startCycle()
  await expect.poll(() => to('/rotated').length, { timeout: 20_000 }).toBe(2)
  const [post] = to('/rotated')
  for (const known of [secret, rotated.body.secret]) {
    new Webhook(known).verify(post?.body ?? '', post?.headers as Record<string, string>)
  }
  await sql`update webhook_endpoints set previous_until = now() - interval '1 second'
    where previous_until is not null`.execute(api.db)
  await startCycle()
  await expect.poll(() => to('/rotated').length, { timeout: 20_000 }).toBe(4)
  const last = to('/rotated').at(-1)
  expect(() =>
    new Webhook(secret).verify(last?.body ?? '', last?.headers as Record<string, string>),
  ).toThrow()
})

test('a secret is shown once and never again, and no answer or event has it', async () => {
  const { secret } = await add('/secret')
  expect((await api.get('/api/webhooks')).text).not.toContain(secret)
  const { rows } = await sql<{ found: boolean }>`
    select exists (select from events where payload::text like ${`%${secret}%`})
      or exists (select from webhook_endpoints w where w::text like ${`%${secret}%`}) as found`.execute(
    api.db,
  )
  expect(rows[0]?.found).toBe(false)
})

test('a secret that the version before kept in plain is encrypted when a worker starts, and signs as before', async () => {
  const { endpointId, secret } = await add('/plain')
  const previous = `whsec_${Buffer.from('the one before').toString('base64')}`
  await sql`update webhook_endpoints set secret = ${secret}, previous_secret = ${previous}, previous_until = now()
    where endpoint_id = ${endpointId}`.execute(api.db)
  const another = await startWorker(api.app)
  await another.stop()
  expect(await keptOf(endpointId)).toEqual([sealed, sealed])
  await startCycle()
  await expect.poll(() => to('/plain').length, { timeout: 20_000 }).toBe(2)
  const [post] = to('/plain')
  new Webhook(secret).verify(post?.body ?? '', post?.headers as Record<string, string>)
})

test('a secret of another installation is not used: the delivery says what is wrong', async () => {
  const { endpointId } = await add('/elsewhere')
  const elsewhere = createSeal({ db: api.db, secret: 'the secret of another installation' })
  await sql`update webhook_endpoints set secret = ${await elsewhere.seal('whsec_b3RoZXI=')}
    where endpoint_id = ${endpointId}`.execute(api.db)
  await startCycle()
  // Of the first: what happened later waits for it, and has no error.
  await expect
    .poll(async () => (await deliveriesTo('/elsewhere')).at(-1)?.error, { timeout: 20_000 })
    .toBe('It was encrypted with another ALMONER_SECRET.')
  expect(to('/elsewhere')).toEqual([])
})

describe('a post', () => {
  const post = (url: string, allowed: string[] = ['127.0.0.1']) => postWebhook(url, {}, '{}', allowed)

  test('follows no redirect', async () => {
    expect(await post(`${base}/redirects`)).toBe(302)
    expect(to('/followed')).toEqual([])
  })

  test('does not read an answer without end', async () => {
    expect(await post(`${base}/endless`)).toBe(200)
  })

  test('does not wait for ever', { timeout: 20_000 }, async () => {
    await expect(post(`${base}/hangs`)).rejects.toThrow('No answer within 10 s.')
  })

  test.each([
    'http://127.0.0.1',
    'http://127.1',
    'http://2130706433',
    'http://0x7f000001',
    'http://0177.0.0.1',
    'http://0.0.0.0',
    'http://localhost',
    'http://[::1]',
    'http://[::]',
    'http://[::ffff:127.0.0.1]',
    'http://[::ffff:7f00:1]',
    'http://[64:ff9b::7f00:1]',
    'http://[fe80::1]',
    'http://[fc00::1]',
    'http://10.0.0.1',
    'http://172.16.0.1',
    'http://192.168.1.1',
    'http://100.64.0.1',
    'http://169.254.169.254',
    'http://224.0.0.1',
    'http://255.255.255.255',
  ])('to %s is refused', async (address) => {
    const { port } = new URL(base)
    const before = received.length
    await expect(post(`${address}:${port}/ok`, [])).rejects.toThrow(/not allowed/i)
    expect(received).toHaveLength(before)
  })
})

test.each([
  ['http://example.org/hook', 400],
  ['https://user:password@example.org/hook', 400],
  ['ftp://example.org', 400],
  ['nonsense', 400],
])('without an address of one’s own network, %s is refused with %i', async (url, status) => {
  const strict = await openTestApi({ worker: false })
  const its = await signedIn(strict, 'admin')
  try {
    expect((await its.ask('POST', '/api/webhooks', { url })).status).toBe(status)
    expect((await its.ask('POST', '/api/webhooks', { url: 'https://example.org/hook' })).status).toBe(201)
    expect(
      refusal(await its.ask('POST', '/api/webhooks/00000000-0000-4000-8000-000000000000/rotate-secret')),
    ).toBe('404 webhook-not-found')
  } finally {
    await strict.close()
  }
})
