/**
 * What does it take to create the contributions of a cycle? Almoner beside what PostgreSQL itself needs for the same
 * rows, and beside the usual approaches. See README.md.
 *
 *   npx tsx bench/creation.ts [--quick] [--large] [--members 100000] [--rounds 3]
 */
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import pg from 'pg'
import { requireClaim } from '../src/claims/claim-sql.ts'
import { openFund, prove, type Server, untilActive, watchMemory, withServer } from './fund.ts'
import {
  choose,
  compare,
  count,
  describeMachine,
  median,
  megabytes,
  ms,
  report,
  rotate,
  say,
  sizesUpTo,
  table,
  times,
} from './measure.ts'
import { openBullMq, openDrizzle, openPgBoss, type Peer } from './peers/peers.ts'

/** The other libraries are measured up to the size that they finish in this time. */
const timeLimitMs = 10 * 60_000
/** What takes longer than this is done once. */
const onceMs = 20_000

interface Variant {
  readonly name: string
  /** Makes it equal to all others, unmeasured. */
  settle(): Promise<void>
  /** Creates the rows, checks that they are all there, and gives the milliseconds it took. */
  create(round: number): Promise<number>
  close(): Promise<void>
}

interface Size {
  members: number
  /** Milliseconds a round by variant; a variant that is too slow for this size is absent. */
  times: Record<string, number[]>
  worker: { beforeBytes: number; peakBytes: number; samples: { ms: number; bytes: number }[] }
  databaseBytes: number
  tableBytes: number
}

const peers = { drizzle: openDrizzle, BullMQ: openBullMq, 'pg-boss': openPgBoss }
const sizes = sizesUpTo([1_000, 5_000, 10_000, 100_000, 1_000_000], 10_000_000)
const names = ['heap', 'floor', 'almoner', ...Object.keys(peers)]

/** A peer in a database of its own. */
function measurePeer(name: string, peer: Peer, members: number): Variant {
  return {
    name,
    settle: peer.settle,
    async create() {
      const startedAt = performance.now()
      await peer.create()
      const took = performance.now() - startedAt
      const rows = await peer.countRows()
      if (rows !== members) throw new Error(`${name} created ${rows} of ${members}`)
      return took
    },
    close: peer.close,
  }
}

async function measureSize(server: Server, members: number, rounds: number, able: string[]): Promise<Size> {
  const name = `fund_${members}`
  const fund = await openFund(await server.createDatabase(name))
  const claims = await fund.addTier('A', members, rounds)
  const worker = await fund.startWorker()
  const memory: Size['worker'] = { beforeBytes: 0, peakBytes: 0, samples: [] }
  let disk = { databaseBytes: 0, tableBytes: 0 }

  // What psql does, without the process: one connection, one statement.
  const psql = new pg.Client({ connectionString: fund.app.database.url, options: '-c jit=off' })
  await psql.connect()
  await psql.query('create table contributions_heap (like member_contributions including defaults)')
  const claim = await requireClaim(fund.db, claims[0] as string)
  const tier = await fund.db.selectFrom('tiers').select('tierId').executeTakeFirst()
  const insertSelect = (name: string, into: string, order: string): Variant => ({
    name,
    async settle() {
      await psql.query('truncate contributions_heap')
      await fund.settle()
    },
    async create() {
      const startedAt = performance.now()
      const { rowCount } = await psql.query(
        `insert into ${into} (cycle_id, member_id, contribution_amount, due_date)
        select $1::uuid, e.member_id, 10000::bigint, '2026-12-31'::date
        from eligible_members($2, now(), $3) e ${order}`,
        [randomUUID(), tier?.tierId, claim.deceasedMemberId],
      )
      const took = performance.now() - startedAt
      if (rowCount !== members) throw new Error(`${name} created ${rowCount} of ${members}`)
      return took
    },
    close: async () => {},
  })
  const almoner: Variant = {
    name: 'almoner',
    settle: fund.settle,
    async create(round) {
      const stop = watchMemory(worker.child.pid)
      const { cycleId } = await fund.startCycle(claims[round])
      const cycle = await untilActive(fund.db, cycleId)
      const samples = stop()
      const bytes = samples.map((sample) => sample.bytes)
      memory.beforeBytes ||= bytes[0] ?? 0
      memory.peakBytes = Math.max(memory.peakBytes, ...bytes)
      if (bytes.length > memory.samples.length) memory.samples = samples
      await prove(fund.db, cycle, members)
      const { rows } = await sql<typeof disk>`
        select pg_database_size(current_database()) as database_bytes,
          pg_total_relation_size('member_contributions') as table_bytes`.execute(fund.db)
      disk = rows[0] as typeof disk
      return cycle.creationMs
    },
    close: async () => {},
  }

  const variants = [
    insertSelect('heap', 'contributions_heap', ''),
    insertSelect('floor', 'member_contributions', 'order by e.member_id'),
    almoner,
  ]
  for (const [name, open] of Object.entries(peers)) {
    if (!able.includes(name)) continue
    const database = `${name.toLowerCase().replace('-', '_')}_${members}`
    variants.push(measurePeer(name, await open(await server.createDatabase(database), members), members))
  }

  const taken: Size['times'] = {}
  for (let round = 0; round < rounds; round += 1) {
    for (const variant of rotate(variants, round)) {
      const before = taken[variant.name]
      if (before?.[0] !== undefined && before[0] > onceMs && variant.name in peers) continue
      await variant.settle()
      const took = await variant.create(round)
      taken[variant.name] = [...(before ?? []), took]
      say(`${count(members)} members, round ${round + 1}: ${variant.name} ${ms(took)}`)
    }
  }
  await psql.end()
  await worker.end('SIGTERM')
  await fund.close()
  for (const variant of variants) await variant.close()
  await server.dropDatabases()
  return { members, times: taken, worker: memory, ...disk }
}

