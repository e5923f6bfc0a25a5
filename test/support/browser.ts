import { sql } from 'kysely'
import { Secret, TOTP } from 'otpauth'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import type { Role } from '../../src/access/permission-rules.ts'
import type { Db } from '../../src/platform/database/connect.ts'
import type { TestApi } from './api-client.ts'
import { findCommand } from './brokers/needs.ts'
import { password, signedIn } from './browser-client.ts'

const executablePath = ['chromium', 'chromium-browser', 'google-chrome'].map(findCommand).find(Boolean)
/** Why there is no browser; empty when there is one. */
export const browserMissing = executablePath ? '' : 'needs chromium: apt install chromium'

export async function launchBrowser(): Promise<Browser> {
  if (executablePath === undefined) throw new Error(browserMissing)
  // Chromium's own sandbox does not work as root.
  return chromium.launch({ executablePath, args: ['--no-sandbox'] })
}

export interface Visit {
  readonly context: BrowserContext
  readonly page: Page
  /** What the browser has complained of: errors of scripts, refusals of the content security policy. */
  readonly complaints: string[]
}

export async function openPage(
  browser: Browser,
  url: string,
  options: { width?: number; height?: number; dark?: boolean; language?: string } = {},
): Promise<Visit> {
  const { width = 1280, height = 800, dark = false, language = 'en-GB' } = options
  const context = await browser.newContext({
    baseURL: url,
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    locale: language,
    // What fades in would be read while it can hardly be seen.
    reducedMotion: 'reduce',
  })
  context.setDefaultTimeout(20_000)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    // Without a session the answer is 401, which the browser reports.
    if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) complaints.push(message.text())
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:'))
      complaints.push(`asked ${request.url()}`)
  })
  return { context, page, complaints }
}

/**
 * A page of somebody who is signed in, without the way through the sign-in.
 *
 * @param options url: of another server on the same database
 */
export async function openPageOf(
  browser: Browser,
  api: TestApi,
  role: Role,
  options: Parameters<typeof openPage>[2] & { agentId?: string; url?: string } = {},
): Promise<Visit> {
  const { url = api.url } = options
  const visitor = await signedIn(api, role, options.agentId)
  const visit = await openPage(browser, url, options)
  await visit.context.addCookies(
    [...visitor.cookies].map(([name, value]) => ({
      name,
      value,
      url,
      httpOnly: true,
      sameSite: 'Strict' as const,
    })),
  )
  return visit
}

/** Each chunk written from now on takes so much longer, so that what happens half-way can be seen. */
export async function slowDown(db: Db, seconds: number): Promise<void> {
  await sql`create or replace function dawdle() returns trigger language plpgsql as
    $$ begin perform pg_sleep(${sql.lit(seconds)}); return null; end $$`.execute(db)
  await sql`create or replace trigger dawdle before insert on member_contributions
    for each statement execute function dawdle()`.execute(db)
}

export async function hurryUp(db: Db): Promise<void> {
  await sql`drop trigger if exists dawdle on member_contributions`.execute(db)
}

/** Signs in by the page as a registered user, and enrols a second factor if it is needed. */
export async function signInByPage({ page }: Visit, email: string): Promise<void> {
  await page.goto('/sign-in')
  await page.getByLabel('E-mail').fill(email)
  await page.locator('input[type=password]').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

/** Enrols a second factor by the page, and gives what makes its codes. */
export async function enrolByPage({ page }: Visit): Promise<TOTP> {
  await page.getByLabel('Your password once more').fill(password)
  await page.getByRole('button', { name: 'Show me the picture' }).click()
  const picture = page.locator('img[src^="data:image/svg+xml"]')
  await picture.waitFor()
  const key = await page.locator('code, [data-key]').first().textContent()
  const totp = new TOTP({ secret: Secret.fromBase32((key ?? '').replace(/\s/g, '')) })
  await page.getByLabel(/code/i).last().fill(totp.generate())
  await page.locator('form button[type=submit]').last().click()
  return totp
}

/**
 * The accessibility faults that matter on the page as it is.
 *
 * @param rules which of axe are asked; all if absent
 */
export async function findInaccessible(
  page: Page,
  axe: string,
  rules?: readonly string[],
): Promise<string[]> {
  await page.evaluate(`globalThis.axe || (() => { ${axe} })()`)
  const { violations } = (await page.evaluate(
    `axe.run(${JSON.stringify(rules ? { runOnly: rules } : {})})`,
  )) as {
    violations: { id: string; impact: string; nodes: { html: string }[] }[]
  }
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`)
}
