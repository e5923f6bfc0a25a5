import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { sql } from 'kysely'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Role } from '../../src/access/permission-rules.ts'
import { startWorker } from '../../src/app/start-worker.ts'
import { runAlmoner, startAlmoner } from '../support/almoner-process.ts'
import { openTestApi, type TestApi } from '../support/api-client.ts'
import {
  browserMissing,
  enrolByPage,
  findInaccessible,
  hurryUp,
  launchBrowser,
  openPage,
  openPageOf,
  signInByPage,
  slowDown,
  type Visit,
} from '../support/browser.ts'
import { password, register } from '../support/browser-client.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'
import { createTestDatabase } from '../support/test-database.ts'

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

const pageOf = (role: Role, options: Parameters<typeof openPageOf>[3] = {}) =>
  openPageOf(browser, api, role, options)

const startQueued = async (claimId: string) =>
  (
    await api.post<{ cycle: { cycleId: string; cycleCode: string } }>('/api/contribution-cycles', {
      claimId,
      strategy: 'queued',
    })
  ).body.cycle

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
      await page.getByRole('cell', { name: /^M-A-/ }).first().waitFor()
      expect(await findInaccessible(page, axe)).toEqual([])
      expect(complaints).toEqual([])
    } finally {
      await visit.context.close()
      await worker.stop()
    }
  })

  test('shows a creation live; closed in the middle and opened again, the bar is where it is and never goes back', async () => {
    const { claimId } = await approveDeath(api.db, { number: 2 })
    await slowDown(api.db, 5)
    const worker = await startWorker(api.app)
    const visit = await pageOf('treasurer')
    try {
      const { cycleId } = await startQueued(claimId)
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
      await read(again)
      // It waits for the chunks that are under way; what the bar shows meanwhile is read too.
      const hurried = hurryUp(api.db)
      while (!(await again.getByText('The cycle is ready: ').isVisible())) {
        await read(again)
        await again.waitForTimeout(100)
      }
      await hurried
      expect(seen.length).toBeGreaterThan(3)
      expect(seen).toEqual(seen.toSorted((one, other) => one - other))
      // Told on whatever page it is, by a toast.
      expect(visit.complaints).toEqual([])
    } finally {
      await hurryUp(api.db)
      await visit.context.close()
      await worker.stop()
    }
  })

  test('of two tabs one holds the stream of notices, both are told, and one that is left takes over', async () => {
    const worker = await startWorker(api.app)
    const visit = await pageOf('treasurer')
    const streams: string[] = []
    visit.context.on('request', (request) => {
      if (request.url().endsWith('/api/notices/stream')) streams.push(request.frame().url())
    })
    try {
      // What a page finds when it first looks is no news to it.
      const look = (page: Visit['page'], path: string) =>
        Promise.all([page.waitForResponse(/\/api\/notices\?limit=10$/), page.goto(path)])
      await look(visit.page, '/')
      await expect.poll(() => streams).toEqual([`${api.url}/`])
      const other = await visit.context.newPage()
      await look(other, '/notices')
      const start = async (number: number) => {
        const { claimId } = await approveDeath(api.db, { number })
        return (await startQueued(claimId)).cycleCode
      }
      const told = (page: Visit['page'], code: string) =>
        page.getByRole('alert').filter({ hasText: code }).waitFor()
      const first = await start(21)
      await told(visit.page, first)
      await told(other, first)
      expect(streams).toEqual([`${api.url}/`])
      await visit.page.close()
      await told(other, await start(22))
      expect(streams).toEqual([`${api.url}/`, `${api.url}/notices`])
      expect(visit.complaints).toEqual([])
    } finally {
      await visit.context.close()
      await worker.stop()
    }
  })

  test('pauses, resumes and cancels with a question that says what will happen', async () => {
    const { claimId } = await approveDeath(api.db, { number: 3 })
    await slowDown(api.db, 1.5)
    const worker = await startWorker(api.app)
    const visit = await pageOf('treasurer')
    const { page } = visit
    try {
      const { cycleId } = await startQueued(claimId)
      await page.goto(`/cycles/${cycleId}`)
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
      await hurryUp(api.db)
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
        'Letters',
        'Jobs',
        'Audit',
        'Users and keys',
        'Wording of letters',
        'Webhooks',
        'Settings',
      ],
      treasurer: ['Cycles', 'Claims', 'Members', 'Tiers and agents', 'Letters', 'Jobs'],
      clerk: ['Claims', 'Members', 'Tiers and agents'],
      agent: ['Cycles', 'Members'],
      auditor: [
        'Cycles',
        'Claims',
        'Members',
        'Tiers and agents',
        'Letters',
        'Jobs',
        'Audit',
        'Users and keys',
      ],
    }
    for (const [role, places] of Object.entries(expected) as [keyof typeof expected, string[]][]) {
      const visit = await pageOf(role, { width: 390, ...(role === 'agent' && { agentId }) })
      await visit.page.goto('/account')
      await visit.page.getByRole('button', { name: 'Menu' }).click()
      const links = visit.page.getByRole('navigation').getByRole('link')
      await links.first().waitFor()
      expect(await links.allTextContents()).toEqual([...places, 'My account'])
      expect(visit.complaints).toEqual([])
      await visit.context.close()
    }
  })

  test('goes on by itself when the worker is killed, and when the server is killed and started again', {
    timeout: 180_000,
  }, async () => {
    const { claimId } = await approveDeath(api.db, { number: 4 })
    await slowDown(api.db, 1)
    const env = { DATABASE_URL: api.app.database.url, PORT: '0' }
    const served = startAlmoner(['api'], env)
    await served.says('The API is ready')
    const url = /ready at (http\S+)\/sign-in/.exec(served.output.stderr)?.[1] ?? ''
    const work = async () => {
      const worker = startAlmoner(['worker'], env)
      await worker.says('The worker is ready')
      return worker
    }
    const worker = await work()
    const visit = await pageOf('treasurer', { url })
    const { page } = visit
    const running = [served, worker]
    try {
      const { cycleId } = await startQueued(claimId)
      await page.goto(`/cycles/${cycleId}`)
      const bar = page.getByRole('progressbar')
      const value = async () => Number(await bar.getAttribute('aria-valuenow'))
      await expect.poll(value, { timeout: 30_000 }).toBeGreaterThan(0)
      await worker.end('SIGKILL')
      const left = await value()
      running.push(await work())
      await expect.poll(value, { timeout: 30_000 }).toBeGreaterThan(left)
      const seen = await value()
      await served.end('SIGKILL')
      const again = startAlmoner(['api'], { ...env, PORT: new URL(url).port })
      running.push(again)
      await again.says('The API is ready')
      await hurryUp(api.db)
      await page.getByText('The cycle is ready: ').waitFor({ timeout: 60_000 })
      expect(seen).toBeGreaterThan(0)
      expect((await runAlmoner(['doctor'], env)).code).toBe(0)
    } finally {
      await hurryUp(api.db)
      await visit.context.close()
      for (const one of running) await one.end('SIGKILL')
    }
  })

  test('says why a creation has failed, and has it tried again', { timeout: 120_000 }, async () => {
    const { claimId } = await approveDeath(api.db, { number: 5 })
    await sql`create or replace function refuse() returns trigger language plpgsql as
      $$ begin raise exception 'the numbers are wrong'; end $$`.execute(api.db)
    await sql`create trigger refuse before insert on member_contributions
      for each statement execute function refuse()`.execute(api.db)
    const worker = await startWorker(api.app)
    const visit = await pageOf('treasurer')
    const { page } = visit
    try {
      const { cycleId } = await startQueued(claimId)
      await page.goto(`/cycles/${cycleId}`)
      await page
        .getByText(/The contributions could not be created: .*the numbers are wrong/)
        .waitFor({ timeout: 40_000 })
      await sql`drop trigger refuse on member_contributions`.execute(api.db)
      await page.getByRole('button', { name: 'Try again' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByText('Only what failed is tried again.').waitFor()
      await dialog.getByRole('button', { name: 'Try again' }).click()
      await page.getByText('The cycle is ready: ').waitFor()
      expect(visit.complaints).toEqual([])
    } finally {
      await sql`drop trigger if exists refuse on member_contributions`.execute(api.db)
      await visit.context.close()
      await worker.stop()
    }
  })

  test('imports what is good in a file, and lists what is not', async () => {
    const visit = await pageOf('clerk')
    const { page } = visit
    const file = [
      'memberCode,fullName,tier,agentCode,status,joinedOn,phone,email',
      'N-1,Asha Rao,A,AG-001,Active,2020-01-01,,',
      'N-2,Bela Sen,Z,AG-001,Active,2020-01-01,,',
      'N-3,Chitra Das,A,AG-001,Active,2020-02-30,,',
    ].join('\n')
    const countNew = async () => {
      const { rows } = await sql<{ count: number }>`select count(*) as count from members
        where member_code like 'N-%'`.execute(api.db)
      return rows[0]?.count
    }
    try {
      await page.goto('/members/import')
      await page
        .locator('input[type=file]')
        .setInputFiles({ name: 'members.csv', mimeType: 'text/csv', buffer: Buffer.from(file) })
      await page.getByRole('button', { name: 'Check the file' }).click()
      await page.getByRole('cell', { name: 'tier', exact: true }).waitFor()
      await page.getByRole('cell', { name: 'joinedOn', exact: true }).waitFor()
      expect(await countNew()).toBe(0)
      expect(await findInaccessible(page, axe)).toEqual([])
      const download = page.waitForEvent('download')
      await page.getByRole('button', { name: 'As CSV' }).click()
      const listed = await readFile(await (await download).path(), 'utf8')
      expect(listed.trim().split('\r\n')).toHaveLength(3)
      await page.getByRole('button', { name: 'Import 1 member' }).click()
      await page
        .getByRole('alert')
        .or(page.getByRole('status'))
        .getByText('1 member was imported')
        .first()
        .waitFor()
      expect(await countNew()).toBe(1)
      expect(visit.complaints).toEqual([])
    } finally {
      await visit.context.close()
    }
  })

  test('makes whoever opens the link of the first start the admin', async () => {
    const database = await createTestDatabase()
    const served = startAlmoner(['api'], { DATABASE_URL: database.url, PORT: '0' })
    await served.says('On another machine')
    const [link = '', url = ''] = /(http\S+)\/set-up#\S+/.exec(served.output.stderr) ?? []
    const visit = await openPage(browser, url)
    const { page } = visit
    try {
      await page.goto(link)
      await page.getByLabel('Your name').fill('Ada')
      await page.getByLabel('E-mail').fill('ada@example.org')
      await page.locator('input[type=password]').fill(password)
      expect(await findInaccessible(page, axe)).toEqual([])
      await page.getByRole('button', { name: 'Set up' }).click()
      await enrolByPage(visit)
      await page.getByRole('link', { name: 'Settings' }).waitFor()
      expect(visit.complaints).toEqual([])
    } finally {
      await visit.context.close()
      await served.end('SIGTERM')
      await database.drop()
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
    '/notices',
    '/deliveries',
    '/templates',
    '/webhooks',
    '/account',
  ]
  for (const dark of [false, true]) {
    test(`has no page with a serious fault for who cannot see well, ${dark ? 'dark' : 'light'}, nor one wider than a phone`, {
      timeout: 120_000,
    }, async () => {
      const visit = await pageOf('admin', { dark, width: 360 })
      const { page } = visit
      const faults: string[] = []
      const firstOf = async (
        table: 'contributionCycles' | 'members' | 'jobs',
        column: 'cycleId' | 'memberId' | 'jobId',
      ) =>
        (await api.db.selectFrom(table).select(sql.ref<string>(column).as('id')).executeTakeFirstOrThrow()).id
      const some = [
        `/cycles/${await firstOf('contributionCycles', 'cycleId')}`,
        `/members/${await firstOf('members', 'memberId')}`,
        `/jobs/${await firstOf('jobs', 'jobId')}`,
      ]
      for (const path of [...pages, ...some]) {
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

  test('opens each form without a fault, and closes it', async () => {
    const visit = await pageOf('admin')
    const { page } = visit
    const forms = [
      ['/claims', 'Submit a claim'],
      ['/members', 'Add a member'],
      ['/tiers', 'Add a tier'],
      ['/tiers', 'Add an agent'],
      ['/users', 'Add a user'],
      ['/users', 'Create a key', 'API keys'],
      ['/webhooks', 'Add a webhook'],
    ] as const
    try {
      for (const [path, verb, tab] of forms) {
        await page.goto(path)
        if (tab) await page.getByRole('tab', { name: tab }).click()
        await page.getByRole('button', { name: verb }).click()
        const dialog = page.getByRole('dialog', { name: verb })
        await dialog.locator('form').waitFor()
        expect([verb, ...(await findInaccessible(page, axe))]).toEqual([verb])
        await dialog.getByRole('button', { name: 'Close' }).click()
        await dialog.waitFor({ state: 'hidden' })
      }
      expect(visit.complaints).toEqual([])
    } finally {
      await visit.context.close()
    }
  })

  test('sends its script packed, and to be kept for good; the page itself afresh', async () => {
    const page = await fetch(`${api.url}/sign-in`)
    expect(page.headers.get('cache-control')).toBe('no-cache')
    const script = /src="(\/assets\/[^"]+)"/.exec(await page.text())?.[1]
    for (const packing of ['br', 'gzip']) {
      const { status, headers } = await fetch(api.url + script, { headers: { 'accept-encoding': packing } })
      expect([status, headers.get('content-encoding')]).toEqual([200, packing])
      expect(headers.get('content-type')).toMatch(/\/javascript/)
      expect(headers.get('cache-control')).toContain('immutable')
    }
  })

  test('is there after less than 200 kB of script, packed by gzip, be it the sign-in or the list of cycles', async () => {
    const signIn = await openPage(browser, api.url)
    const cycles = await pageOf('treasurer')
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

  test('tells in another tab of a cycle that was done before that tab looked again', async () => {
    const { claimId } = await approveDeath(api.db, { number: 6 })
    const visit = await pageOf('treasurer')
    const { page } = visit
    const worker = await startWorker(api.app)
    try {
      const looked = page.waitForResponse(/notices\?limit=10/)
      await page.goto('/account')
      await looked
      const { cycleCode } = await startQueued(claimId)
      await page.getByText(`Cycle ${cycleCode} is ready`).waitFor()
      await page.getByRole('link', { name: /^Notices, / }).click()
      await page.getByRole('link', { name: `Cycle ${cycleCode} is ready` }).click()
      await page.getByText('The cycle is ready: ').waitFor()
    } finally {
      await visit.context.close()
      await worker.stop()
    }
  })

  test('speaks Hindi, every word of it', async () => {
    const visit = await pageOf('treasurer', { language: 'hi-IN' })
    await visit.page.goto('/')
    await visit.page.getByRole('heading', { name: 'अंशदान चक्र' }).waitFor()
    expect(await visit.page.locator('html').getAttribute('lang')).toBe('hi')
    await visit.context.close()
  })
})
