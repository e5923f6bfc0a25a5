import { sql } from 'kysely'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { changeFund } from '../../src/fund/change-fund.ts'
import { operator } from '../../src/platform/values/actor.ts'
import { memberCode } from '../support/api-client.ts'
import { browserMissing, findInaccessible } from '../support/browser.ts'
import { type ConsoleFixture, openConsole } from '../support/console-fixture.ts'

let own: ConsoleFixture
beforeAll(async () => {
  if (browserMissing) return
  own = await openConsole()
  await changeFund(own.api.app, { changes: { selfApproval: false }, actor: operator('cli:ada') })
})
afterAll(() => own?.close())
beforeEach(() => own?.forgiveAttempts())

/** SHOT */
const askFor = async (page: Page, button: string, reason: string) => {
  await page.getByRole('button', { name: button }).click()
  const form = page.getByRole('dialog')
  await form.getByLabel('Why').fill(reason)
  await form.locator('button[type=submit]').click()
  await form.waitFor({ state: 'hidden' })
}
const approve = async (page: Page, button: string) => {
  await page.getByRole('button', { name: button }).click()
  const form = page.getByRole('dialog')
  await form.getByRole('button', { name: button }).click()
  return form
}

describe.skipIf(browserMissing)(
  browserMissing
    ? `what two persons agree on, in the console (${browserMissing})`
    : 'what two persons agree on, in the console',
  () => {
    test('an import that changes the status of many is asked for, approved by another, and done', async () => {
      const clerk = await own.pageOf('clerk')
      const other = await own.pageOf('clerk')
      const { page } = clerk
      const file = [
        'memberCode,fullName,tier,status,joinedOn',
        ...Array.from(
          { length: 700 },
          (_, index) => `${memberCode('A', index + 1)},Member ${index + 1},A,Suspended,2020-01-01`,
        ),
      ].join('\n')
      const suspended = async () => {
        const { rows } = await sql<{ members: number }>`
          select count(*)::integer as members from members where member_status = 'Suspended'`.execute(
          own.api.db,
        )
        return rows[0]?.members
      }
      try {
        await page.goto('/members/import')
        await page
          .locator('input[type=file]')
          .setInputFiles({ name: 'members.csv', mimeType: 'text/csv', buffer: Buffer.from(file) })
        await page.getByLabel('Update from the file').check()
        await page.getByRole('button', { name: 'Check the file' }).click()
        await page.getByText('It changes the status of 700 of 6,000 members.').waitFor()
        expect(await findInaccessible(page, own.axe)).toEqual([])
        await page.getByRole('button', { name: 'Import 700 members' }).click()
        await page.getByText('This file changes the status of 700 of 6000 members').waitFor()
        await askFor(page, 'Ask another person', 'They have not paid')
        await page.getByText('It has been asked for.').waitFor()
        // Taken back, and asked for again.
        await page.getByRole('button', { name: 'Withdraw the request' }).click()
        await page.getByRole('dialog').getByRole('button', { name: 'Withdraw the request' }).click()
        await askFor(page, 'Ask another person', 'They have not paid')
        await page.getByText('It has been asked for.').waitFor()
        expect(await suspended()).toBe(0)

        const mine = await approve(page, 'Approve the import')
        await mine.getByText('You asked for it yourself').waitFor()
        await mine.getByRole('button', { name: 'Cancel' }).click()

        await other.page.goto('/members/import')
        await other.page.getByText('They have not paid').waitFor()
        await other.page.getByText('From Active to Suspended').waitFor()
        expect(await findInaccessible(other.page, own.axe)).toEqual([])
        await (await approve(other.page, 'Approve the import')).waitFor({ state: 'hidden' })

        await page.getByRole('button', { name: 'Import 700 members' }).click()
        await page.getByText('700 members were imported').first().waitFor()
        expect([await suspended(), clerk.complaints, other.complaints]).toEqual([700, [], []])
      } finally {
        await clerk.context.close()
        await other.context.close()
      }
    })

    test('to let whoever submits a claim approve it takes two admins', async () => {
      const admin = await own.pageOf('admin')
      const other = await own.pageOf('admin')
      try {
        await admin.page.goto('/settings')
        // What is being changed is not saved by asking.
        await admin.page.getByLabel('Name of the fund').fill('Not saved')
        await askFor(admin.page, 'Ask for it', 'I am alone')
        await admin.page.getByText('asked for it on').waitFor()
        expect(await findInaccessible(admin.page, own.axe)).toEqual([])
        await other.page.goto('/settings')
        await (await approve(other.page, 'Let it be so')).waitFor({ state: 'hidden' })
        const { rows } = await sql`select name, self_approval from fund`.execute(own.api.db)
        expect(rows).toEqual([{ name: 'Mutual aid fund', selfApproval: true }])
        await other.page.getByRole('switch', { name: 'Whoever submits a claim may approve it' }).waitFor()
        expect([admin.complaints, other.complaints]).toEqual([[], []])
      } finally {
        await admin.context.close()
        await other.context.close()
      }
    })

    test('whose role is new is confirmed by an admin who did not give it, and another', async () => {
      const admin = await own.pageOf('admin')
      const other = await own.pageOf('admin')
      const { page } = admin
      try {
        await page.goto('/users')
        await page.getByRole('button', { name: 'Add a user' }).click()
        const form = page.getByRole('dialog', { name: 'Add a user' })
        await form.getByLabel('Name').fill('Clara')
        await form.getByLabel('E-mail').fill('clara@example.org')
        await form.getByLabel('treasurer').check()
        await form.locator('form button[type=submit]').click()
        await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click()
        await page.getByText('The role is new: decides from').waitFor()
        expect(await findInaccessible(page, own.axe)).toEqual([])

        await other.page.goto('/users')
        await askFor(other.page, 'Ask for it at once', 'I have known her for years')
        await page.reload()
        await page.getByText('I have known her for years').waitFor()
        await (await approve(page, 'Let decide at once')).waitFor({ state: 'hidden' })
        await page.getByText('The role is new: decides from').waitFor({ state: 'hidden' })
        expect([admin.complaints, other.complaints]).toEqual([[], []])
      } finally {
        await admin.context.close()
        await other.context.close()
      }
    })
  },
)
