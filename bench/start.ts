/**
 * How long does a start take? From POST to its answer for a small and a large tier, and from POST to Active.
 *
 *   npx tsx bench/start.ts [--quick] [--large] [--members 1000000] [--rounds 200]
 */
import { launchApi, openFund, untilActive, withServer } from './fund.ts'
import {
  choose,
  count,
  describeMachine,
  large,
  median,
  ms,
  quantile,
  quick,
  report,
  rotate,
  say,
  table,
} from './measure.ts'

const small = 5_000
const big = choose('members', large ? 10_000_000 : 1_000_000, 20_000)
const starts = choose('rounds', 200, 20)
/** Not counted: the first requests compile the code and open the connections. */
const warmUps = 10
const activations = quick ? 5 : 30

/** Starts over HTTP and gives the milliseconds to the whole answer. */
async function post(url: string, headers: object, claimId: string | undefined, strategy: string) {
  const startedAt = performance.now()
  const response = await fetch(`${url}/api/contribution-cycles`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ claimId, strategy }),
  })
  const body = (await response.json()) as { cycle: { cycleId: string } }
  const tookMs = performance.now() - startedAt
  if (response.status >= 300) throw new Error(JSON.stringify(body))
  return { tookMs, cycleId: body.cycle.cycleId }
}

const { machine, answers, active } = await withServer(async (server) => {
  const machine = await describeMachine(server.url)

  // Without a worker, so that each start can be cancelled before anything is written.
  const fund = await openFund(await server.createDatabase('answers'))
  const tiers = [
    { members: small, claims: await fund.addTier('S', small, starts + warmUps), ms: [] as number[] },
    { members: big, claims: await fund.addTier('L', big, starts + warmUps), ms: [] as number[] },
  ]
  const api = await fund.startApi()
  await fund.settle()
  for (let start = 0; start < starts + warmUps; start += 1) {
    for (const tier of rotate(tiers, start)) {
      const { tookMs, cycleId } = await post(api.url, fund.headers, tier.claims[start], 'queued')
      const cancelled = await fetch(`${api.url}/api/contribution-cycles/${cycleId}/cancel`, {
        method: 'POST',
        headers: fund.headers,
      })
      if (cancelled.status !== 200) throw new Error(await cancelled.text())
      if (start >= warmUps) tier.ms.push(tookMs)
    }
  }
  say('answers')
  await api.end('SIGTERM')
  await fund.close()
  await server.dropDatabases()

  // The whole of `almoner start` on the embedded database it has by default; it joins the server that is up.
  const whole = await openFund(server.url)
  const claims = await whole.addTier('S', small, 2 * activations)
  const almoner = await launchApi('start', {
    ALMONER_DATA_DIR: server.dataDir,
    REQUESTS_PER_MINUTE: '1000000',
  })
  const ways = [
    { strategy: 'queued' as const, answerMs: [] as number[], activeMs: [] as number[] },
    { strategy: 'inline' as const, answerMs: [] as number[], activeMs: [] as number[] },
  ]
  for (let round = 0; round < activations; round += 1) {
    for (const way of rotate(ways, round)) {
      await whole.settle()
      const { tookMs, cycleId } = await post(almoner.url, whole.headers, claims.pop(), way.strategy)
      const { creationMs } = await untilActive(whole.db, cycleId)
      way.answerMs.push(tookMs)
      way.activeMs.push(creationMs)
    }
  }
  say('activations')
  await almoner.end('SIGTERM')
  await whole.close()
  return { machine, answers: tiers.map(({ members, ms }) => ({ members, ms })), active: ways }
})

const spread = (numbers: readonly number[]) => `${ms(Math.min(...numbers))}–${ms(Math.max(...numbers))}`
const text = [
  `From \`POST\` to the answer, \`queued\`, ${starts} starts of each, by turns:`,
  table(
    ['members', 'median', 'p99', 'slowest'],
    answers.map(({ members, ms: all }) => [
      count(members),
      ms(median(all)),
      ms(quantile(all, 0.99)),
      ms(Math.max(...all)),
    ]),
  ),
  `A cycle of ${count(small)} members on \`almoner start\` as it is by default, ${activations} rounds:`,
  table(
    ['strategy', '`POST` to the answer, median', 'start to Active, median', 'spread'],
    active.map(({ strategy, answerMs, activeMs }) => [
      strategy,
      ms(median(answerMs)),
      ms(median(activeMs)),
      spread(activeMs),
    ]),
  ),
].join('\n\n')
await report('start', { machine, text, results: { answers, active } })
