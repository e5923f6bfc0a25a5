import { readFile } from 'node:fs/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startAlmoner } from '../support/almoner-process.ts'
import { browserMissing, enrolByPage, findInaccessible, openPage } from '../support/browser.ts'
import { password } from '../support/browser-client.ts'
import { type ConsoleFixture, openConsole } from '../support/console-fixture.ts'
import { createTestDatabase } from '../support/test-database.ts'

let own: ConsoleFixture
beforeAll(async () => {
  if (!browserMissing) own = await openConsole()
})
afterAll(() => own?.close())
beforeEach(() => own?.forgiveAttempts())

describe.skipIf(browserMissing)(
  browserMissing
    ? `the console, for who sets it up and keeps the register (${browserMissing})`
    : 'the console, for who sets it up and keeps the register',
  () => {
    test('imports the good rows of a file, and lists the bad ones', async () => {
      const visit = await own.pageOf('clerk')
      const { page } = visit
      const file = [
        'memberCode,fullName,tier,agentCode,status,joinedOn,phone,email',
        'N-1,Asha Rao,A,AG-001,Active,2020-01-01,,',
        'N-2,Bela Sen,Z,AG-001,Active,2020-01-01,,',
        'N-3,Chitra Das,A,AG-001,Active,2020-02-30,,',
      ].join('\n')
      const countNew = async () => {
        const { rows } = await sql<{ count: number }>`select count(*) as count from members
        where member_code like 'N-%'`.execute(own.api.db)
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
        expect(await findInaccessible(page, own.axe)).toEqual([])
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

    test('makes the user who opens the link of the first start an admin', async () => {
      const database = await createTestDatabase()
      const served = startAlmoner(['api'], { DATABASE_URL: database.url, PORT: '0' })
      await served.says('On another machine')
      const [link = '', url = ''] = /(http\S+)\/set-up#\S+/.exec(served.output.stderr) ?? []
      const visit = await openPage(own.browser, url)
      const { page } = visit
      try {
        await page.goto(link)
        await page.getByLabel('Your name').fill('Ada')
        await page.getByLabel('E-mail').fill('ada@example.org')
        await page.locator('input[type=password]').fill(password)
        expect(await findInaccessible(page, own.axe)).toEqual([])
        await page.getByRole('button', { name: 'Set up' }).click()
        const totp = await enrolByPage(visit)
        await page.getByRole('link', { name: 'Settings' }).waitFor()

        // An hour later she adds a user: the server wants to know that it is still her.
        await sql`update sessions set confirmed_at = now() - interval '1 hour'`.execute(database.db)
        await page.goto('/users')
        await page.getByRole('button', { name: 'Add a user' }).click()
        const form = page.getByRole('dialog', { name: 'Add a user' })
        await form.getByLabel('Name').fill('Clara')
        await form.getByLabel('E-mail').fill('clara@example.org')
        await form.locator('form button[type=submit]').click()
        const asked = page.getByRole('dialog', { name: 'Is it you?' })
        await asked.locator('input[type=password]').fill(password)
        // The code of now was given when she enrolled.
        await asked
          .getByLabel('The code that the app shows now')
          .fill(totp.generate({ timestamp: Date.now() + 30_000 }))
        expect(await findInaccessible(page, own.axe)).toEqual([])
        await asked.getByRole('button', { name: 'Confirm' }).click()
        await page.getByText('Link for Clara').waitFor()
        expect(visit.complaints).toEqual([])
      } finally {
        await visit.context.close()
        await served.end('SIGTERM')
        await database.drop()
      }
    })
  },
)
