/** Photographs every page of the console into docs/screens, with a fund that looks like one. */

import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { test } from 'vitest'
import { startWorker } from '../../src/app/start-worker.ts'
import { submitClaim } from '../../src/claims/submit-claim.ts'
import type { ContributionView as Contribution } from '../../src/cycles/contribution-sql.ts'
import { takeDueLetters } from '../../src/notices/delivery-sql.ts'
import { htmlOf, writeLetter } from '../../src/notices/letter.ts'
import type { PaymentDetail } from '../../src/payments/read-payment.ts'
import { operator } from '../../src/platform/values/actor.ts'
import { openTestApi, type TestApi } from '../support/api-client.ts'
import { hurryUp, launchBrowser, openPage, openPageOf, slowDown } from '../support/browser.ts'
import { signedIn } from '../support/browser-client.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'
import { drawTrace } from '../support/trace-picture.ts'
import { traceACycle } from '../support/traced-cycle.ts'

const folder = fileURLToPath(new URL('../../docs/screens/', import.meta.url))
const first = [
  'Asha',
  'Bela',
  'Chitra',
  'Deepak',
  'Esha',
  'Farid',
  'Gita',
  'Harish',
  'Indu',
  'Joseph',
  'Kiran',
  'Leela',
]
const last = ['Rao', 'Sen', 'Das', 'Iyer', 'Khan', 'Thomas', 'Patel', 'Nair', 'Singh', 'Bose', 'Joshi']

async function nameEverybody(api: TestApi): Promise<void> {
  const name = (
    key: string,
  ) => sql`(${sql.val(first)}::text[])[1 + abs(hashtext(${sql.ref(key)})) % ${sql.lit(first.length)}]
    || ' ' || (${sql.val(last)}::text[])[1 + abs(hashtext(${sql.ref(key)} || 'x')) % ${sql.lit(last.length)}]`
  await sql`update members set full_name = ${name('member_code')}`.execute(api.db)
  await sql`update agents set full_name = ${name('agent_code')}`.execute(api.db)
  await sql`update fund set name = 'Teachers’ Mutual Aid', currency = 'INR', time_zone = 'Asia/Kolkata'`.execute(
    api.db,
  )
}