const { machine, results } = await withServer(async (server) => {
  const results: Size[] = []
  for (const members of sizes) {
    const last = results.at(-1)
    const able = Object.keys(peers).filter((name) => {
      if (last === undefined) return true
      const took = median(last.times[name] ?? [Number.POSITIVE_INFINITY])
      return (took / last.members) * members < timeLimitMs
    })
    const rounds = choose('rounds', members < 100_000 ? 7 : members < 10_000_000 ? 5 : 3, 1)
    results.push(await measureSize(server, members, rounds, able))
  }
  return { machine: await describeMachine(server.url), results }
})

const cells = ({ members, times: taken }: Size) => [
  count(members),
  ...names.map((name) => (taken[name] ? ms(median(taken[name])) : '')),
]
const against = ({ members, times: taken }: Size) => [
  count(members),
  times(compare(taken.almoner ?? [], taken.floor ?? [])),
  ...Object.keys(peers).map((name) => (taken[name] ? times(compare(taken[name], taken.almoner ?? [])) : '')),
]
const text = [
  table(
    [
      'members',
      'heap without keys',
      'floor: one insert … select',
      '**Almoner**',
      'drizzle',
      'BullMQ job a member',
      'pg-boss job a member',
    ],
    results.map(cells),
  ),
  'Almoner against the floor, and the others against Almoner, round by round:',
  table(
    ['members', 'Almoner ÷ floor', 'drizzle ÷ Almoner', 'BullMQ ÷ Almoner', 'pg-boss ÷ Almoner'],
    results.map(against),
  ),
  'What Almoner needs:',
  table(
    [
      'members',
      'rows a second',
      'µs a row',
      "worker's memory before",
      'at most',
      'contributions on disk',
      'database',
    ],
    results.map(({ members, times: taken, worker, databaseBytes, tableBytes }) => {
      const took = median(taken.almoner ?? [])
      return [
        count(members),
        count(Math.round((members / took) * 1000)),
        ((took / members) * 1000).toFixed(2),
        megabytes(worker.beforeBytes),
        megabytes(worker.peakBytes),
        megabytes(tableBytes),
        megabytes(databaseBytes),
      ]
    }),
  ),
].join('\n\n')
await report('creation', { machine, text, results: { sizes: results } })
