/**
 * The long run: cycles of mixed sizes, several at a time, and random faults at random moments. An API and a worker that no
 * fault strikes live through all of it; their memory, their open files and the database's connections must stay flat. Two hostile
 * clients beset that API all the while.
 * Linux only, where /proc tells. See docs/reliability.md.
 *
 *   npm run long-run -- [--minutes 60] [--seed 1] [--queue PostgreSQL]
 */
import { readdir } from 'node:fs/promises'
import { cpus } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { sql } from 'kysely'
import { requireCycle } from '../../src/cycles/cycle-sql.ts'
import { proveCycle } from '../../src/cycles/prove-cycle.ts'
import { isTransient } from '../../src/platform/database/sql-state.ts'
import { keyHeaders } from '../support/admin-key.ts'
import type { AlmonerProcess } from '../support/almoner-process.ts'
import { brokers } from '../support/brokers/brokers.ts'
import { freePort } from '../support/brokers/free-port.ts'
import { startPostgresServer } from '../support/brokers/postgres-server.ts'
import { registerTier } from '../support/fund-fixture.ts'
import { readMemory } from '../support/process-memory.ts'
import { seeded } from '../support/random.ts'
import { faults } from './faults.ts'
import { attack } from './hostile-clients.ts'
import { patiently } from './patiently.ts'
import { buildPreviousVersion } from './previous-version.ts'
import { askDoctor, tryFault } from './try-fault.ts'
import { openWorld } from './world.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    queue: { type: 'string', default: 'PostgreSQL' },
  },
})
const minutes = Number(values.minutes)
const seed = Number(values.seed)
const kind = brokers.find(({ name }) => name === values.queue)
if (!kind) throw new Error(`There is no queue ${values.queue}.`)

const say = (line: string) => process.stdout.write(`${line}\n`)
const previousVersion = await buildPreviousVersion()
const database = await startPostgresServer()
const world = await openWorld({ kind, members: 20_000, chunkSeconds: 0.02, database })
const port = await freePort()
const [api, worker] = await Promise.all([
  world.startApi({ PORT: `${port}`, REQUESTS_PER_MINUTE: '3000' }),
  world.startWorker({ LOG_LEVEL: 'warn' }),
])
const tiers = { A: 20_000, S: 4_000, M: 5_000, L: 100_000 }
for (const [tierCode, members] of Object.entries(tiers)) {
  if (tierCode !== 'A') await registerTier(world.db, { tierCode, members })
}
await sql`vacuum (analyze) members, standings`.execute(world.db)
const startedAt = performance.now()
const part = () => Math.min(5, Math.floor((performance.now() - startedAt) / ((minutes * 60_000) / 6)))
const isOver = () => performance.now() - startedAt > minutes * 60_000

/** What happened in each sixth of the time. */
const parts = Array.from({ length: 6 }, () => ({
  cycles: 0,
  faults: 0,
  apiMiB: [] as number[],
  workerMiB: [] as number[],
  apiFiles: [] as number[],
  workerFiles: [] as number[],
  connections: [] as number[],
}))
const broken: string[] = []
const current = () => parts[part()] as (typeof parts)[number]

async function strikeOn(): Promise<void> {
  const random = seeded(seed)
  const possible = faults.filter(
    ({ needs }) =>
      needs === undefined ||
      (needs === 'broker of its own' && world.broker !== world.database) ||
      (needs === 'version before' && previousVersion !== undefined),
  )
  for (let index = 0; !isOver(); index += 1) {
    const fault = possible[Math.floor(random() * possible.length)]
    const tierCode = Object.keys(tiers)[Math.floor(random() * 4)]
    if (!fault || !tierCode) throw new Error('there is nothing to try')
    const outcome = await tryFault(world, fault, {
      seed: seed * 1_000_000 + index,
      previousVersion,
      tierCode,
    })
    for (const sentence of outcome.broken) broken.push(`${fault.name} (try ${index}): ${sentence}`)
    current().faults += 1
    current().cycles += 1
    await wait(random() * 2_000)
  }
}

let newestCycleId = ''

/** Cycles that go on meanwhile, each watched by an event stream of the API that nobody strikes. */
async function cycleOn(tierCode: string): Promise<void> {
  const random = seeded(seed + tierCode.charCodeAt(0))
  while (!isOver()) {
    const claimId = await patiently(() => world.nextDeath(tierCode))
    const { cycleId } = await world.startCycle(claimId)
    newestCycleId = cycleId
    const watching = watch(cycleId)
    const find = () => patiently(() => requireCycle(world.db, cycleId))
    let cycle = await find()
    for (const since = performance.now(); cycle.cycleStatus !== 'Active'; cycle = await find()) {
      if (cycle.cycleStatus !== 'Initializing' || performance.now() - since > 300_000) {
        broken.push(`${cycle.cycleCode} of tier ${tierCode} is ${cycle.cycleStatus}`)
        break
      }
      await wait(50)
    }
    const proof = await patiently(() => proveCycle(world.db, cycleId))
    if (!proof.holds) broken.push(`${cycle.cycleCode}: ${JSON.stringify(proof)}`)
    await watching
    current().cycles += 1
    await wait(random() * 5_000)
  }
}