test('every page is photographed', { timeout: 600_000 }, async () => {
  const api = await openTestApi({ worker: false })
  const browser = await launchBrowser()
  const worker = await startWorker(api.app)
  try {
    await registerTier(api.db, { members: 5_001 })
    await nameEverybody(api)
    await sql`update agents set email = lower(agent_code) || '@example.org'`.execute(api.db)
    const start = async (number: number) => {
      const { claimId } = await approveDeath(api.db, { number })
      const { body } = await api.post<{ cycle: { cycleId: string; jobId: string } }>(
        '/api/contribution-cycles',
        {
          claimId,
          strategy: 'queued',
        },
      )
      return body.cycle
    }
    const ready = await start(1)
    const isOver = async () => {
      const { body } = await api.get<{ cycleStatus: string }>(`/api/contribution-cycles/${ready.cycleId}`)
      return body.cycleStatus === 'Active'
    }
    while (!(await isOver())) await new Promise((resolve) => setTimeout(resolve, 200))
    const { body: asked } = await api.get<{ items: Contribution[] }>(
      `/api/contribution-cycles/${ready.cycleId}/contributions?limit=60`,
    )
    const pay = (body: object) => api.post<PaymentDetail>('/api/payments', { sourceCode: 'TILL', ...body })
    for (const [index, { memberId, contributionAmount }] of asked.items.entries()) {
      const amount = index % 7 === 0 ? contributionAmount / 2 : contributionAmount
      await pay({ memberId, amount, reference: `QK${index}` })
    }
    const { body: payment } = await pay({
      memberId: asked.items[1]?.memberId,
      amount: 20_000,
      reference: 'QK100',
    })
    await approveDeath(api.db, { number: 3 })
    const { memberId } = await api.db
      .selectFrom('members')
      .select('memberId')
      .where('memberCode', '=', 'M-A-00000004')
      .executeTakeFirstOrThrow()
    const claim = {
      deceasedMemberId: memberId,
      dateOfDeath: '2026-11-20',
      placeOfDeath: 'Pune',
      benefitAmount: 50_000_000,
    }
    await submitClaim(api.app, { ...claim, actor: operator('clara') })
    await slowDown(api.db, 20)
    const underway = await start(2)

    const { agentId } = await api.db
      .selectFrom('agents')
      .select('agentId')
      .where('agentCode', '=', 'AG-004')
      .executeTakeFirstOrThrow()
    // Notices from before: each photograph is of another admin.
    const handOver = () =>
      sql`update notices set recipient_id = (select id from users order by created_at desc limit 1)
        where notice_kind = 'cycle-ready' and recipient_id = (
          select recipient_id from notices join users u on u.id = recipient_id
          where notice_kind = 'cycle-ready' order by (u.email = 'admin@example.org'), u.created_at desc limit 1
        )`.execute(api.db)
    const pages: Record<string, string> = {
      'cycle-underway': `/cycles/${underway.cycleId}`,
      cycles: '/',
      'start-cycle': '/cycles/start',
      'cycle-active': `/cycles/${ready.cycleId}`,
      claims: '/claims',
      payments: '/payments',
      'record-payment': '/payments/record',
      payment: `/payments/${payment.paymentId}`,
      receipt: `/payments/${payment.paymentId}/receipt`,
      ledger: '/ledger',
      members: '/members',
      member: `/members/${memberId}`,
      'import-members': '/members/import',
      tiers: '/tiers',
      jobs: '/jobs',
      job: `/jobs/${ready.jobId}`,
      audit: '/audit',
      users: '/users',
      settings: '/settings',
      notices: '/notices',
      deliveries: '/deliveries',
      templates: '/templates',
      webhooks: '/webhooks',
      sheet: `/cycles/${ready.cycleId}/sheet?agentId=${agentId}`,
      account: '/account',
    }
    const digest = (await takeDueLetters(api.db, 'email', 100, 0)).find(
      ({ content }) => content.noticeKind === 'agent-digest',
    )
    if (!digest) throw new Error('There is no digest to photograph.')
    const written = writeLetter(digest.content, { form: 'letter', ...digest }, 'https://fund.example.org')
    const html = htmlOf(written, digest.language)
    const admin = await signedIn(api, 'admin')
    await admin.ask('POST', '/api/webhooks', { url: 'https://books.example.org/almoner' })
    await mkdir(folder, { recursive: true })
    for (const width of [1280, 390]) {
      for (const dark of [false, true]) {
        const options = { width, height: width === 390 ? 844 : 800, dark }
        const { context, page } = await openPageOf(browser, api, 'admin', options)
        await handOver()
        const shoot = async (name: string, path: string) => {
          await page.goto(path)
          await page.getByRole('heading').nth(1).waitFor()
          await page.waitForLoadState('networkidle', { timeout: 3_000 }).catch(() => {})
          const file = `${folder}${name}-${width}-${dark ? 'dark' : 'light'}.jpg`
          await page.screenshot({ path: file, type: 'jpeg', quality: 80 })
        }
        for (const [name, path] of Object.entries(pages)) await shoot(name, path)
        await context.close()
        const letter = await openPage(browser, api.url, options)
        await letter.page.setContent(html)
        await letter.page.screenshot({
          path: `${folder}letter-${width}-${dark ? 'dark' : 'light'}.jpg`,
          type: 'jpeg',
          quality: 80,
        })
        await letter.context.close()
        const stranger = await openPage(browser, api.url, options)
        await stranger.page.goto('/sign-in')
        await stranger.page.getByLabel('E-mail').waitFor()
        const file = `${folder}sign-in-${width}-${dark ? 'dark' : 'light'}.jpg`
        await stranger.page.screenshot({ path: file, type: 'jpeg', quality: 80 })
        await stranger.context.close()
      }
    }
  } finally {
    await hurryUp(api.db)
    await worker.stop()
    await browser.close()
    await api.close()
  }
})

test('a cycle is traced over three processes', { timeout: 120_000 }, async () => {
  const spans = await traceACycle({ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' })
  await writeFile(`${folder}trace.svg`, drawTrace(spans))
})
