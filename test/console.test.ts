import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { sql } from 'kysely'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startWorker } from '../src/main.ts'
import { openTestApi, type TestApi } from './api-client.ts'
import {
  browserMissing,
  enrolByPage,
  findInaccessible,
  launchBrowser,
  openPage,
  signInByPage,
  type Visit,
} from './browser.ts'
import { register, signedIn } from './browser-client.ts'
import { approveDeath, registerTier } from './fund-fixture.ts'

let api: TestApi
let browser: Browser
let axe: string
beforeAll(async () => {
  if (browserMissing) return
  api = await openTestApi({ worker: false })
  await registerTier(api.db, { members: 6_000 })
  browser = await launchBrowser()
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
})
afterAll(async () => {
  await browser?.close()
  await api?.close()
})
beforeEach(async () => {
  if (api) await sql`delete from rate_limits`.execute(api.db)
})

/** A page of somebody who is signed in, without the way through the sign-in. */
async function pageOf(
  role: 'admin' | 'treasurer' | 'clerk' | 'agent' | 'auditor',
  options: Parameters<typeof openPage>[2] & { agentId?: string } = {},
): Promise<Visit> {
  const visitor = await signedIn(api, role, options.agentId)
  const visit = await openPage(browser, api.url, options)
  await visit.context.addCookies(
    [...visitor.cookies].map(([name, value]) => ({
      name,
      value,
      url: api.url,
      httpOnly: true,
      sameSite: 'Strict' as const,
    })),
  )
  return visit
}

/** Each chunk written meanwhile takes so much longer, so that what happens half-way can be seen. */
async function slowDown(seconds: number): Promise<void> {
  await sql`create or replace function dawdle() returns trigger language plpgsql as
    $$ begin perform pg_sleep(${sql.lit(seconds)}); return null; end $$`.execute(api.db)
  await sql`create or replace trigger dawdle before insert on member_contributions
    for each statement execute function dawdle()`.execute(api.db)
}

