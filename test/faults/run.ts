/**
 * The fault laboratory: cycles are created by real processes, each is struck by one fault, and afterwards everything is
 * asked that must hold. See docs/reliability.md.
 *
 *   npm run faults -- [--rounds 10] [--seed 1] [--only <text in the fault's name>] [--queue <name>] [--members 20000]
 *     [--json <file>]
 */
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { type BrokerKind, brokers } from '../support/brokers/brokers.ts'
import { startReplicatedPostgres } from '../support/brokers/replicated-postgres.ts'
import { type Fault, faults } from './faults.ts'
import { buildPreviousVersion } from './previous-version.ts'
import { askDoctor, type Outcome, tryFault } from './try-fault.ts'
import { openWorld, type World } from './world.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    queue: { type: 'string' },
    members: { type: 'string', default: '20000' },
    json: { type: 'string' },
  },
})
const [rounds, firstSeed, members] = [values.rounds, values.seed, values.members].map(Number) as [
  number,
  number,
  number,
]
const chunkSeconds = 0.1

const say = (line: string) => process.stdout.write(`${line}\n`)
const seconds = (ms = Number.POSITIVE_INFINITY) =>
  Number.isFinite(ms) ? `${(ms / 1000).toFixed(1)} s` : 'never'

const chosen = faults.filter(({ name }) => name.includes(values.only))
const kinds = brokers.filter(({ name, missing }) => {
  if (values.queue !== undefined && name !== values.queue) return false
  if (missing) say(`NOT TRIED: ${name} (${missing})`)
  return !missing
})
const previousVersion = await buildPreviousVersion()
const outcomes: Outcome[] = []

/** Each round has every fault once; from round to round it moves to the next queue. */
function trialsOn(kind: BrokerKind): { fault: Fault; seed: number }[] {
  return Array.from({ length: rounds }, (_, round) =>
    chosen
      .map((fault, index) => ({ fault, index, seed: firstSeed * 1_000_000 + round * faults.length + index }))
      .filter(({ fault, index }) => {
        const able = kinds.filter(({ name }) => fault.needs !== 'broker of its own' || name !== 'PostgreSQL')
        return able[(index + round) % able.length] === kind
      }),
  ).flat()
}

async function tryAndTell(world: World, fault: Fault, seed: number): Promise<boolean> {
  const outcome = await tryFault(world, fault, { seed, previousVersion })
  const broken = [...outcome.broken, ...(await askDoctor(world))]
  const { recoveredMs, struckAtPercent: at } = outcome
  outcomes.push({ ...outcome, broken })
  const result = broken.length === 0 ? 'ok  ' : 'FAIL'
  const where = at === undefined ? '' : ` at ${at} %`
  say(
    `${result} ${world.queueName}: ${fault.name}${where} (seed ${seed}), goes on in ${seconds(recoveredMs)}`,
  )
  for (const sentence of broken) say(`     ${sentence}`)
  return broken.length === 0
}

for (const kind of kinds) {
  const trials = trialsOn(kind)
  const open = () => openWorld({ kind, members, chunkSeconds })
  let world = await open()
  for (const { fault, seed } of trials) {
    if (fault.needs === 'standby') {
      const database = await startReplicatedPostgres()
      const doomed = await openWorld({ kind, members, chunkSeconds, database })
      await tryAndTell(doomed, fault, seed)
      await doomed.close()
    } else if (fault.needs === 'disk of its own' && world.disk === undefined) {
      say(`NOT TRIED: ${fault.name} (only root may mount a disk to fill)`)
    } else if (fault.needs === 'version before' && previousVersion === undefined) {
      say(`NOT TRIED: ${fault.name} (its history is not in this checkout)`)
    } else if (!(await tryAndTell(world, fault, seed))) {
      // What is broken here must not spoil the next try.
      await world.close()
      world = await open()
    }
  }
  await world.close()
}
await previousVersion?.remove()

function row(name: string): string {
  const tries = outcomes.filter(({ fault }) => fault === name)
  const times = tries.map(({ recoveredMs }) => recoveredMs ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b)
  const sum = (of: (outcome: Outcome) => number) => tries.reduce((total, each) => total + of(each), 0)
  const cells = [
    name,
    tries.length,
    sum(({ lost }) => lost),
    sum(({ doubled }) => doubled),
    tries.filter(({ broken }) => broken.length > 0).length,
    seconds(times[times.length >> 1]),
    seconds(times.at(-1)),
  ]
  return `| ${cells.join(' | ')} |`
}

const failed = outcomes.filter(({ broken }) => broken.length > 0)
const today = new Date().toISOString().slice(0, 10)
say(`\n${today}, ${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, seed ${firstSeed}\n`)
say('| fault | tries | lost | doubled | not as promised | goes on in, median | longest |')
say('|---|---|---|---|---|---|---|')
for (const { name } of chosen) if (outcomes.some(({ fault }) => fault === name)) say(row(name))
if (values.json) await writeFile(values.json, `${JSON.stringify(outcomes, null, 2)}\n`)
const payments = outcomes.reduce((sum, outcome) => sum + outcome.payments, 0)
if (payments > 0) say(`\n${payments} payments were answered`)
say(`\n${outcomes.length - failed.length} faults survived, ${failed.length} not`)
process.exitCode = failed.length > 0 || outcomes.length === 0 ? 1 : 0
