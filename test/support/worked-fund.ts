import { sql } from 'kysely'
import { expect } from 'vitest'
import type { Application } from '../../src/app/application.ts'
import { readConfig } from '../../src/app/config.ts'
import { openApplication } from '../../src/app/open-application.ts'
import { readCreationProgress } from '../../src/cycles/creation-progress.ts'
import { type CycleView, requireCycle } from '../../src/cycles/cycle-sql.ts'
import { proveCycle } from '../../src/cycles/prove-cycle.ts'
import { startCycle } from '../../src/cycles/start-cycle.ts'
import { createLog } from '../../src/platform/telemetry/log.ts'
import { operator } from '../../src/platform/values/actor.ts'
import { type AlmonerProcess, startAlmoner } from './almoner-process.ts'
import { approveDeath, registerTier } from './fund-fixture.ts'
import { createTestDatabase } from './test-database.ts'

/** A fund on a database of its own, whose cycles are created by worker processes. */
export interface WorkedFund {
  readonly app: Application
  readonly databaseUrl: string
  /** Starts a worker process; `env` comes on top of that of the fund. */
  startWorker(env?: Record<string, string>): Promise<AlmonerProcess>
  /** Opens a cycle for the next member of the tier who dies. */
  startCycle(tierCode?: string): Promise<CycleView>
  /** Watches until the cycle is Active and proved; `each` is called with every look and may interfere. */
  untilActive(cycleId: string, each?: (processed: number) => Promise<void>): Promise<CycleView>
  /** Makes each chunk take so long, so that there is a middle to interfere in. */
  slowDown(seconds: number): Promise<void>
  /** Kills the workers and drops the database. */
  close(): Promise<void>
}

export async function openWorkedFund(options: {
  readonly members: number
  readonly env?: Record<string, string>
  /** On which database, instead of a new one. */
  readonly databaseUrl?: string
}): Promise<WorkedFund> {
  const database = options.databaseUrl
    ? { url: options.databaseUrl, drop: async () => {} }
    : await createTestDatabase()
  const env = { DATABASE_URL: database.url, ...options.env }
  const config = readConfig({ ...env, LOG_LEVEL: 'silent' }, false)
  const app = await openApplication(config, createLog({ level: 'silent', format: 'json' }), 'almoner test')
  await registerTier(app.db, { members: options.members })
  await sql`vacuum (analyze) members, standings`.execute(app.db)
  const workers = new Set<AlmonerProcess>()
  const deaths = new Map<string, number>()

  return {
    app,
    databaseUrl: database.url,

    async startWorker(more = {}) {
      const worker = startAlmoner(['worker'], { ...env, ...more })
      workers.add(worker)
      void worker.exited.then(() => workers.delete(worker))
      await worker.says('The worker is ready.')
      return worker
    },

    async startCycle(tierCode = 'A') {
      const number = (deaths.get(tierCode) ?? 0) + 1
      deaths.set(tierCode, number)
      const { claimId } = await approveDeath(app.db, {
        tierCode,
        number,
        benefitAmount: 10_000 * options.members,
      })
      return startCycle(app, { claimId, cycleDuration: 15, strategy: 'queued', actor: operator('treasurer') })
    },

    async untilActive(cycleId, each = async () => {}) {
      for (;;) {
        const { status, progress } = await readCreationProgress(app.db, cycleId)
        expect(status).not.toBe('Failed')
        if (status === 'Active') break
        await each(progress.processed)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      const cycle = await requireCycle(app.db, cycleId)
      expect(await proveCycle(app.db, cycle.cycleId)).toMatchObject({ holds: true })
      const { rows } = await sql`select from events
        where subject = ${cycleId} and event_name = 'ContributionCycleActivated'`.execute(app.db)
      expect(rows).toHaveLength(1)
      return cycle
    },

    async slowDown(seconds) {
      await sql`
        create or replace function slow_down() returns trigger language plpgsql as $$
        begin perform pg_sleep(${sql.lit(seconds)}); return null; end $$`.execute(app.db)
      await sql`
        create or replace trigger slow_down before insert on member_contributions
        for each statement execute function slow_down()`.execute(app.db)
    },

    async close() {
      await Promise.all([...workers].map((worker) => worker.end('SIGKILL')))
      await app.close()
      await database.drop()
    },
  }
}
