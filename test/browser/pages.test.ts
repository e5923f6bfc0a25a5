import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { PaymentDetail } from '../../src/payments/read-payment.ts'
import { activeCycle } from '../support/api-client.ts'
import { browserMissing, findInaccessible, openPage } from '../support/browser.ts'
import { type ConsoleFixture, openConsole } from '../support/console-fixture.ts'
import { approveDeath } from '../support/fund-fixture.ts'

let own: ConsoleFixture
/** The address of the page of one that is reversed. */
let payment: string
beforeAll(async () => {
  if (browserMissing) return
  own = await openConsole()
  // A cycle, with its job, to look at.
  const { claimId } = await approveDeath(own.api.db, { number: 1 })
  await activeCycle(own.api, claimId)
  const { memberId } = await own.api.db
    .selectFrom('members')
    .select('memberId')
    .where('memberStatus', '=', 'Active')
    .limit(1)
    .executeTakeFirstOrThrow()
  const money = { sourceCode: 'TILL', memberId, amount: 12_500 }
  await own.api.post('/api/payments', { ...money, reference: 'one' })
  const { body } = await own.api.post<PaymentDetail>('/api/payments', { ...money, reference: 'two' })
  payment = `/payments/${body.paymentId}`
  await own.api.post(`/api${payment}/reverse`, { reason: 'It was told twice' })
})
afterAll(() => own?.close())
beforeEach(() => own?.forgiveAttempts())

