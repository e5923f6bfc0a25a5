/**
 * Does the API stay quick while a large cycle is created? The same load on it idle and busy, by turns.
 *
 *   npx tsx bench/load.ts [--quick] [--members 1000000] [--rounds 3]
 */
import { get } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import autocannon from 'autocannon'
import { openFund, prove, untilActive, watchMemory, withServer } from './fund.ts'
import {
  choose,
  compare,
  count,
  describeMachine,
  median,
  megabytes,
  ms,
  quantile,
  quick,
  report,
  rotate,
  say,
  table,
  times,
} from './measure.ts'

const members = choose('members', 1_000_000, 100_000)
const rounds = choose('rounds', 4, 1)
const seconds = quick ? 5 : 15
const streams = 50
/** Each client asks once a second. */
const clients = { progress: 200, list: 20 }
type Kind = keyof typeof clients

interface Round {
  latencies: Record<Kind, number[]>
  errors: number
  events: number
  apiBytes: number
  cycles: number
}
const states: { name: 'idle' | 'busy'; rounds: Round[] }[] = [
  { name: 'idle', rounds: [] },
  { name: 'busy', rounds: [] },
]

/**
 * Every connection asks once a second, whatever the answers take; `path` is read afresh for each request. autocannon's
 * connections all ask in the same instant, so they are started in groups of ten, spread over the second. The first second,
 * which opens the connections, is not counted.
 */
async function askSteadily(
  url: string,
  headers: Record<string, string>,
  connections: number,
  path: () => string,
) {
  const latencies: number[] = []
  const countFrom = performance.now() + 1000
  const groups = Array.from({ length: connections / 10 }, async (_, group) => {
    await wait((1000 / connections) * 10 * group)
    return new Promise<autocannon.Result>((resolve, reject) => {
      const run = autocannon(
        {
          url,
          connections: 10,
          duration: seconds,
          overallRate: 10,
          headers,
          requests: [{ setupRequest: (request: autocannon.Request) => ({ ...request, path: path() }) }],
        },
        (error: unknown, result) => (error ? reject(error) : resolve(result)),
      )
      run.on('response', (_client, _status, _bytes, responseTime) => {
        if (performance.now() > countFrom) latencies.push(responseTime)
      })
    })
  })
  const results = await Promise.all(groups)
  const errors = results.map(({ errors, timeouts, non2xx }) => errors + timeouts + non2xx)
  return { latencies, errors: errors.reduce((total, number) => total + number, 0) }
}

/** Keeps event streams open, each on the newest cycle as soon as its own has ended; `stop` gives how many events came. */
function openStreams(url: string, headers: Record<string, string>, path: () => string) {
  let events = 0
  let errors = 0
  let open = true
  const closers = new Set<() => void>()
  const connect = (followed?: string): void => {
    if (!open) return
    // A stream of a finished cycle ends at once: its reader looks again a little later.
    if (followed === path()) {
      setTimeout(connect, 100, followed).unref()
      return
    }
    const now = path()
    const request = get(`${url}${now}`, { agent: false, headers }, (response) => {
      if (response.statusCode !== 200) errors += 1
      response.setEncoding('utf8').on('data', (text: string) => {
        events += text.split('\ndata:').length - 1
      })
      response.on('close', () => {
        closers.delete(close)
        connect(now)
      })
    })
    const close = () => request.destroy()
    closers.add(close)
    request.on('error', () => {
      if (open) errors += 1
    })
  }
  for (let stream = 0; stream < streams; stream += 1) connect()
  return {
    stop() {
      open = false
      for (const close of closers) close()
      return { events, errors }
    },
  }
}

