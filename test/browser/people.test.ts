import { readFile } from 'node:fs/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import writeExcelFile from 'write-excel-file/node'
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

    test('reads a file whose columns are called otherwise, as somebody says once, and the next one the same way', {
      timeout: 60_000,
    }, async () => {
      const visit = await own.pageOf('clerk', { width: 390 })
      const { page } = visit
      const names = ['No', 'Name of member', 'Slab', 'Status', 'Joined', 'Village']
      const csv = ['Members of 2026', names.join(';'), 'C-1;Rao, Asha;A;Active;31/12/2019;Pune'].join('\n')
      const choose = (name: string, buffer: Buffer) =>
        page.locator('input[type=file]').setInputFiles({ name, mimeType: '', buffer })
      const isWide = async () => Number(await page.evaluate('document.documentElement.scrollWidth')) > 390
      try {
        await page.goto('/members/import')
        await choose('bank.csv', Buffer.from(csv))
        const reading = page.getByRole('region', { name: 'Columns of the file' })
        await reading.getByText('Say which column is: Member’s code, Member’s full name, Tier').waitFor()
        // As it was read: the comma is part of the name.
        await reading.getByRole('cell', { name: 'Rao, Asha' }).waitFor()
        const check = page.getByRole('button', { name: 'Check the file' })
        expect(await check.isDisabled()).toBe(true)
        expect(await findInaccessible(page, own.axe)).toEqual([])
        expect(await isWide()).toBe(false)
        await page.emulateMedia({ colorScheme: 'dark' })
        expect(await findInaccessible(page, own.axe, ['color-contrast'])).toEqual([])
        // By the keyboard alone.
        for (const [name, meaning] of [
          ['No', 'Member’s code'],
          ['Name of member', 'Member’s full name'],
          ['Slab', 'Tier'],
          ['Joined', 'Joined on'],
        ] as const) {
          await reading.getByRole('combobox', { name: `What ${name} is` }).press('Enter')
          const option = page.getByRole('option', { name: meaning, exact: true })
          await option.waitFor()
          while ((await option.getAttribute('data-combobox-selected')) === null) {
            await page.keyboard.press('ArrowDown')
          }
          await page.keyboard.press('Enter')
          await option.waitFor({ state: 'hidden' })
        }
        await reading.getByRole('button', { name: 'Leave these out' }).press('Enter')
        await reading.getByRole('combobox', { name: 'Dates in numbers' }).click()
        await page.getByRole('option', { name: 'Day, month, year' }).click()
        await reading.getByLabel('Keep this for later files, as').fill('bank')
        await reading.getByRole('button', { name: 'Keep' }).click()
        await page.getByText('Kept as bank.').waitFor()
        await check.click()
        await page.getByRole('button', { name: 'Import 1 member' }).click()
        await page.getByRole('button', { name: 'Another file' }).press('Enter')

        const book = await writeExcelFile([
          names,
          ['C-2', 'Bela Sen', 'A', 'Active', '30/12/2019', 'Goa'],
        ]).toBuffer()
        await choose('bank.xlsx', book)
        await reading.getByText('Say which column is').waitFor()
        await reading.getByRole('combobox', { name: 'Read it as' }).click()
        await page.getByRole('option', { name: 'bank' }).click()
        await reading.getByText('Say which column is').waitFor({ state: 'hidden' })
        await check.click()
        await page.getByRole('button', { name: 'Import 1 member' }).click()
        await page.getByRole('button', { name: 'Another file' }).waitFor()
        const { rows } = await sql`
          select member_code, full_name, joined_on::text from members where member_code like 'C-%' order by 1`.execute(
          own.api.db,
        )
        expect(rows).toEqual([
          { memberCode: 'C-1', fullName: 'Rao, Asha', joinedOn: '2019-12-31' },
          { memberCode: 'C-2', fullName: 'Bela Sen', joinedOn: '2019-12-30' },
        ])
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
