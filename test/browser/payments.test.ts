import type { Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { PaymentView } from '../../src/payments/payment-sql.ts'
import { activeCycle, memberCode } from '../support/api-client.ts'
import { browserMissing, findInaccessible } from '../support/browser.ts'
import { type ConsoleFixture, openConsole } from '../support/console-fixture.ts'
import { approveDeath } from '../support/fund-fixture.ts'

let own: ConsoleFixture
let cycle: { cycleId: string; cycleCode: string }
beforeAll(async () => {
  if (browserMissing) return
  own = await openConsole()
  const { claimId } = await approveDeath(own.api.db, { number: 1 })
  cycle = await activeCycle(own.api, claimId)
})
afterAll(() => own?.close())
beforeEach(() => own?.forgiveAttempts())

async function idOf(number: number): Promise<string> {
  const { memberId } = await own.api.db
    .selectFrom('members')
    .select('memberId')
    .where('memberCode', '=', memberCode('A', number))
    .executeTakeFirstOrThrow()
  return memberId
}

/** The states of the member's payments, newest first. */
async function paymentsOf(number: number): Promise<PaymentView['paymentStatus'][]> {
  const { body } = await own.api.get<{ items: PaymentView[] }>(`/api/payments?memberId=${await idOf(number)}`)
  return body.items.map(({ paymentStatus }) => paymentStatus)
}

/** The row of the member, alone in the list. */
async function findRow(page: Page, code: string): Promise<Locator> {
  await page.getByPlaceholder('Name, code or telephone').fill(code)
  const rows = page.getByRole('row')
  await expect.poll(() => rows.count(), { timeout: 20_000 }).toBe(2)
  return rows.filter({ hasText: code })
}

describe.skipIf(browserMissing)(
  browserMissing
    ? `the console, for who takes money (${browserMissing})`
    : 'the console, for who takes money',
  () => {
    test('marks a contribution as paid in three clicks, takes it back, and reverses it with a reason', {
      timeout: 120_000,
    }, async () => {
      const visit = await own.pageOf('cashier')
      const { page } = visit
      const code = memberCode('A', 2)
      try {
        await page.goto('/')
        await page.getByRole('link', { name: cycle.cycleCode }).click()
        const row = await findRow(page, code)
        const mark = async () => {
          await row.getByRole('button', { name: 'Mark paid' }).click()
          await page.getByRole('button', { name: 'Record US$100.00' }).click()
          await row.getByText('Paid', { exact: true }).last().waitFor()
        }
        await row.getByRole('button', { name: 'Mark paid' }).click()
        expect(await findInaccessible(page, own.axe)).toEqual([])
        await page.getByRole('button', { name: 'Cancel' }).click()
        await mark()
        expect(await paymentsOf(2)).toEqual(['Posted'])
        await page.getByRole('img', { name: /^What was collected from .*: US\$100\.00 until now/ }).waitFor()
        const bar = page.getByRole('progressbar', { name: 'Collected' })
        expect(await bar.getAttribute('aria-valuetext')).toBe('0 %: US$100.00 of US$500,000.00')
        expect(await findInaccessible(page, own.axe)).toEqual([])
        await page.getByRole('button', { name: 'Undo' }).click()
        await page.getByText('The payment is undone').waitFor()
        await row.getByText('Pending').waitFor()
        expect(await paymentsOf(2)).toEqual(['Voided'])

        await mark()
        await page.keyboard.press('Control+z')
        await row.getByText('Pending').waitFor()
        expect(await paymentsOf(2)).toEqual(['Voided', 'Voided'])

        await mark()
        await page.getByRole('alert').getByRole('button', { name: 'Look at it' }).last().click()
        await page
          .getByText(`US$100.00 from TILL to cycle ${cycle.cycleCode}, contribution of ${code}`)
          .waitFor()
        await page.getByRole('button', { name: 'Reverse' }).click()
        await page.getByLabel('Reason').fill('The cheque bounced')
        expect(await findInaccessible(page, own.axe)).toEqual([])
        await page.getByRole('dialog').getByRole('button', { name: 'Reverse' }).click()
        await page.getByText(`Reversed: US$100.00 back from cycle ${cycle.cycleCode}`).waitFor()
        expect(await paymentsOf(2)).toEqual(['Reversed', 'Voided', 'Voided'])
        await page.getByRole('link', { name: 'Receipt' }).click()
        await page.getByText('Reversed', { exact: true }).waitFor()
        expect(visit.complaints).toEqual([])
      } finally {
        await visit.context.close()
      }
    })

    test('posts nothing twice when the answer was lost and it is tried again, after the page is loaded anew', async () => {
      const visit = await own.pageOf('cashier')
      const { page } = visit
      const code = memberCode('A', 3)
      const record = async () => {
        const row = await findRow(page, code)
        await row.getByRole('button', { name: 'Mark paid' }).click()
        await page.getByLabel('Amount in USD').fill('60')
        await page.getByRole('button', { name: 'Record US$60.00' }).click()
        return row
      }
      try {
        await page.goto(`/cycles/${cycle.cycleId}`)
        await page.route('**/api/payments', async (route) => {
          await route.fetch()
          await route.abort()
        })
        await record()
        await page.getByText('The server cannot be reached').waitFor()
        expect(await paymentsOf(3)).toEqual(['Posted'])
        await page.unroute('**/api/payments')
        await page.reload()
        const row = await record()
        await page.getByText('US$60.00 of Member 3 is recorded.').waitFor()
        await row.getByText('US$60.00 of US$100.00').waitFor()
        expect(await paymentsOf(3)).toEqual(['Posted'])

        // The same once more is another payment, of which is warned.
        await row.getByRole('button', { name: 'Mark paid' }).click()
        await page.getByLabel('Amount in USD').fill('60')
        await page.getByRole('button', { name: 'Record US$60.00' }).click()
        await page.getByText('There is another payment of the same payer, day and amount').waitFor()
        expect(await paymentsOf(3)).toEqual(['Posted', 'Posted'])
        expect(visit.complaints.filter((one) => !one.includes('ERR_FAILED'))).toEqual([])
      } finally {
        await visit.context.close()
      }
    })

    test('says what a payment of a member would pay, and gives money of the wallet back by two persons', async () => {
      const memberId = await idOf(4)
      const asker = await own.pageOf('treasurer')
      const approver = await own.pageOf('admin')
      try {
        const { page } = asker
        await page.goto(`/members/${memberId}`)
        await page.getByRole('button', { name: 'Record a payment' }).click()
        const dialog = page.getByRole('dialog')
        await dialog.getByText('The member owes US$100.00 in all.').waitFor()
        await dialog.getByLabel('Amount in USD').fill('130')
        await dialog.getByText(`US$100.00 to cycle ${cycle.cycleCode}`).waitFor()
        await dialog.getByText('US$30.00 is kept in the wallet').waitFor()
        expect(await findInaccessible(page, own.axe)).toEqual([])
        await dialog.getByRole('button', { name: 'Record US$130.00' }).click()
        await dialog.waitFor({ state: 'hidden' })

        await page.getByRole('button', { name: 'Ask for a refund' }).click()
        await dialog.getByLabel('Amount in USD').fill('20')
        await dialog.getByLabel('Why').fill('She asked for it')
        expect(await findInaccessible(page, own.axe)).toEqual([])
        await dialog.getByRole('button', { name: 'Ask for a refund' }).click()
        await page.getByText('A refund of US$20.00 out of TILL waits for another person.').waitFor()

        await approver.page.goto(`/members/${memberId}`)
        await approver.page.getByRole('button', { name: 'Give it back' }).click()
        await approver.page.getByText('US$20.00 is given back to Member 4 out of TILL.').waitFor()
        await approver.page.getByRole('dialog').getByRole('button', { name: 'Give it back' }).click()
        await approver.page.getByText('US$10.00', { exact: true }).waitFor()
        expect([...asker.complaints, ...approver.complaints]).toEqual([])
      } finally {
        await asker.context.close()
        await approver.context.close()
      }
    })

    test('waives a contribution with a reason, and asks for it again', async () => {
      const visit = await own.pageOf('treasurer')
      const { page } = visit
      const code = memberCode('A', 5)
      const decide = async (row: Locator, verb: string, reason: string) => {
        await row.getByRole('button', { name: verb }).click()
        await page.getByLabel('Reason').fill(reason)
        await page.getByRole('dialog').getByRole('button', { name: verb }).click()
      }
      try {
        await page.goto(`/cycles/${cycle.cycleId}`)
        const row = await findRow(page, code)
        await decide(row, 'Waive', 'Her house burned down')
        await row.getByText('Waived').waitFor()
        await decide(row, 'Undo the waiver', 'It was another house')
        await row.getByText('Pending').waitFor()
        expect(visit.complaints).toEqual([])
      } finally {
        await visit.context.close()
      }
    })

    test('adds a source and says how large a payment may be; the ledger adds up to nothing', async () => {
      const visit = await own.pageOf('admin')
      const { page } = visit
      try {
        await page.goto('/settings')
        await page.getByRole('button', { name: 'Add a source' }).click()
        const form = page.getByRole('dialog')
        await form.getByLabel('Code').fill('PAYBILL')
        await form.getByLabel('Name').fill('M-Pesa')
        await form.getByRole('button', { name: 'Add a source' }).click()
        await page.getByRole('cell', { name: 'M-Pesa' }).waitFor()
        await page.getByLabel('Largest payment in USD').fill('1,000')
        await page.getByRole('button', { name: 'Save' }).click()
        await page.getByText('Saved.').waitFor()

        await page.goto('/payments/record')
        await page.getByText('Not known', { exact: true }).click()
        await page.getByRole('combobox', { name: 'Source' }).click()
        await page.getByRole('option', { name: 'M-Pesa (PAYBILL)' }).click()
        await page.getByLabel('Amount in USD').fill('1001')
        await page.getByRole('button', { name: 'Record US$1,001.00' }).click()
        await page.getByText('more than the fund takes in one payment').waitFor()
        await page.getByLabel('Amount in USD').fill('999')
        await page.getByRole('button', { name: 'Record US$999.00' }).click()
        await page.getByText('US$999.00 of nobody known is recorded.').waitFor()
        await page.goto('/ledger')
        await page.getByText(/^In all: .*, balance US\$0\.00$/).waitFor()
        await page.getByRole('cell', { name: 'PAYBILL' }).first().waitFor()
        expect(visit.complaints).toEqual([])
      } finally {
        await visit.context.close()
      }
    })

    test('records one payment for several members, whose amounts add up, and one of nobody known', async () => {
      const visit = await own.pageOf('cashier', { width: 390 })
      const { page } = visit
      try {
        await page.goto('/payments/record')
        await page.getByText('Several', { exact: true }).click()
        for (const [line, number, amount] of [
          [1, 6, '100'],
          [2, 7, '40'],
        ] as const) {
          const field = page.getByRole('combobox', { name: `Member ${line}` })
          await field.fill(memberCode('A', number))
          await page.getByRole('option', { name: memberCode('A', number) }).click()
          await page.getByLabel(`Amount ${line} in USD`).fill(amount)
        }
        await page.getByRole('textbox', { name: 'Amount in USD', exact: true }).fill('150')
        await page.getByText('add up to US$140.00 of US$150.00; US$10.00 is left.').waitFor()
        await page.getByRole('button', { name: 'Record US$150.00' }).click()
        await page.getByText('must add up to the amount of the payment').waitFor()
        await page.getByLabel('Amount 2 in USD').fill('50')
        expect(await findInaccessible(page, own.axe)).toEqual([])
        await page.getByRole('button', { name: 'Record US$150.00' }).click()
        await page.getByText('US$150.00 of 2 members is recorded.').waitFor()
        expect([await paymentsOf(6), await paymentsOf(7)]).toEqual([['Posted'], ['Posted']])

        await page.getByText('Not known', { exact: true }).click()
        await page.getByLabel('Payer, as the source says').fill('J. Doe')
        await page.getByLabel('Amount in USD').fill('7')
        await page.getByRole('button', { name: 'Record US$7.00' }).click()
        await page.getByText('US$7.00 of J. Doe is recorded.').waitFor()
        expect(visit.complaints).toEqual([])
      } finally {
        await visit.context.close()
      }
    })
  },
)
