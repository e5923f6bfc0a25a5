import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { sql } from 'kysely'
import type { Browser } from 'playwright-core'
import type { Role } from '../../src/access/permission-rules.ts'
import { openTestApi, type TestApi } from './api-client.ts'
import { launchBrowser, openPageOf, type Visit } from './browser.ts'
import { registerTier } from './fund-fixture.ts'

/** A fund of 6,000 members with its console, and a browser. */
export interface ConsoleFixture {
  readonly api: TestApi
  readonly browser: Browser
  /** The source of axe, which looks for faults in how a page can be used. */
  readonly axe: string
  /** A page of a user of the role, who is signed in. */
  pageOf(role: Role, options?: Parameters<typeof openPageOf>[3]): Promise<Visit>
  /** Starts a cycle whose contributions a worker has to create. */
  startQueued(claimId: string): Promise<{ cycleId: string; cycleCode: string }>
  /** Every test signs in from one address. */
  forgiveAttempts(): Promise<void>
  close(): Promise<void>
}

export async function openConsole(): Promise<ConsoleFixture> {
  const api = await openTestApi({ worker: false })
  await registerTier(api.db, { members: 6_000 })
  const browser = await launchBrowser()
  return {
    api,
    browser,
    axe: await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'),
    pageOf: (role, options = {}) => openPageOf(browser, api, role, options),
    async startQueued(claimId) {
      const order = { claimId, strategy: 'queued' }
      const { body } = await api.post<{ cycle: { cycleId: string; cycleCode: string } }>(
        '/api/contribution-cycles',
        order,
      )
      return body.cycle
    },
    async forgiveAttempts() {
      await sql`delete from rate_limits`.execute(api.db)
    },
    async close() {
      await browser.close()
      await api.close()
    },
  }
}
