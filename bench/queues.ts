/**
 * What does each queue cost? Two questions, all drivers side by side in one run, on real brokers started for it:
 * how long a token takes from `send` to its handler, and what a cycle takes from its start to Active. See README.md.
 *
 *   npx tsx bench/queues.ts [--members 1000000] [--rounds 5] [--tokens 200]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { sql } from 'kysely'
import { readConfig } from '../src/config.ts'
import { requireCycle } from '../src/cycles/cycle-sql.ts'
import { proveCycle } from '../src/cycles/prove-cycle.ts'
import { startCycle } from '../src/cycles/start-cycle.ts'
import { startEmbeddedServer } from '../src/database/embedded-server.ts'
import { createLog } from '../src/log.ts'
import { type Application, openApplication } from '../src/main.ts'
import { openQueue } from '../src/queue/open-queue.ts'
import { type AlmonerProcess, startAlmoner } from '../test/almoner-process.ts'
import { brokers } from '../test/brokers/brokers.ts'
import { approveDeath, registerTier } from '../test/fund-fixture.ts'

const { values } = parseArgs({
  options: {
    members: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '5' },
    tokens: { type: 'string', default: '200' },
  },
})
const [members, rounds, tokens] = [values.members, values.rounds, values.tokens].map(Number) as [
  number,
  number,
  number,
]

const say = (line: string) => process.stderr.write(`${line}\n`)
const log = createLog({ level: 'warn', format: 'json' })

/** Milliseconds from the call of `send` to the handler, one token at a time on an idle queue. */
async function measureLatency(url: string): Promise<number[]> {
  const queue = await openQueue({ url, log })
  const times: number[] = []
  let arrived = () => {}
  const consumer = await queue.consume(async () => arrived(), { concurrency: 5 })
  for (let index = -20; index < tokens; index += 1) {
    const sentAt = performance.now()
    await Promise.all([
      new Promise<void>((resolve) => {
        arrived = resolve
      }),
      queue.send([{ name: 'latency', id: `${index}` }]),
    ])
    // The first ones warm up connections and plans.
    if (index >= 0) times.push(performance.now() - sentAt)
    // Tokens come now and then, not on each other's heels.
    await wait(20)
  }
  await consumer.stop()
  await queue.close()
  return times
}

/** Milliseconds from the start of a cycle to Active, by the database's clock; a worker process does the work. */
async function measureCycle(app: Application, death: number): Promise<number> {
  const { claimId } = await approveDeath(app.db, { number: death })
  await sql`truncate member_contributions`.execute(app.db)
  await sql`checkpoint`.execute(app.db)
  const { cycleId } = await startCycle(app, {
    claimId,
    cycleDuration: 15,
    strategy: 'queued',
    actor: 'bench',
  })
  for (;;) {
    const cycle = await requireCycle(app.db, cycleId)
    if (cycle.cycleStatus === 'Active' && cycle.activatedAt !== null) {
      if (!(await proveCycle(app.db, cycle.cycleId)).holds)
        throw new Error(`${cycle.cycleCode} does not hold`)
      return Date.parse(cycle.activatedAt) - Date.parse(cycle.createdAt)
    }
    if (cycle.cycleStatus === 'Failed') throw new Error(cycle.failureReason ?? 'the cycle failed')
    await wait(50)
  }
}

const quantile = (sorted: readonly number[], q: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
const sort = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)

const dataDir = await mkdtemp(path.join(tmpdir(), 'almoner-bench-'))
const database = await startEmbeddedServer({ dataDir })
const servers = []
for (const broker of brokers) {
  const isDefault = broker.name === 'PostgreSQL'
  const server = isDefault ? { url: database.url, env: {}, stop: async () => {} } : await broker.start()
  Object.assign(process.env, server.env)
  servers.push({ ...server, name: broker.name, latencies: [] as number[], cycles: [] as number[] })
}
for (let round = 0; round < rounds; round += 1) {
  for (let turn = 0; turn < servers.length; turn += 1) {
    const server = servers[(turn + round) % servers.length] as (typeof servers)[number]
    server.latencies.push(...(await measureLatency(server.url)))
  }
  say(`round ${round + 1}: tokens`)
}

const running: ((typeof servers)[number] & { app: Application; worker: AlmonerProcess })[] = []
for (const server of servers) {
  const env = { DATABASE_URL: database.url, QUEUE_URL: server.url, LOG_LEVEL: 'warn', ...server.env }
  const app = await openApplication(readConfig(env, false), log, 'almoner bench')
  const worker = startAlmoner(['worker'], env)
  await worker.says('The worker is ready.')
  running.push({ ...server, app, worker })
}
const [first] = running
if (first === undefined) throw new Error('there is no broker')
await registerTier(first.app.db, { members: members + 1 + running.length * rounds })
await sql`vacuum (analyze) members, standings`.execute(first.app.db)
// A poll of SQS that was cut off may still take a message, for as long as it would have waited.
await wait(20_000)

let death = 0
for (let round = 1; round <= rounds; round += 1) {
  // Each round begins with another driver, so that none is always the one after the checkpoint of its neighbour.
  for (let turn = 0; turn < running.length; turn += 1) {
    const broker = running[(turn + round) % running.length] as (typeof running)[number]
    death += 1
    broker.cycles.push(await measureCycle(broker.app, death))
    say(`round ${round}: ${broker.name} ${broker.cycles.at(-1)} ms`)
  }
}

const results = running.map(({ name, latencies, cycles }) => ({
  queue: name,
  latencyMs: { median: quantile(sort(latencies), 0.5), p99: quantile(sort(latencies), 0.99) },
  cycleMs: { median: quantile(sort(cycles), 0.5), all: cycles },
  ratio: sort(cycles.map((ms, round) => ms / (first.cycles[round] ?? Number.NaN))),
}))
for (const broker of running) {
  await broker.worker.end('SIGTERM')
  await broker.app.close()
  await broker.stop()
}
await database.stop()
await rm(database.dataDir, { recursive: true, force: true })

const one = (value: number) => value.toFixed(1)
const two = (value: number) => value.toFixed(2)
const lines = [
  `| queue | token, median | token, p99 | ${members.toLocaleString('en')} members, start to Active | against the default |`,
  '|---|---|---|---|---|',
  ...results.map(
    ({ queue, latencyMs, cycleMs, ratio }) =>
      `| ${queue} | ${one(latencyMs.median)} ms | ${one(latencyMs.p99)} ms | ${two(cycleMs.median / 1000)} s | ${two(quantile(ratio, 0.5))} × (${two(ratio[0] ?? 0)}–${two(ratio.at(-1) ?? 0)}) |`,
  ),
]
const machine = `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}`
await writeFile(
  new URL('./queues.json', import.meta.url),
  `${JSON.stringify({ at: new Date().toISOString(), machine, members, rounds, tokens, results }, null, 2)}\n`,
)
process.stdout.write(`${machine}\n\n${lines.join('\n')}\n`)
