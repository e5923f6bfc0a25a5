import { rejects } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { sql } from 'kysely'
import type { CycleView } from '../../src/cycles/cycle-sql.ts'
import type { AlmonerProcess } from '../support/almoner-process.ts'
import { tellThirtyTimes } from './pay-meanwhile.ts'
import type { PreviousVersion } from './previous-version.ts'
import type { World } from './world.ts'

/** One strike at one cycle. */
interface Strike {
  readonly world: World
  /** Numbers in [0, 1), the same for the same seed. */
  readonly random: () => number
  /** The cycle that is being created; before its start is answered there is none. */
  readonly cycle: CycleView | undefined
  /** Undefined in a checkout without its history. */
  readonly previousVersion: PreviousVersion | undefined
}

export interface Fault {
  readonly name: string
  /**
   * When it strikes: before the cycle is started, while the request is answered, in the middle of its creation, or while eight clients
   * record payments for it.
   */
  readonly at: 'before' | 'start' | 'middle' | 'payments'
  /** What its world must have beyond the usual. */
  readonly needs?: 'broker of its own' | 'disk of its own' | 'standby' | 'version before' | undefined
  /**
   * Does the damage, and repairs what only an operator could: when it resolves, all that belongs to the fund runs. May
   * return what is to be undone when the cycle is over, or the id of the cycle that took the first one's place.
   */
  strike(strike: Strike): Promise<{ undo?: () => Promise<void>; insteadCycleId?: string } | undefined>
}

const none = undefined

/** Some time that a fault lasts. */
const aWhile = (random: () => number, longestMs: number) => wait(random() * longestMs)

const requireCycle = ({ cycle }: Strike): CycleView => {
  if (cycle === undefined) throw new Error('there is no cycle yet')
  return cycle
}

async function replaceWorker(
  { world }: Strike,
  index: number,
  signal: NodeJS.Signals,
  start = () => world.startWorker(),
): Promise<void> {
  await world.workers[index]?.end(signal)
  world.workers[index] = await start()
}

async function replaceApi({ world }: Strike, env?: Record<string, string>): Promise<void> {
  await world.api.end('SIGKILL')
  world.api = await world.startApi(env)
}

async function freeze(process: AlmonerProcess, { random }: Strike): Promise<void> {
  process.child.kill('SIGSTOP')
  await aWhile(random, 6_000)
  process.child.kill('SIGCONT')
}

const shiftedClock = fileURLToPath(new URL('shifted-clock.mjs', import.meta.url))
const shifted = (hours: number) => ({
  NODE_OPTIONS: `--import ${shiftedClock}`,
  CLOCK_SHIFT_MS: `${hours * 3_600_000}`,
})

