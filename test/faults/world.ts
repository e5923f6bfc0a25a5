import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { sql } from 'kysely'
import type { CycleView } from '../../src/cycles/cycle-sql.ts'
import { connect, type Database } from '../../src/platform/database/connect.ts'
import { migrate } from '../../src/platform/database/migrate.ts'
import { openQueue } from '../../src/platform/queue/open-queue.ts'
import { keyHeaders } from '../support/admin-key.ts'
import { type AlmonerProcess, startAlmoner } from '../support/almoner-process.ts'
import type { BrokerKind, RunningBroker } from '../support/brokers/brokers.ts'
import { freePort } from '../support/brokers/free-port.ts'
import { startPostgresServer } from '../support/brokers/postgres-server.ts'
import type { ReplicatedPostgres } from '../support/brokers/replicated-postgres.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'

const silent = { info() {}, warn() {} }

interface Answer<Body> {
  readonly status: number
  readonly body: Body
}

/** A fund in processes of its own: a database, a broker, the API and two workers, all of which may be lost. */
export interface World {
  readonly queueName: string
  readonly database: RunningBroker | ReplicatedPostgres
  /** On the default queue it is the database. */
  readonly broker: RunningBroker
  /** Where the database's disk is mounted; undefined where it could not have one of its own. */
  readonly disk: string | undefined
  readonly env: Readonly<Record<string, string>>
  /** The laboratory's own connections, for looking and for what happens in the register. */
  readonly db: Database['db']
  readonly workers: AlmonerProcess[]
  api: AlmonerProcess
  startWorker(env?: Record<string, string>, program?: string): Promise<AlmonerProcess>
  /** With these headers a request may do everything. */
  readonly headers: { readonly authorization: string }
  startApi(env?: Record<string, string>): Promise<AlmonerProcess>
  /** Asks the API, and again while nobody answers. */
  ask<Body>(method: 'GET' | 'POST', path: string, body?: unknown, key?: string): Promise<Answer<Body>>
  /** An approved claim of the tier's next member. */
  nextDeath(tierCode?: string): Promise<string>
  /** Starts a cycle by one request that is repeated, with one Idempotency-Key, until it is answered. */
  startCycle(claimId: string): Promise<CycleView>
  /** Sends this many tokens for the job, as anybody with access to the broker could. */
  sendTokens(jobId: string, count: number): Promise<void>
  close(): Promise<void>
}

export interface WorldOptions {
  readonly kind: BrokerKind
  readonly members: number
  /** How long each chunk takes at least, so that there is a middle to strike in. */
  readonly chunkSeconds: number
  /** Instead of a server of its own. */
  readonly database?: RunningBroker | ReplicatedPostgres
}