async function watch(cycleId: string): Promise<void> {
  try {
    const address = `http://127.0.0.1:${port}/api/contribution-cycles/${cycleId}/creation-progress/stream`
    const response = await fetch(address, { headers: world.headers, signal: AbortSignal.timeout(60_000) })
    for await (const _ of response.body ?? []);
  } catch {
    // The database was away, or the cycle took longer than we look.
  }
}

async function measure(): Promise<void> {
  for (; !isOver(); await wait(5_000)) {
    const { rows } = await patiently(() =>
      sql<{ connections: number }>`
        select count(*) as connections from pg_stat_activity where backend_type = 'client backend'
      `.execute(world.db),
    )
    const now = current()
    now.connections.push(rows[0]?.connections ?? 0)
    now.apiMiB.push(await residentMiB(api))
    now.workerMiB.push(await residentMiB(worker))
    now.apiFiles.push(await openFiles(api))
    now.workerFiles.push(await openFiles(worker))
  }
}

async function residentMiB({ child }: AlmonerProcess): Promise<number> {
  return Math.round((await readMemory(child.pid)) / 2 ** 20)
}

async function openFiles({ child }: AlmonerProcess): Promise<number> {
  return (await readdir(`/proc/${child.pid}/fd`)).length
}

const hostile = attack({
  url: `http://127.0.0.1:${port}`,
  clerk: await keyHeaders(world.db, { role: 'clerk' }),
  treasurer: await keyHeaders(world.db, { role: 'treasurer' }),
  cycleId: () => newestCycleId,
  isOver,
})
await Promise.all([strikeOn(), cycleOn('S'), cycleOn('M'), cycleOn('L'), measure(), hostile.done])
broken.push(...(await askDoctor(world)))
const { rows } = await sql<{ contributions: number }>`
  select count(*) as contributions from member_contributions`.execute(world.db)
await world.close()
await previousVersion?.remove()

const median = (numbers: number[]) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0
const measured = ['apiMiB', 'workerMiB', 'apiFiles', 'workerFiles', 'connections'] as const
const today = new Date().toISOString().slice(0, 10)
say(
  `\n${today}, ${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, seed ${seed}, ${kind.name}\n`,
)
say('| sixth | cycles | faults | API, MiB | worker, MiB | API, files | worker, files | connections |')
say('|---|---|---|---|---|---|---|---|')
for (const [index, each] of parts.entries()) {
  const cells = measured.map((name) => `${median(each[name])} (≤ ${Math.max(0, ...each[name])})`)
  say(`| ${[index + 1, each.cycles, each.faults, ...cells].join(' | ')} |`)
}
say('\nWhat the hostile clients were answered:')
for (const [name, counts] of hostile.answers) {
  const cells = [...counts].map(([answer, times]) => `${answer}: ${times}`)
  say(`- ${name}: ${cells.join(', ')}`)
}
// A fault that strikes the database is felt by every request; a hostile client alone must never bring a 500.
const causes = new Map<string, number>()
for (const line of `${api.output.stdout}\n${api.output.stderr}`.split('\n')) {
  if (!line.includes('"request failed"')) continue
  const { err } = JSON.parse(line) as { err: { message: string; code?: string } }
  if (!isTransient(Object.assign(new Error(err.message), { code: err.code })))
    broken.push(`500: ${err.message}`)
  causes.set(err.message, (causes.get(err.message) ?? 0) + 1)
}
say('\nWhy the API answered 500:')
for (const [cause, times] of causes) say(`- ${cause}: ${times}`)
// The first sixth warms up: the heap grows to what the work needs, pools to what they may.
for (const name of measured) {
  const [early, late] = [median(parts[1]?.[name] ?? []), median(parts[5]?.[name] ?? [])]
  if (late > early * 1.2) broken.push(`not flat: ${name} went from ${early} to ${late}`)
}
for (const sentence of broken) say(`FAIL ${sentence}`)
say(
  `\n${rows[0]?.contributions} contributions, ${broken.length === 0 ? 'all as promised' : 'not as promised'}`,
)
process.exitCode = broken.length === 0 ? 0 : 1