describe.skipIf(browserMissing)(browserMissing ? `the console (${browserMissing})` : 'the console', () => {
  test('leads a treasurer from the sign-in to an Active cycle in four clicks, and tells her when it is ready', async () => {
    const email = 'tilda@example.org'
    await register(api, { email, role: 'treasurer' })
    await approveDeath(api.db, { number: 1 })
    const worker = await startWorker(api.app)
    const visit = await openPage(browser, api.url)
    const { page, complaints } = visit
    try {
      await signInByPage(visit, email)
      await enrolByPage(visit)
      await page.getByRole('link', { name: 'Start a cycle' }).click()
      await page.getByText('5,999 members will be asked').waitFor()
      expect(await findInaccessible(page, axe)).toEqual([])
      await page.getByRole('button', { name: /Start the cycle for 5,999 members/ }).click()
      await page.getByText('Contribution cycle created').waitFor()
      await page.getByText('The cycle is ready: 5,999 contributions are there.').waitFor()
      await page.getByRole('button', { name: 'View progress' }).click()
      await page.getByText('M-A-00000002').waitFor()
      expect(await findInaccessible(page, axe)).toEqual([])
      expect(complaints).toEqual([])
    } finally {
      await visit.context.close()
      await worker.stop()
    }
  })

  test('shows a creation live; closed in the middle and opened again, the bar is where it is and never goes back', async () => {
    const { claimId } = await approveDeath(api.db, { number: 2 })
    await slowDown(1)
    const worker = await startWorker(api.app)
    const visit = await pageOf('treasurer')
    try {
      const { body } = await api.post<{ cycle: { cycleId: string } }>('/api/contribution-cycles', {
        claimId,
        strategy: 'queued',
      })
      const { cycleId } = body.cycle
      const seen: number[] = []
      const read = async (page: Visit['page']) => {
        const bar = page.getByRole('progressbar')
        const value = await bar.getAttribute('aria-valuenow', { timeout: 2_000 }).catch(() => null)
        if (value !== null) seen.push(Number(value))
      }
      await visit.page.goto(`/cycles/${cycleId}`)
      await visit.page.getByText('You can safely close this page.').waitFor()
      await read(visit.page)
      await visit.page.close()
      const again = await visit.context.newPage()
      await again.goto(`/cycles/${cycleId}`)
      await again.getByRole('progressbar').waitFor()
      while (!(await again.getByText('The cycle is ready: ').isVisible())) {
        await read(again)
        await again.waitForTimeout(100)
      }
      expect(seen.length).toBeGreaterThan(3)
      expect(seen).toEqual(seen.toSorted((one, other) => one - other))
      // Told on whatever page it is, by a toast.
      expect(visit.complaints).toEqual([])
    } finally {
      await sql`drop trigger dawdle on member_contributions`.execute(api.db)
      await visit.context.close()
      await worker.stop()
    }
  })

  test('pauses, resumes and cancels with a question that says what will happen', async () => {
    const { claimId } = await approveDeath(api.db, { number: 3 })
    await slowDown(1.5)
    const worker = await startWorker(api.app)
    const visit = await pageOf('treasurer')
    const { page } = visit
    try {
      const { body } = await api.post<{ cycle: { cycleId: string } }>('/api/contribution-cycles', {
        claimId,
        strategy: 'queued',
      })
      await page.goto(`/cycles/${body.cycle.cycleId}`)
      const act = async (verb: string, says: RegExp) => {
        await page.getByRole('button', { name: verb }).click()
        const dialog = page.getByRole('dialog')
        await dialog.getByText(says).waitFor()
        await dialog.getByRole('button', { name: verb }).click()
        await dialog.waitFor({ state: 'hidden' })
      }
      await act('Pause', /No more are written/)
      await page.getByText('The creation is paused.').waitFor()
      await act('Resume', /goes on where it stopped/)
      await page.getByRole('button', { name: 'Pause' }).waitFor()
      await act('Cancel the cycle', /cannot be undone/)
      await page.getByText('The cycle was cancelled.').waitFor()
      expect(visit.complaints).toEqual([])
    } finally {
      await sql`drop trigger dawdle on member_contributions`.execute(api.db)
      await visit.context.close()
      await worker.stop()
    }
  })

  test('shows each role its pages and no others, on a phone too', async () => {
    const { agentId } = await api.db.selectFrom('agents').select('agentId').limit(1).executeTakeFirstOrThrow()
    const expected = {
      admin: [
        'Cycles',
        'Claims',
        'Members',
        'Tiers and agents',
        'Jobs',
        'Audit',
        'Users and keys',
        'Settings',
      ],
      treasurer: ['Cycles', 'Claims', 'Members', 'Tiers and agents', 'Jobs'],
      clerk: ['Claims', 'Members', 'Tiers and agents'],
      agent: ['Cycles', 'Members'],
      auditor: ['Cycles', 'Claims', 'Members', 'Tiers and agents', 'Jobs', 'Audit', 'Users and keys'],
    }
    for (const [role, places] of Object.entries(expected) as [keyof typeof expected, string[]][]) {
      const visit = await pageOf(role, { width: 390, ...(role === 'agent' && { agentId }) })
      await visit.page.goto('/account')
      await visit.page.getByRole('button', { name: 'Menu' }).click()
      const links = visit.page.getByRole('navigation').getByRole('link')
      await links.first().waitFor()
      expect(await links.allTextContents()).toEqual(places)
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
    '/tiers',
    '/jobs',
    '/audit',
    '/users',
    '/settings',
    '/account',
  ]
  for (const dark of [false, true]) {
    test(`has no page with a serious fault for who cannot see well, ${dark ? 'dark' : 'light'}, nor one wider than a phone`, async () => {
      const visit = await pageOf('admin', { dark, width: 360 })
      const { page } = visit
      const faults: string[] = []
      for (const path of pages) {
        await page.goto(path)
        await page.locator('main h2').first().waitFor()
        await page.waitForLoadState('networkidle')
        for (const fault of await findInaccessible(page, axe)) faults.push(`${path}: ${fault}`)
        const width = await page.evaluate('document.documentElement.scrollWidth')
        if (Number(width) > 360) faults.push(`${path} is ${width} wide`)
      }
      expect(faults).toEqual([])
      expect(visit.complaints).toEqual([])
      await visit.context.close()
    })
  }

  test('speaks Hindi, every word of it', async () => {
    const visit = await pageOf('treasurer', { language: 'hi-IN' })
    await visit.page.goto('/')
    await visit.page.getByRole('heading', { name: 'अंशदान चक्र' }).waitFor()
    expect(await visit.page.locator('html').getAttribute('lang')).toBe('hi')
    await visit.context.close()
  })
})
