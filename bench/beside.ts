/**
 * Does a small cycle wait for a large one? 300 members, alone and while a large cycle is being created.
 *
 *   npx tsx bench/beside.ts [--quick] [--large] [--members 1000000] [--rounds 5]
 */
import { setTimeout as wait } from 'node:timers/promises'
import { readCreationProgress } from '../src/cycles/creation-progress.ts'
import { openFund, prove, untilActive, withServer } from './fund.ts'
import { choose, count, describeMachine, large, median, ms, report, rotate, say, table } from './measure.ts'

const small = 300
const big = choose('members', large ? 10_000_000 : 1_000_000, 300_000)
const rounds = choose('rounds', large ? 3 : 7, 2)

const acts = (['queued', 'inline'] as const).flatMap((strategy) =>
  [false, true].map((isBeside) => ({ strategy, isBeside, ms: [] as number[] })),
)

const machine = await withServer(async (server) => {
  const fund = await openFund(await server.createDatabase('beside'))
  const smallClaims = await fund.addTier('S', small, rounds * acts.length)
  const bigClaims = await fund.addTier('L', big, rounds * 2)
  const worker = await fund.startWorker()
  for (let round = 0; round < rounds; round += 1) {
    for (const act of rotate(acts, round)) {
      await fund.settle()
      const bigCycle = act.isBeside ? await fund.startCycle(bigClaims.pop()) : undefined
      // In its midst: planned, and some of it written.
      while (bigCycle && (await readCreationProgress(fund.db, bigCycle.cycleId)).progress.processed === 0) {
        await wait(5)
      }
      const { cycleId } = await fund.startCycle(smallClaims.pop(), act.strategy)
      const cycle = await untilActive(fund.db, cycleId)
      await prove(fund.db, cycle, small)
      act.ms.push(cycle.creationMs)
      if (bigCycle) {
        const ended = await untilActive(fund.db, bigCycle.cycleId)
        await prove(fund.db, ended, big)
        if ((ended.activatedAt ?? '') < (cycle.activatedAt ?? '')) say('the large cycle was Active first')
      }
      say(
        `round ${round + 1}: ${act.strategy}${act.isBeside ? ' beside' : ''} ${ms(act.ms.at(-1) as number)}`,
      )
    }
  }
  await worker.end('SIGTERM')
  await fund.close()
  return describeMachine(server.url)
})

const text = table(
  [`${small} members`, 'alone, start to Active', 'slowest', `while ${count(big)} are created`, 'slowest'],
  (['queued', 'inline'] as const).map((strategy) => [
    strategy,
    ...acts
      .filter((act) => act.strategy === strategy)
      .flatMap(({ ms: all }) => [ms(median(all)), ms(Math.max(...all))]),
  ]),
)
await report('beside', { machine, text, results: { small, big, rounds, acts } })
