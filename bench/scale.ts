/**
 * What does a million contributions cost? Time, processors, write-ahead log, disk and memory, for two sizes.
 *
 *   npx tsx bench/scale.ts [--quick] [--members 1000000] [--rounds 3]
 */
import { readdir, readFile } from 'node:fs/promises'
import { sql } from 'kysely'
import type { Db } from '../src/platform/database/connect.ts'
import { readMemory } from '../test/support/process-memory.ts'
import { openFund, prove, untilActive, withServer } from './fund.ts'
import { choose, count, describeMachine, median, megabytes, ms, report, say, table } from './measure.ts'

const largest = choose('members', 1_000_000, 50_000)
const rounds = choose('rounds', 3, 1)
const sizes = [largest / 10, largest]
const ticksASecond = 100

/** Seconds of processor time: of the process, and of all its children that have ended. */
async function processorSeconds(pid: string | number, withEnded: boolean): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const [utime, stime, cutime, cstime] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15)
    .map(Number)
  const own = (utime ?? 0) + (stime ?? 0)
  return (withEnded ? own + (cutime ?? 0) + (cstime ?? 0) : own) / ticksASecond
}

/** Of the server and of everything it has started. */
async function serverSeconds(dataDir: string): Promise<number> {
  const [postmaster] = (await readFile(`${dataDir}/postgresql/postmaster.pid`, 'utf8')).split('\n')
  let seconds = await processorSeconds(postmaster ?? '', true)
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    if (stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] === postmaster) {
      seconds += await processorSeconds(pid, true)
    }
  }
  return seconds
}

async function readServer(db: Db) {
  const { rows } = await sql<{ wal: number; heap: number; index: number }>`
    select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint as wal,
      pg_table_size('member_contributions') as heap, pg_indexes_size('member_contributions') as index`.execute(
    db,
  )
  return rows[0] as (typeof rows)[0] & object
}

const results: {
  members: number
  creationMs: number
  serverSeconds: number
  workerSeconds: number
  walBytes: number
  heapBytes: number
  indexBytes: number
  workerBytes: number
}[] = []
const machine = await withServer(async (server) => {
  for (const members of sizes) {
    const fund = await openFund(await server.createDatabase(`scale_${members}`))
    const { db } = fund
    const claims = await fund.addTier('A', members, rounds + 1)
    const worker = await fund.startWorker()
    await untilActive(db, (await fund.startCycle(claims.pop())).cycleId)
    for (let round = 1; round <= rounds; round += 1) {
      await fund.settle()
      const [before, server0, worker0] = [
        await readServer(db),
        await serverSeconds(server.dataDir),
        await processorSeconds(worker.child.pid ?? 0, false),
      ]
      const cycle = await untilActive(db, (await fund.startCycle(claims.pop())).cycleId)
      const after = await readServer(db)
      results.push({
        members,
        creationMs: cycle.creationMs,
        serverSeconds: (await serverSeconds(server.dataDir)) - server0,
        workerSeconds: (await processorSeconds(worker.child.pid ?? 0, false)) - worker0,
        walBytes: after.wal - before.wal,
        heapBytes: after.heap - before.heap,
        indexBytes: after.index - before.index,
        workerBytes: await readMemory(worker.child.pid),
      })
      await prove(db, cycle, members)
      say(JSON.stringify(results.at(-1)))
    }
    await worker.end('SIGTERM')
    await fund.close()
  }
  return describeMachine(server.url)
})

const of = (members: number, key: keyof (typeof results)[number]) =>
  median(results.filter((result) => result.members === members).map((result) => result[key]))
const aMillion = (members: number, key: keyof (typeof results)[number]) => (of(members, key) / members) * 1e6
const seconds = (value: number) => `${value.toFixed(2)} s`
const text = [
  table(
    ['a million contributions cost', ...sizes.map((size) => `in a cycle of ${count(size)}`)],
    [
      ['time, start to Active', ...sizes.map((size) => ms(aMillion(size, 'creationMs')))],
      ['processor time of PostgreSQL', ...sizes.map((size) => seconds(aMillion(size, 'serverSeconds')))],
      ['processor time of the worker', ...sizes.map((size) => seconds(aMillion(size, 'workerSeconds')))],
      ['write-ahead log', ...sizes.map((size) => megabytes(aMillion(size, 'walBytes')))],
      ['table on disk', ...sizes.map((size) => megabytes(aMillion(size, 'heapBytes')))],
      ['key on disk', ...sizes.map((size) => megabytes(aMillion(size, 'indexBytes')))],
      ['memory of the worker, at the end', ...sizes.map((size) => megabytes(of(size, 'workerBytes')))],
    ],
  ),
  `Medians of ${rounds} rounds; every cycle was proved.`,
].join('\n\n')
await report('scale', { machine, text, results: { sizes, results } })
