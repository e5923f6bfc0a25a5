/** Funds to measure: databases of their own on one embedded server, and the processes that serve them. */

import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import type { Application } from '../src/app/application.ts'
import { readConfig } from '../src/app/config.ts'
import { openApplication } from '../src/app/open-application.ts'
import { type CycleView, requireCycle } from '../src/cycles/cycle-sql.ts'
import { proveCycle } from '../src/cycles/prove-cycle.ts'
import { startCycle } from '../src/cycles/start-cycle.ts'
import type { Db } from '../src/platform/database/connect.ts'
import { startEmbeddedServer, urlOfDatabase } from '../src/platform/database/embedded-server.ts'
import { createLog } from '../src/platform/telemetry/log.ts'
import { operator } from '../src/platform/values/actor.ts'
import { keyHeaders } from '../test/support/admin-key.ts'
import { type AlmonerProcess, startAlmoner } from '../test/support/almoner-process.ts'
import { approveDeath, registerTier } from '../test/support/fund-fixture.ts'
import { readMemory } from '../test/support/process-memory.ts'

export const log = createLog({ level: 'warn', format: 'json' })

export interface Server {
  /** Of the database `almoner`, which is there from the beginning. */
  readonly url: string
  readonly dataDir: string
  createDatabase(name: string): Promise<string>
  /** Drops all that were created. */
  dropDatabases(): Promise<void>
}

/** The embedded server on an empty directory, with the settings it always has, for as long as `work` takes. */
export async function withServer<Result>(work: (server: Server) => Promise<Result>): Promise<Result> {
  const server = await startEmbeddedServer({ dataDir: await mkdtemp(path.join(tmpdir(), 'almoner-bench-')) })
  const created: string[] = []
  try {
    return await work({
      url: server.url,
      dataDir: server.dataDir,
      async createDatabase(name) {
        created.push(name)
        await run(server.url, `create database ${name}`)
        return urlOfDatabase(server.url, name)
      },
      async dropDatabases() {
        for (const name of created.splice(0)) await run(server.url, `drop database ${name} with (force)`)
      },
    })
  } finally {
    // Whoever is left when something failed must not keep the server up.
    for (const child of children) child.kill('SIGKILL')
    await server.stop()
    await rm(server.dataDir, { recursive: true, force: true })
  }
}

const children = new Set<ChildProcess>()

/** Starts `almoner` and remembers it until it ends. */
export function launch(args: readonly string[], env: Record<string, string>): AlmonerProcess {
  const started = startAlmoner(args, env)
  children.add(started.child)
  void started.exited.then(() => children.delete(started.child))
  return started
}

/** Starts `almoner api`, or `almoner start`, on a port that is free. */
export async function launchApi(
  command: 'api' | 'start',
  env: Record<string, string>,
): Promise<AlmonerProcess & { url: string }> {
  const api = launch([command], { ...env, PORT: '0' })
  await api.says('/sign-in')
  return { ...api, url: /(http:\S+)\/sign-in/.exec(api.output.stderr)?.[1] as string }
}

async function run(url: string, statement: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  await client.query(statement)
  await client.end()
}

export interface Fund {
  readonly app: Application
  readonly db: Db
  readonly env: Record<string, string>
  /** With these headers a request may do everything. */
  readonly headers: { readonly authorization: string }
  /** Registers a tier of so many members and so many more who have died, and gives the claims for those. */
  addTier(tierCode: string, members: number, deaths: number): Promise<string[]>
  startWorker(): Promise<AlmonerProcess>
  startApi(): Promise<AlmonerProcess & { url: string }>
  startCycle(claimId: string | undefined, strategy?: 'queued' | 'inline'): Promise<CycleView>
  /** Takes the contributions of earlier rounds away and writes everything to disk: nobody pays for another's. */
  settle(): Promise<void>
  close(): Promise<void>
}

/** @param env besides the database, e.g. the queue */
export async function openFund(url: string, env: Record<string, string> = {}): Promise<Fund> {
  const all = { DATABASE_URL: url, LOG_LEVEL: 'warn', REQUESTS_PER_MINUTE: '1000000', ...env }
  const app = await openApplication(readConfig(all, false), log, 'almoner bench')
  const { db } = app
  return {
    app,
    db,
    headers: await keyHeaders(db),
    env: all,
    async addTier(tierCode, members, deaths) {
      await registerTier(db, { tierCode, members: members + deaths })
      const claimIds: string[] = []
      for (let number = 1; number <= deaths; number += 1) {
        claimIds.push((await approveDeath(db, { tierCode, number, benefitAmount: 10_000 * members })).claimId)
      }
      await sql`vacuum (analyze) members, standings`.execute(db)
      return claimIds
    },
    async startWorker() {
      const worker = launch(['worker'], all)
      await worker.says('The worker is ready.')
      return worker
    },
    startApi: () => launchApi('api', all),
    startCycle(claimId, strategy = 'queued') {
      if (claimId === undefined) throw new Error('there are too few claims')
      return startCycle(app, { claimId, cycleDuration: 15, strategy, actor: operator('bench') })
    },
    async settle() {
      await sql`truncate member_contributions`.execute(db)
      await sql`checkpoint`.execute(db)
    },
    close: () => app.close(),
  }
}

/** Waits until the cycle is Active and returns it with its milliseconds from start to Active, by the database's clock. */
export async function untilActive(
  db: Db,
  cycleId: string,
  everyMs = 25,
): Promise<CycleView & { creationMs: number }> {
  for (;;) {
    const cycle = await requireCycle(db, cycleId)
    if (cycle.cycleStatus === 'Failed') throw new Error(cycle.failureReason ?? 'the cycle failed')
    if (cycle.cycleStatus === 'Active') {
      const { rows } = await sql<{ creationMs: number }>`
        select extract(epoch from activated_at - created_at)::float8 * 1000 as creation_ms
        from contribution_cycles where cycle_id = ${cycleId}`.execute(db)
      return { ...cycle, creationMs: rows[0]?.creationMs as number }
    }
    await wait(everyMs)
  }
}

/** @throws Error when the cycle's contributions are not exactly those they should be */
export async function prove(db: Db, cycle: CycleView, members: number): Promise<void> {
  const proof = await proveCycle(db, cycle.cycleId)
  if (!proof.holds || proof.contributions !== members) {
    throw new Error(`${cycle.cycleCode} does not hold: ${JSON.stringify(proof)}`)
  }
}

/** Samples the process' memory until it is told to stop; then gives the samples. */
export function watchMemory(pid: number | undefined, everyMs = 100) {
  const startedAt = performance.now()
  const samples: { ms: number; bytes: number }[] = []
  const look = async () => {
    const now = await readMemory(pid).catch(() => Number.NaN)
    // A process that has just ended has no memory any more.
    if (!Number.isNaN(now)) samples.push({ ms: Math.round(performance.now() - startedAt), bytes: now })
  }
  void look()
  const timer = setInterval(look, everyMs)
  return () => {
    clearInterval(timer)
    return samples
  }
}
