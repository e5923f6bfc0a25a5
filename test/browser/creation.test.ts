import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startWorker } from '../../src/app/start-worker.ts'
import { runAlmoner, startAlmoner } from '../support/almoner-process.ts'
import {
  browserMissing,
  enrolByPage,
  findInaccessible,
  hurryUp,
  openPage,
  signInByPage,
  slowDown,
  type Visit,
} from '../support/browser.ts'
import { register } from '../support/browser-client.ts'
import { type ConsoleFixture, openConsole } from '../support/console-fixture.ts'
import { approveDeath } from '../support/fund-fixture.ts'

let own: ConsoleFixture
beforeAll(async () => {
  if (!browserMissing) own = await openConsole()
})
afterAll(() => own?.close())
beforeEach(() => own?.forgiveAttempts())

describe.skipIf(browserMissing)(
  browserMissing
    ? `the console, while a cycle is created (${browserMissing})`
    : 'the console, while a cycle is created',
  () => {
    test('leads a treasurer from the sign-in to an Active cycle in four clicks, and tells her when it is ready', async () => {
      const email = 'tilda@example.org'
      await register(own.api, { email, role: 'treasurer' })
      await approveDeath(own.api.db, { number: 1 })
      const worker = await startWorker(own.api.app)
      const visit = await openPage(own.browser, own.api.url)
      const { page, complaints } = visit
      try {
        await signInByPage(visit, email)
        await enrolByPage(visit)
        await page.getByRole('link', { name: 'Start a cycle' }).click()
        await page.getByText('5,999 members will be asked').waitFor()
        expect(await findInaccessible(page, own.axe)).toEqual([])
        await page.getByRole('button', { name: /Start the cycle for 5,999 members/ }).click()
        await page.getByText('Contribution cycle created').waitFor()
        await page.getByText('The cycle is ready: 5,999 contributions are there.').waitFor()
        await page.getByRole('button', { name: 'View progress' }).click()
        await page.getByRole('cell', { name: /^M-A-/ }).first().waitFor()
        expect(await findInaccessible(page, own.axe)).toEqual([])
        expect(complaints).toEqual([])
      } finally {
        await visit.context.close()
        await worker.stop()
      }
    })

    test('shows a creation live; closed in the middle and opened again, the bar is where it is and never goes back', async () => {
      const { claimId } = await approveDeath(own.api.db, { number: 2 })
      await slowDown(own.api.db, 5)
      const worker = await startWorker(own.api.app)
      const visit = await own.pageOf('treasurer')
      try {
        const { cycleId } = await own.startQueued(claimId)
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
        const hurried = hurryUp(own.api.db)
        while (!(await again.getByText('The cycle is ready: ').isVisible())) {
          await read(again)
          await again.waitForTimeout(100)
        }
        await hurried
        expect(seen.length).toBeGreaterThan(3)
        expect(seen).toEqual(seen.toSorted((one, other) => one - other))
        // A toast tells it on any page.
        expect(visit.complaints).toEqual([])
      } finally {
        await hurryUp(own.api.db)
        await visit.context.close()
        await worker.stop()
      }
    })

    test('of two tabs one holds the stream of notices, both are told, and when it is closed the other takes over', async () => {
      const worker = await startWorker(own.api.app)
      const visit = await own.pageOf('treasurer')
      const streams: string[] = []
      visit.context.on('request', (request) => {
        if (request.url().endsWith('/api/notices/stream')) streams.push(request.frame().url())
      })
      try {
        // What a page finds when it first looks is no news to it.
        const look = (page: Visit['page'], path: string) =>
          Promise.all([page.waitForResponse(/\/api\/notices\?limit=10$/), page.goto(path)])
        await look(visit.page, '/')
        await expect.poll(() => streams).toEqual([`${own.api.url}/`])
        const other = await visit.context.newPage()
        await look(other, '/notices')
        const start = async (number: number) => {
          const { claimId } = await approveDeath(own.api.db, { number })
          return (await own.startQueued(claimId)).cycleCode
        }
        const told = (page: Visit['page'], code: string) =>
          page.getByRole('alert').filter({ hasText: code }).waitFor()
        const first = await start(21)
        await told(visit.page, first)
        await told(other, first)
        expect(streams).toEqual([`${own.api.url}/`])
        await visit.page.close()
        await told(other, await start(22))
        expect(streams).toEqual([`${own.api.url}/`, `${own.api.url}/notices`])
        expect(visit.complaints).toEqual([])
      } finally {
        await visit.context.close()
        await worker.stop()
      }
    })

    test('pauses, resumes and cancels with a question that says what will happen', async () => {
      const { claimId } = await approveDeath(own.api.db, { number: 3 })
      await slowDown(own.api.db, 1.5)
      const worker = await startWorker(own.api.app)
      const visit = await own.pageOf('treasurer')
      const { page } = visit
      try {
        const { cycleId } = await own.startQueued(claimId)
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
        await hurryUp(own.api.db)
        await visit.context.close()
        await worker.stop()
      }
    })

    test('continues by itself when the worker is killed, and when the server is killed and started again', {
      timeout: 180_000,
    }, async () => {
      const { claimId } = await approveDeath(own.api.db, { number: 4 })
      await slowDown(own.api.db, 1)
      const env = { DATABASE_URL: own.api.app.database.url, PORT: '0' }
      const served = startAlmoner(['api'], env)
      await served.says('The API is ready')
      const url = /ready at (http\S+)\/sign-in/.exec(served.output.stderr)?.[1] ?? ''
      const work = async () => {
        const worker = startAlmoner(['worker'], env)
        await worker.says('The worker is ready')
        return worker
      }
      const worker = await work()
      const visit = await own.pageOf('treasurer', { url })
      const { page } = visit
      const running = [served, worker]
      try {
        const { cycleId } = await own.startQueued(claimId)
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
        await hurryUp(own.api.db)
        await page.getByText('The cycle is ready: ').waitFor({ timeout: 60_000 })
        expect(seen).toBeGreaterThan(0)
        expect((await runAlmoner(['doctor'], env)).code).toBe(0)
      } finally {
        await hurryUp(own.api.db)
        await visit.context.close()
        for (const one of running) await one.end('SIGKILL')
      }
    })

    test('says why a creation has failed, and can try it again', { timeout: 120_000 }, async () => {
      const { claimId } = await approveDeath(own.api.db, { number: 5 })
      await sql`create or replace function refuse() returns trigger language plpgsql as
      $$ begin raise exception 'the numbers are wrong'; end $$`.execute(own.api.db)
      await sql`create trigger refuse before insert on member_contributions
      for each statement execute function refuse()`.execute(own.api.db)
      const worker = await startWorker(own.api.app)
      const visit = await own.pageOf('treasurer')
      const { page } = visit
      try {
        const { cycleId } = await own.startQueued(claimId)
        await page.goto(`/cycles/${cycleId}`)
        await page
          .getByText(/The contributions could not be created: .*the numbers are wrong/)
          .waitFor({ timeout: 40_000 })
        await sql`drop trigger refuse on member_contributions`.execute(own.api.db)
        await page.getByRole('button', { name: 'Try again' }).click()
        const dialog = page.getByRole('dialog')
        await dialog.getByText('Only what failed is tried again.').waitFor()
        await dialog.getByRole('button', { name: 'Try again' }).click()
        await page.getByText('The cycle is ready: ').waitFor()
        expect(visit.complaints).toEqual([])
      } finally {
        await sql`drop trigger if exists refuse on member_contributions`.execute(own.api.db)
        await visit.context.close()
        await worker.stop()
      }
    })

    test('tells another tab about a cycle that was ready before that tab looked again', async () => {
      const { claimId } = await approveDeath(own.api.db, { number: 6 })
      const visit = await own.pageOf('treasurer')
      const { page } = visit
      const worker = await startWorker(own.api.app)
      try {
        const looked = page.waitForResponse(/notices\?limit=10/)
        await page.goto('/account')
        await looked
        const { cycleCode } = await own.startQueued(claimId)
        await page.getByText(`Cycle ${cycleCode} is ready`).waitFor()
        await page.getByRole('link', { name: /^Notices, / }).click()
        await page.getByRole('link', { name: `Cycle ${cycleCode} is ready` }).click()
        await page.getByText('The cycle is ready: ').waitFor()
      } finally {
        await visit.context.close()
        await worker.stop()
      }
    })

    test('has a start that is far off typed and approved by another person, and takes a request back', async () => {
      const { claimId, claimCode } = await approveDeath(own.api.db, { number: 7, benefitAmount: 5_000_000 })
      const [treasurer, admin] = [await own.pageOf('treasurer'), await own.pageOf('admin', { width: 390 })]
      const { page } = treasurer
      const askForIt = async () => {
        const request = page.getByRole('button', { name: 'Ask for the start' })
        await page.getByText('Far more than usual').waitFor()
        expect(await findInaccessible(page, own.axe)).toEqual([])
        const total = page.getByLabel('Expected')
        await total.fill('50,000')
        expect(await request.isDisabled()).toBe(true)
        const [, figure = ''] =
          /Type \D*([\d,.]+) to go on/.exec((await page.textContent('body')) ?? '') ?? []
        await total.fill(figure)
        await page.getByLabel('Why').fill('The assembly agreed')
        await request.click()
        await page.getByRole('heading', { name: `Start a cycle for ${claimCode}` }).waitFor()
      }
      try {
        await page.goto(`/cycles/start?claimId=${claimId}`)
        await askForIt()
        await page.getByRole('button', { name: 'Withdraw the request' }).click()
        const question = page.getByRole('dialog')
        await question.getByRole('button', { name: 'Withdraw the request' }).click()
        await askForIt()

        await admin.page.goto('/claims')
        await admin.page.getByText(/^5,99\d members pay \D*100.00 each in 15 days/).waitFor()
        expect(await findInaccessible(admin.page, own.axe)).toEqual([])
        await admin.page.goto(`/cycles/start?claimId=${claimId}`)
        await admin.page.getByRole('button', { name: 'Approve' }).click()
        await admin.page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click()
        await admin.page.getByText('Contribution cycle created').waitFor()
        await admin.page.getByRole('button', { name: 'View progress' }).click()
        await admin.page.getByText(`· ${claimCode}`).waitFor()
        expect([...treasurer.complaints, ...admin.complaints]).toEqual([])
      } finally {
        await treasurer.context.close()
        await admin.context.close()
      }
    })
  },
)