export async function openWorld(options: WorldOptions): Promise<World> {
  const { kind } = options
  const disk = options.database ? undefined : await mountDisk()
  const database =
    options.database ??
    (await startPostgresServer(
      disk === undefined
        ? {}
        : // What is removed at the end is a directory on the disk, not the place where it is mounted.
          { dataDir: path.join(disk, 'data'), settings: { max_wal_size: '64MB', min_wal_size: '32MB' } },
    ))
  const isDefault = kind.name === 'PostgreSQL'
  const broker = isDefault ? database : await kind.start()
  Object.assign(process.env, broker.env)
  const port = await freePort()
  const env: Record<string, string> = {
    DATABASE_URL: database.url,
    PORT: `${port}`,
    LOG_LEVEL: 'info',
    LOG_FORMAT: 'json',
    REQUESTS_PER_MINUTE: '1000000',
    ...(isDefault ? {} : { QUEUE_URL: broker.url }),
    ...broker.env,
  }
  await migrate(database.url)
  const connection = connect({ url: database.url, name: 'laboratory', maxConnections: 4 })
  const { db } = connection
  await registerTier(db, { members: options.members })
  await slowDown(db, options.chunkSeconds)
  await sql`vacuum (analyze) members, standings`.execute(db)

  const keyed = await keyHeaders(db)
  const all = new Set<AlmonerProcess>()
  const start = async (role: 'api' | 'worker', says: string, more = {}, program?: string) => {
    const process = startAlmoner([role], { ...env, ...more }, program)
    all.add(process)
    await process.says(says)
    return process
  }
  const ask = async <Body>(
    method: 'GET' | 'POST',
    address: string,
    body?: unknown,
    key?: string,
  ): Promise<Answer<Body>> => {
    const headers = {
      ...keyed,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(key !== undefined && { 'idempotency-key': key }),
    }
    for (;;) {
      try {
        const response = await fetch(`http://127.0.0.1:${port}${address}`, {
          method,
          headers,
          ...(body !== undefined && { body: JSON.stringify(body) }),
          signal: AbortSignal.timeout(10_000),
        })
        const answer = { status: response.status, body: (await response.json()) as Body }
        const { type } = answer.body as { type?: string }
        // With its key it may be asked again, whether it was carried out, was not, or is being carried out now.
        if (answer.status < 500 && type !== 'urn:almoner:problem:idempotency-key-busy') return answer
      } catch {
        // Nobody there, or cut off in the middle.
      }
      await wait(100)
    }
  }
  const deaths = new Map<string, number>()

  const world: World = {
    headers: keyed,
    queueName: kind.name,
    database,
    broker,
    disk,
    env,
    db,
    workers: [],
    api: await start('api', 'The API is ready'),
    startWorker: (more, program) => start('worker', 'The worker is ready.', more, program),
    startApi: (more) => start('api', 'The API is ready', more),
    ask,
    async nextDeath(tierCode = 'A') {
      const number = (deaths.get(tierCode) ?? 0) + 1
      deaths.set(tierCode, number)
      // Enough for tiers of 100,000: one person may start its cycle.
      const { claimId } = await approveDeath(db, { tierCode, number, benefitAmount: 1_000_000_000 })
      return claimId
    },
    async startCycle(claimId) {
      const input = { claimId, strategy: 'queued' }
      const { status, body } = await ask<{ cycle: CycleView }>(
        'POST',
        '/api/contribution-cycles',
        input,
        randomUUID(),
      )
      if (status !== 202) throw new Error(`the start was answered with ${status}: ${JSON.stringify(body)}`)
      return body.cycle
    },
    async sendTokens(jobId, count) {
      const queue = await openQueue({ url: broker.url, log: silent })
      await queue.send(Array.from({ length: count }, () => ({ name: 'advance-job', id: jobId })))
      await queue.close()
    },
    async close() {
      await Promise.all([...all].map((process) => process.end('SIGKILL')))
      await connection.close()
      if (broker !== database) await broker.stop()
      await database.stop()
      if (disk !== undefined) await unmountDisk(disk)
    },
  }
  for (let index = 0; index < 2; index += 1) world.workers.push(await world.startWorker())
  return world
}

async function slowDown(db: Database['db'], seconds: number): Promise<void> {
  await sql`
    create or replace function slow_down() returns trigger language plpgsql as $$
    begin perform pg_sleep(${sql.lit(seconds)}); return null; end $$`.execute(db)
  await sql`
    create or replace trigger slow_down before insert on member_contributions
    for each statement execute function slow_down()`.execute(db)
}

const diskSize = '1g'

/** A disk that can be filled without harm to others. Only root may mount one. */
async function mountDisk(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.geteuid?.() !== 0) return undefined
  const directory = await mkdtemp(path.join(tmpdir(), 'almoner-disk-'))
  try {
    await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', `size=${diskSize},mode=755`, 'tmpfs', directory])
    return directory
  } catch {
    await rm(directory, { recursive: true })
    return undefined
  }
}

async function unmountDisk(directory: string): Promise<void> {
  await promisify(execFile)('umount', ['-l', directory])
  await rm(directory, { recursive: true })
}