async function cutConnections(world: World, random: () => number): Promise<void> {
  for (let cut = 0; cut < 3; cut += 1) {
    await sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where backend_type = 'client backend' and pid <> pg_backend_pid()`.execute(world.db)
    await aWhile(random, 500)
  }
}

/** What may befall a server that all others depend on. */
const troublesOf = (server: 'database' | 'broker', needs?: Fault['needs']): Fault[] => [
  {
    name: `${server} killed, then started`,
    at: 'middle',
    needs,
    async strike({ world, random }) {
      await world[server].kill()
      await aWhile(random, 2_000)
      await world[server].startAgain()
      return none
    },
  },
  {
    name: `${server} killed while the start is answered`,
    at: 'start',
    needs,
    async strike({ world, random }) {
      await aWhile(random, 40)
      await world[server].kill()
      await world[server].startAgain()
      return none
    },
  },
  {
    name: `${server} frozen, then thawed`,
    at: 'middle',
    needs,
    async strike({ world, random }) {
      await world[server].signal('SIGSTOP')
      await aWhile(random, 6_000)
      await world[server].signal('SIGCONT')
      return none
    },
  },
]

export const faults: readonly Fault[] = [
  {
    name: 'nothing (the control)',
    at: 'middle',
    strike: async () => none,
  },
  {
    name: 'worker killed, another started',
    at: 'middle',
    async strike(strike) {
      await replaceWorker(strike, Math.floor(strike.random() * 2), 'SIGKILL')
      return none
    },
  },
  {
    name: 'all workers killed, then started',
    at: 'middle',
    async strike(strike) {
      await Promise.all(strike.world.workers.map((worker) => worker.end('SIGKILL')))
      await aWhile(strike.random, 2_000)
      await Promise.all([0, 1].map((index) => replaceWorker(strike, index, 'SIGKILL')))
      return none
    },
  },
  {
    name: 'worker frozen (SIGSTOP), then thawed',
    at: 'middle',
    async strike(strike) {
      await freeze(strike.world.workers[0] as AlmonerProcess, strike)
      return none
    },
  },
  {
    name: 'API killed while it answers the start',
    at: 'start',
    async strike(strike) {
      await aWhile(strike.random, 40)
      await replaceApi(strike)
      return none
    },
  },
  {
    name: 'API frozen, then thawed',
    at: 'start',
    async strike(strike) {
      await aWhile(strike.random, 40)
      await freeze(strike.world.api, strike)
      return none
    },
  },
  ...troublesOf('database'),
  {
    name: 'connections to the database cut',
    at: 'middle',
    async strike({ world, random }) {
      await cutConnections(world, random)
      return none
    },
  },
  {
    name: 'primary lost for good, synchronous standby promoted',
    at: 'middle',
    needs: 'standby',
    async strike({ world }) {
      if (!('failOver' in world.database)) throw new Error('this world has no standby')
      await world.database.failOver()
      return none
    },
  },
  {
    name: "database's disk full, then freed",
    at: 'middle',
    needs: 'disk of its own',
    async strike({ world, random }) {
      const disk = world.disk as string
      const filler = path.join(disk, 'filler')
      // It writes until nothing more fits, and ends with an error.
      await rejects(promisify(execFile)('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1M']))
      await wait(500)
      await aWhile(random, 6_000)
      await rm(filler)
      // It may have stopped, and then is started as an operator would; a server that runs is joined.
      await world.database.startAgain()
      return none
    },
  },
  ...troublesOf('broker', 'broker of its own'),
  {
    name: 'queue emptied, three times',
    at: 'middle',
    async strike({ world, random }) {
      for (let time = 0; time < 3; time += 1) {
        await world.broker.empty()
        await aWhile(random, 300)
      }
      return none
    },
  },
  {
    name: 'queue emptied and all workers killed',
    at: 'middle',
    async strike(strike) {
      await Promise.all(strike.world.workers.map((worker) => worker.end('SIGKILL')))
      await strike.world.broker.empty()
      await Promise.all([0, 1].map((index) => replaceWorker(strike, index, 'SIGKILL')))
      return none
    },
  },
  {
    name: 'every message thirty times',
    at: 'middle',
    async strike(strike) {
      await strike.world.sendTokens(requireCycle(strike).jobId as string, 30)
      return none
    },
  },
  {
    name: 'clock of a worker hours ahead, of another behind',
    at: 'before',
    async strike(strike) {
      const { world } = strike
      await replaceWorker(strike, 0, 'SIGKILL', () => world.startWorker(shifted(5)))
      await replaceWorker(strike, 1, 'SIGKILL', () => world.startWorker(shifted(-7)))
      return { undo: () => both((index) => replaceWorker(strike, index, 'SIGKILL')) }
    },
  },
  {
    name: 'clock of the API hours ahead',
    at: 'before',
    async strike(strike) {
      await replaceApi(strike, shifted(5))
      return { undo: () => replaceApi(strike) }
    },
  },
  {
    name: 'clock of the API hours behind',
    at: 'before',
    async strike(strike) {
      await replaceApi(strike, shifted(-7))
      return { undo: () => replaceApi(strike) }
    },
  },
  {
    name: 'a worker of the version before beside one of this',
    at: 'middle',
    needs: 'version before',
    async strike(strike) {
      const { world, previousVersion } = strike
      await replaceWorker(strike, 0, 'SIGKILL', () => world.startWorker({}, previousVersion?.program))
      return { undo: () => replaceWorker(strike, 0, 'SIGTERM') }
    },
  },
  {
    name: 'paused by the treasurer, workers killed, resumed',
    at: 'middle',
    async strike(strike) {
      const { world } = strike
      const { cycleId } = requireCycle(strike)
      const steer = (verb: string) => world.ask('POST', `/api/contribution-cycles/${cycleId}/${verb}`, {})
      if ((await steer('pause')).status !== 200) return none
      const before = await countRows(world, cycleId)
      await both((index) => replaceWorker(strike, index, 'SIGKILL'))
      await aWhile(strike.random, 1_000)
      const after = await countRows(world, cycleId)
      if (after !== before) throw new Error(`I5: ${after - before} contributions came after the pause`)
      await steer('resume')
      return none
    },
  },
  {
    name: 'cancelled by the treasurer, workers killed, started anew',
    at: 'middle',
    async strike(strike) {
      const { world } = strike
      const { cycleId, claimId } = requireCycle(strike)
      const { status } = await world.ask('POST', `/api/contribution-cycles/${cycleId}/cancel`, {})
      if (status !== 200 && status !== 202) return none
      await both((index) => replaceWorker(strike, index, 'SIGKILL'))
      while ((await countRows(world, cycleId)) > 0) await wait(50)
      return { insteadCycleId: (await world.startCycle(claimId)).cycleId }
    },
  },
  {
    name: 'payments (the control)',
    at: 'payments',
    strike: async () => none,
  },
  {
    name: 'payments: API killed in the midst of posting',
    at: 'payments',
    async strike(strike) {
      for (let time = 0; time < 2; time += 1) {
        await aWhile(strike.random, 200)
        await replaceApi(strike)
      }
      return none
    },
  },
  {
    name: 'payments: database killed, then started',
    at: 'payments',
    async strike({ world, random }) {
      await aWhile(random, 200)
      await world.database.kill()
      await world.database.startAgain()
      return none
    },
  },
  {
    name: 'payments: connections to the database cut',
    at: 'payments',
    async strike({ world, random }) {
      await cutConnections(world, random)
      return none
    },
  },
  {
    name: 'payments: each told thirty times by eight clients at once',
    at: 'payments',
    async strike(strike) {
      await tellThirtyTimes(strike.world, requireCycle(strike).cycleId)
      return none
    },
  },
  {
    name: 'payments: each told thirty times, and the API killed meanwhile',
    at: 'payments',
    async strike(strike) {
      await Promise.all([
        tellThirtyTimes(strike.world, requireCycle(strike).cycleId),
        aWhile(strike.random, 300).then(() => replaceApi(strike)),
      ])
      return none
    },
  },
  {
    name: 'payments: clock of the API hours ahead, then behind',
    at: 'payments',
    async strike(strike) {
      await replaceApi(strike, shifted(5))
      await aWhile(strike.random, 1_000)
      await replaceApi(strike, shifted(-7))
      return { undo: () => replaceApi(strike) }
    },
  },
]

async function both(act: (index: number) => Promise<void>): Promise<void> {
  await Promise.all([0, 1].map(act))
}

async function countRows(world: World, cycleId: string): Promise<number> {
  const { rows } = await sql<{ rows: number }>`
    select count(*) as rows from member_contributions where cycle_id = ${cycleId}`.execute(world.db)
  return rows[0]?.rows ?? 0
}