describe.skipIf(browserMissing)(
  browserMissing ? `the pages of the console (${browserMissing})` : 'the pages of the console',
  () => {
    test('shows each role its pages and no others, on a phone too', async () => {
      const { agentId } = await own.api.db
        .selectFrom('agents')
        .select('agentId')
        .limit(1)
        .executeTakeFirstOrThrow()
      const expected = {
        admin: [
          'Cycles',
          'Claims',
          'Members',
          'Payments',
          'Ledger',
          'Tiers and agents',
          'Letters',
          'Jobs',
          'Audit',
          'Users and keys',
          'Wording of letters',
          'Webhooks',
          'Settings',
        ],
        treasurer: [
          'Cycles',
          'Claims',
          'Members',
          'Payments',
          'Ledger',
          'Tiers and agents',
          'Letters',
          'Jobs',
        ],
        cashier: ['Cycles', 'Members', 'Payments', 'Tiers and agents'],
        clerk: ['Claims', 'Members', 'Tiers and agents'],
        agent: ['Cycles', 'Members'],
        auditor: [
          'Cycles',
          'Claims',
          'Members',
          'Payments',
          'Ledger',
          'Tiers and agents',
          'Letters',
          'Jobs',
          'Audit',
          'Users and keys',
        ],
      }
      for (const [role, places] of Object.entries(expected) as [keyof typeof expected, string[]][]) {
        const visit = await own.pageOf(role, { width: 390, ...(role === 'agent' && { agentId }) })
        await visit.page.goto('/account')
        await visit.page.getByRole('button', { name: 'Menu' }).click()
        const links = visit.page.getByRole('navigation').getByRole('link')
        await links.first().waitFor()
        expect(await links.allTextContents()).toEqual([...places, 'My account'])
        expect(visit.complaints).toEqual([])
        await visit.context.close()
      }
    })

    const pages = [
      '/',
      '/cycles/start',
      '/claims',
      '/members',
      '/members/import',
      '/payments',
      '/payments/record',
      '/ledger',
      '/tiers',
      '/jobs',
      '/audit',
      '/users',
      '/settings',
      '/notices',
      '/deliveries',
      '/templates',
      '/webhooks',
      '/account',
    ]
    test('has no page with a serious accessibility fault, light or dark, nor one wider than a phone', {
      timeout: 180_000,
    }, async () => {
      const visit = await own.pageOf('admin', { width: 360 })
      const { page } = visit
      const faults: string[] = []
      const firstOf = async (
        table: 'contributionCycles' | 'members' | 'jobs',
        column: 'cycleId' | 'memberId' | 'jobId',
      ) =>
        (
          await own.api.db
            .selectFrom(table)
            .select(sql.ref<string>(column).as('id'))
            .executeTakeFirstOrThrow()
        ).id
      const some = [
        `/cycles/${await firstOf('contributionCycles', 'cycleId')}`,
        `/members/${await firstOf('members', 'memberId')}`,
        `/jobs/${await firstOf('jobs', 'jobId')}`,
        payment,
        `${payment}/receipt`,
      ]
      for (const path of [...pages, ...some]) {
        await page.emulateMedia({ colorScheme: 'light' })
        await page.goto(path)
        await page.locator('main h2').first().waitFor()
        await page.waitForLoadState('networkidle')
        for (const fault of await findInaccessible(page, own.axe)) faults.push(`${path}: ${fault}`)
        const width = await page.evaluate('document.documentElement.scrollWidth')
        if (Number(width) > 360) faults.push(`${path} is ${width} wide`)
        // What is dark differs in its colours alone.
        await page.emulateMedia({ colorScheme: 'dark' })
        await page.locator('html[data-mantine-color-scheme=dark]').waitFor()
        for (const fault of await findInaccessible(page, own.axe, ['color-contrast'])) {
          faults.push(`${path}, dark: ${fault}`)
        }
      }
      expect(faults).toEqual([])
      expect(visit.complaints).toEqual([])
      await visit.context.close()
    })

    test('opens each form without a fault, and closes it', { timeout: 120_000 }, async () => {
      const visit = await own.pageOf('admin')
      const { page } = visit
      const forms = [
        ['/claims', 'Submit a claim'],
        ['/members', 'Add a member'],
        ['/tiers', 'Add a tier'],
        ['/tiers', 'Add an agent'],
        ['/users', 'Add a user'],
        ['/users', 'Create a key', 'API keys'],
        ['/webhooks', 'Add a webhook'],
        ['/settings', 'Add a source'],
      ] as const
      try {
        for (const [path, verb, tab] of forms) {
          await page.goto(path)
          if (tab) await page.getByRole('tab', { name: tab }).click()
          await page.getByRole('button', { name: verb }).click()
          const dialog = page.getByRole('dialog', { name: verb })
          await dialog.locator('form').waitFor()
          expect([verb, ...(await findInaccessible(page, own.axe))]).toEqual([verb])
          await dialog.getByRole('button', { name: 'Close' }).click()
          await dialog.waitFor({ state: 'hidden' })
        }
        expect(visit.complaints).toEqual([])
      } finally {
        await visit.context.close()
      }
    })

    test('sends its script compressed and cached for ever; the page itself is always fresh', async () => {
      const page = await fetch(`${own.api.url}/sign-in`)
      expect(page.headers.get('cache-control')).toBe('no-cache')
      const script = /src="(\/assets\/[^"]+)"/.exec(await page.text())?.[1]
      for (const packing of ['br', 'gzip']) {
        const { status, headers } = await fetch(own.api.url + script, {
          headers: { 'accept-encoding': packing },
        })
        expect([status, headers.get('content-encoding')]).toEqual([200, packing])
        expect(headers.get('content-type')).toMatch(/\/javascript/)
        expect(headers.get('cache-control')).toContain('immutable')
      }
    })

    test('shows the sign-in, and the list of cycles, after less than 200 kB of script compressed by gzip', async () => {
      const signIn = await openPage(own.browser, own.api.url)
      const cycles = await own.pageOf('treasurer')
      for (const [{ page, context }, path] of [
        [signIn, '/sign-in'],
        [cycles, '/'],
      ] as const) {
        const scripts = new Set<string>()
        page.on('request', (request) => request.resourceType() === 'script' && scripts.add(request.url()))
        await page.goto(path)
        await page.locator('h1, h2').first().waitFor()
        await page.waitForLoadState('networkidle')
        let bytes = 0
        for (const url of scripts) {
          const { headers } = await fetch(url, { headers: { 'accept-encoding': 'gzip' } })
          bytes += Number(headers.get('content-length'))
        }
        expect(bytes).toBeGreaterThan(50_000)
        expect(bytes, path).toBeLessThan(200_000)
        await context.close()
      }
    })

    test('is translated into Hindi completely', async () => {
      const visit = await own.pageOf('treasurer', { language: 'hi-IN' })
      await visit.page.goto('/')
      await visit.page.getByRole('heading', { name: 'अंशदान चक्र' }).waitFor()
      expect(await visit.page.locator('html').getAttribute('lang')).toBe('hi')
      await visit.context.close()
    })
  },
)
