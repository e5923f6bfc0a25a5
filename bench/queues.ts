/**
 * What does each queue cost? Two questions, all drivers side by side in one run, on real brokers started for it:
 * how long a token takes from `send` to its handler, and what a cycle takes from its start to Active. See README.md.
 *
 *   npx tsx bench/queues.ts [--quick] [--members 1000000] [--rounds 5]
 */
import { setTimeout as wait } from 'node:timers/promises'
import { openQueue } from '../src/platform/queue/open-queue.ts'
import { brokers, type RunningBroker } from '../test/support/brokers/brokers.ts'
import { type Fund, log, openFund, prove, type Server, untilActive, withServer } from './fund.ts'
import {
  choose,
  compare,
  count,
  describeMachine,
  median,
  ms,
  quantile,
  quick,
  report,
  rotate,
  say,
  table,
  times,
} from './measure.ts'

const members = choose('members', 1_000_000, 20_000)
const rounds = choose('rounds', 5, 1)
const tokens = quick ? 20 : 200

/** Milliseconds from the call of `send` to the handler, one token at a time on an idle queue. */
async function measureLatency(url: string): Promise<number[]> {
  const queue = await openQueue({ url, log })
  const latencies: number[] = []
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
    if (index >= 0) latencies.push(performance.now() - sentAt)
    // Tokens come now and then, not on each other's heels.
    await wait(20)
  }
  await consumer.stop()
  await queue.close()
  return latencies
}

type Measured = Pick<RunningBroker, 'url' | 'env'> & { name: string; latencies: number[]; cycles: number[] }

async function measure(server: Server, queues: Measured[]): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    for (const queue of rotate(queues, round)) queue.latencies.push(...(await measureLatency(queue.url)))
    say(`round ${round + 1}: tokens`)
  }

  const funds = new Map<Measured, Fund>()
  for (const queue of queues) {
    const fund = await openFund(server.url, { QUEUE_URL: queue.url, ...queue.env })
    funds.set(queue, fund)
    await fund.startWorker()
  }
  const [first] = funds.values()
  const claims = (await first?.addTier('A', members, queues.length * rounds)) ?? []
  // A poll of SQS that was cut off may still take a message, for as long as it would have waited.
  await wait(20_000)
  for (let round = 0; round < rounds; round += 1) {
    for (const queue of rotate(queues, round)) {
      const fund = funds.get(queue) as Fund
      await fund.settle()
      const { cycleId } = await fund.startCycle(claims.pop())
      const cycle = await untilActive(fund.db, cycleId, 50)
      await prove(fund.db, cycle, members)
      queue.cycles.push(cycle.creationMs)
      say(`round ${round + 1}: ${queue.name} ${ms(cycle.creationMs)}`)
    }
  }
  for (const fund of funds.values()) await fund.close()
}

const stops: (() => Promise<void>)[] = []
const queues: Measured[] = []
const machine = await withServer(async (server) => {
  for (const broker of brokers) {
    if (broker.missing) {
      say(`${broker.name} is left out: it ${broker.missing}`)
      continue
    }
    // The default is the application's own database.
    const isDefault = broker.name === 'PostgreSQL'
    const running: RunningBroker | undefined = isDefault ? undefined : await broker.start()
    if (running) stops.push(() => running.stop())
    Object.assign(process.env, running?.env)
    queues.push({
      name: broker.name,
      url: running?.url ?? server.url,
      env: running?.env ?? {},
      latencies: [],
      cycles: [],
    })
  }
  await measure(server, queues)
  return describeMachine(server.url)
}).finally(() => Promise.all(stops.map((stop) => stop())))

const text = table(
  [
    'queue',
    'token, median',
    'token, p99',
    `${count(members)} members, start to Active`,
    'against the default',
  ],
  queues.map(({ name, latencies, cycles }) => [
    name,
    ms(median(latencies)),
    ms(quantile(latencies, 0.99)),
    ms(median(cycles)),
    times(compare(cycles, queues[0]?.cycles ?? [])),
  ]),
)
const results = queues.map(({ name, latencies, cycles }) => ({
  queue: name,
  latencyMs: { median: median(latencies), p99: quantile(latencies, 0.99) },
  cycleMs: { median: median(cycles), all: cycles },
}))
await report('queues', { machine, text, results: { members, rounds, tokens, results } })
