/**
 * What does a killed worker cost? `kill -9` at a seeded random moment of a cycle, and a new worker started.
 *
 *   npx tsx bench/recovery.ts [--quick] [--members 1000000] [--rounds 7]
 */
import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Db } from '../src/platform/database/connect.ts'
import { seeded } from '../test/support/random.ts'
import { openFund, prove, untilActive, withServer } from './fund.ts'
import { choose, count, describeMachine, median, ms, report, say, table } from './measure.ts'

const members = choose('members', 1_000_000, 100_000)
const rounds = choose('rounds', 7, 2)
const lanes = 2

// The same moments in every run.
const random = seeded(1)

/** Rows ever written to the table by ended transactions, those that were rolled back too. */
async function countWritten(db: Db): Promise<number> {
  const { rows } = await sql<{ written: number }>`
    select n_tup_ins as written from pg_stat_user_tables where relname = 'member_contributions'`.execute(db)
  return rows[0]?.written ?? 0
}

async function readChunks(db: Db, jobId: string | null) {
  const { rows } = await sql<{ doneRows: number; chunkRows: number }>`
    select coalesce(sum(processed), 0)::bigint as done_rows, coalesce(max(expected), 0) as chunk_rows
    from job_chunks where job_id = ${jobId}`.execute(db)
  return rows[0] as (typeof rows)[0] & object
}

/** Resolves when the server has noticed that the killed worker is gone, and has rolled back what it had in hand. */
async function untilGone(db: Db): Promise<void> {
  for (;;) {
    const { rows } = await sql`select from pg_stat_activity where application_name like 'almoner worker%'
      and datname = current_database()`.execute(db)
    if (rows.length === 0) return
    await wait(10)
  }
}

const tries: {
  undisturbedMs: number
  killedAtMs: number
  doneRows: number
  chunkRows: number
  lostRows: number
  restartToActiveMs: number
}[] = []
const machine = await withServer(async (server) => {
  const fund = await openFund(await server.createDatabase('recovery'))
  const claims = await fund.addTier('A', members, rounds * 2 + 1)
  const { db } = fund
  let worker = await fund.startWorker()
  // Not counted: the first cycle teaches the engine what a row costs.
  await untilActive(db, (await fund.startCycle(claims.pop())).cycleId)

  for (let round = 1; round <= rounds; round += 1) {
    await fund.settle()
    const undisturbed = await untilActive(db, (await fund.startCycle(claims.pop())).cycleId)
    await prove(db, undisturbed, members)
    await fund.settle()
    // An idle connection keeps its counts to itself for up to ten seconds; one that ends gives them away.
    await worker.end('SIGTERM')
    await untilGone(db)
    const writtenBefore = await countWritten(db)

    worker = await fund.startWorker()
    const killedAtMs = Math.round(random() * undisturbed.creationMs)
    const { cycleId, jobId } = await fund.startCycle(claims.pop())
    await wait(killedAtMs)
    await worker.end('SIGKILL')
    const { doneRows } = await readChunks(db, jobId)
    const restartedAt = performance.now()
    worker = await fund.startWorker()
    const cycle = await untilActive(db, cycleId)
    const restartToActiveMs = performance.now() - restartedAt
    await prove(db, cycle, members)
    await worker.end('SIGTERM')
    await untilGone(db)
    const lostRows = (await countWritten(db)) - writtenBefore - members
    const { chunkRows } = await readChunks(db, jobId)
    tries.push({
      undisturbedMs: undisturbed.creationMs,
      killedAtMs,
      doneRows,
      chunkRows,
      lostRows,
      restartToActiveMs,
    })
    say(`try ${round}: killed after ${killedAtMs} ms with ${doneRows} rows done; ${lostRows} rows lost`)
    if (lostRows > lanes * chunkRows) throw new Error(`${lostRows} rows lost, chunks have ${chunkRows}`)
    worker = await fund.startWorker()
  }
  await worker.end('SIGTERM')
  await fund.close()
  return describeMachine(server.url)
})

const text = [
  table(
    [
      'killed after',
      'rows committed by then',
      'rows rolled back',
      'chunk',
      'new process to Active',
      'undisturbed, all of it',
    ],
    tries.map((each) => [
      ms(each.killedAtMs),
      count(each.doneRows),
      count(each.lostRows),
      count(each.chunkRows),
      ms(each.restartToActiveMs),
      ms(each.undisturbedMs),
    ]),
  ),
  `${count(members)} members; every cycle was proved. From the start of the new process to Active, median ${ms(median(tries.map((each) => each.restartToActiveMs)))}.`,
].join('\n\n')
await report('recovery', { machine, text, results: { members, tries } })