const machine = await withServer(async (server) => {
  const fund = await openFund(await server.createDatabase('load'))
  // So many cycles that there is always one being created, however fast the machine is.
  const claims = await fund.addTier('A', members, rounds * 60 + 1)
  const worker = await fund.startWorker()
  const api = await fund.startApi()
  await fund.settle()

  const listed = await untilActive(fund.db, (await fund.startCycle(claims.pop())).cycleId)
  let watched = listed.cycleId
  const cycles = '/api/contribution-cycles'
  // The first requests pay for compiling.
  await askSteadily(api.url, fund.headers, clients.progress, () => `${cycles}/${watched}/creation-progress`)
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, rounds: done } of rotate(states, round)) {
      let isOver = false
      const made: string[] = []
      const keepBusy = async () => {
        while (!isOver) {
          watched = (await fund.startCycle(claims.pop())).cycleId
          made.push(watched)
          await untilActive(fund.db, watched)
        }
      }
      const stopWatching = watchMemory(api.child.pid)
      const work = name === 'busy' ? keepBusy() : Promise.resolve()
      const stream = openStreams(api.url, fund.headers, () => `${cycles}/${watched}/creation-progress/stream`)
      const [progress, list] = await Promise.all([
        askSteadily(api.url, fund.headers, clients.progress, () => `${cycles}/${watched}/creation-progress`),
        askSteadily(
          api.url,
          fund.headers,
          clients.list,
          () => `${cycles}/${listed.cycleId}/contributions?limit=50`,
        ),
      ])
      const { events, errors } = stream.stop()
      isOver = true
      await work
      done.push({
        latencies: { progress: progress.latencies, list: list.latencies },
        errors: progress.errors + list.errors + errors,
        events,
        apiBytes: Math.max(...stopWatching().map(({ bytes }) => bytes)),
        cycles: made.length,
      })
      for (const cycleId of made) await prove(fund.db, await untilActive(fund.db, cycleId), members)
      // The cycle that is listed stays; autovacuum must not clean up after this round in the next.
      await fund.app.database.pool.query('delete from member_contributions where cycle_id <> $1', [
        listed.cycleId,
      ])
      await fund.app.database.pool.query('vacuum (analyze) member_contributions')
      await fund.app.database.pool.query('checkpoint')
      await wait(500)
      say(`round ${round + 1}: ${name}, ${made.length} cycles, p99 ${ms(quantile(progress.latencies, 0.99))}`)
    }
  }
  await api.end('SIGTERM')
  await worker.end('SIGTERM')
  await fund.close()
  return describeMachine(server.url)
})

const kinds = Object.keys(clients) as Kind[]
const p99s = (index: number, kind: Kind) =>
  states[index]?.rounds.map(({ latencies }) => quantile(latencies[kind], 0.99)) ?? []
const all = (index: number, kind: Kind) =>
  states[index]?.rounds.flatMap(({ latencies }) => latencies[kind]) ?? []
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
const text = [
  table(
    ['request', 'idle p50', 'idle p99', 'busy p50', 'busy p99', 'busy p99 ÷ idle p99, by round'],
    kinds.map((kind) => [
      kind === 'progress' ? 'progress' : 'contributions, a page of 50',
      ...[0, 1].flatMap((index) => [ms(median(all(index, kind))), ms(quantile(all(index, kind), 0.99))]),
      times(compare(p99s(1, kind), p99s(0, kind))),
    ]),
  ),
  table(
    [
      '',
      'requests',
      'errors',
      'events on the streams',
      `cycles of ${count(members)} meanwhile`,
      "the API's memory, at most",
    ],
    states.map(({ name, rounds: done }, index) => [
      name,
      count(sum(kinds.map((kind) => all(index, kind).length))),
      count(sum(done.map(({ errors }) => errors))),
      count(sum(done.map(({ events }) => events))),
      count(sum(done.map(({ cycles }) => cycles))),
      megabytes(Math.max(...done.map(({ apiBytes }) => apiBytes))),
    ]),
  ),
].join('\n\n')
const results = states.map(({ name, rounds: done }) => ({
  state: name,
  rounds: done.map(({ latencies, ...rest }) => ({
    ...rest,
    latencyMs: Object.fromEntries(
      kinds.map((kind) => [
        kind,
        {
          requests: latencies[kind].length,
          p50: median(latencies[kind]),
          p99: quantile(latencies[kind], 0.99),
        },
      ]),
    ),
  })),
}))
await report('load', { machine, text, results: { members, seconds, clients, streams, results } })
