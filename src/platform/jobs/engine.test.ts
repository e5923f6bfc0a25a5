import { sql } from 'kysely'
import pino from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createLoopQueue, type LoopQueue } from '../../../test/support/loop-queue.ts'
import { createTestDatabase, type TestDatabase } from '../../../test/support/test-database.ts'
import { listen } from '../database/listen.ts'
import type { Queue, Report } from '../queue/queue.ts'
import { advanceJob, tokenHandler } from './advance-job.ts'
import { countChunks } from './chunk-sql.ts'
import { createEngine, type Engine, tokenName, wakeJob } from './engine.ts'
import { type JobKind, UnrecoverableError } from './job-kind.ts'
import { findJob, findNeglectedJobs, insertJob, jobChannel } from './job-sql.ts'
import { findTroubles } from './job-view-sql.ts'
import { readProgress } from './progress.ts'
import { runJobInline } from './run-inline.ts'
import { cancelJob, pauseJob, resumeJob, retryJob } from './steer-job.ts'
import { startSweeping, sweep } from './sweep.ts'

/** A kind that has nothing to do with funds: it writes the numbers from 1 to `upTo` into a table of its own. */
const countKind = (faults: {
  run?: (chunkNo: number) => void | Promise<void>
  /** Rows that a chunk says it has done beside those it has. */
  surplus?: number
  plan?: () => void
  finish?: () => void
  tooEarly?: () => boolean
}): JobKind<{ upTo: number }> => ({
  logFields: async (_db, subject) => ({ subject }),
  name: 'count',
  params: z.strictObject({ upTo: z.int() }),
  async plan(_tx, job, chunkRows) {
    faults.plan?.()
    if (faults.tooEarly?.()) return null
    const size = chunkRows(job.params.upTo)
    const chunks = Math.ceil(job.params.upTo / size)
    return Array.from({ length: chunks }, (_, index) => {
      const first = index * size + 1
      const last = Math.min(first + size - 1, job.params.upTo)
      return { firstKey: String(first), lastKey: String(last), expected: last - first + 1 }
    })
  },
  async run(tx, job, chunk) {
    const { numAffectedRows } = await sql`
      insert into counted (job_id, number)
      select ${job.jobId}::uuid, generate_series(${chunk.firstKey}::int, ${chunk.lastKey}::int)`.execute(tx)
    await faults.run?.(chunk.chunkNo)
    return Number(numAffectedRows) + (faults.surplus ?? 0)
  },
  async finish(tx, job) {
    await sql`insert into outcomes values (${job.jobId}, 'finished')`.execute(tx)
    faults.finish?.()
  },
  async fail(tx, job, reason) {
    await sql`insert into outcomes values (${job.jobId}, ${`failed: ${reason}`})`.execute(tx)
  },
  async cancel(tx, job) {
    await sql`insert into outcomes values (${job.jobId}, 'cancelled')`.execute(tx)
  },
})

let database: TestDatabase
let queue: LoopQueue
/** What the engine has found worth a warning in this test. */
let logged: unknown[]
let engine: Engine

beforeAll(async () => {
  database = await createTestDatabase()
  await sql`create table counted (job_id uuid, number int, primary key (job_id, number))`.execute(database.db)
  await sql`create table outcomes (job_id uuid, outcome text)`.execute(database.db)
})
afterAll(() => database.drop())
beforeEach(async () => {
  // What a test before this one has left unfinished is not this one's work.
  await sql`update jobs set job_status = 'Cancelled' where job_status in ('Queued', 'Processing')`.execute(
    database.db,
  )
  await useKind({})
})

async function useKind(
  faults: Parameters<typeof countKind>[0],
  sliceMs = 2000,
  limits: { holdReason?: () => Promise<string | undefined>; rowsPerSecond?: number } = {},
): Promise<void> {
  queue = createLoopQueue()
  logged = []
  engine = createEngine({
    db: database.db,
    queue,
    kinds: [countKind(faults) as JobKind],
    log: pino({ level: 'warn' }, { write: (line) => void logged.push(JSON.parse(line)) }),
    sliceMs,
    ...limits,
  })
  await queue.consume((message, delivery) => tokenHandler(engine)(message, delivery), { concurrency: 5 })
}

const newJob = (upTo = 10_000) =>
  database.db
    .transaction()
    .execute((tx) =>
      insertJob(tx, { jobKind: 'count', subject: crypto.randomUUID(), params: { upTo }, createdBy: 'test' }),
    )

/** Lets rested chunks be due now, instead of waiting their 2 or 4 seconds. */
const endRests = (jobId: string) =>
  sql`update job_chunks set not_before = null where job_id = ${jobId} and chunk_status = 'Pending'`.execute(
    database.db,
  )

async function counted(jobId: string): Promise<{ rows: number; sum: number }> {
  const { rows } = await sql<{ rows: number; sum: number }>`
    select count(*) as rows, coalesce(sum(number), 0)::bigint as sum from counted where job_id = ${jobId}
  `.execute(database.db)
  return rows[0] as { rows: number; sum: number }
}

async function outcomes(jobId: string): Promise<string[]> {
  const { rows } = await sql<{ outcome: string }>`
    select outcome from outcomes where job_id = ${jobId}`.execute(database.db)
  return rows.map((row) => row.outcome)
}

const statusOf = async (jobId: string) => (await findJob(database.db, jobId))?.jobStatus

async function complete(jobId: string): Promise<void> {
  await wakeJob(engine, { jobId, jobKind: 'count' })
  await queue.idle()
}

const wholeCount = { rows: 10_000, sum: 50_005_000 }

describe('a job on hold', () => {
  const holdOf = async (jobId: string) => (await findJob(database.db, jobId))?.holdReason

  test('says why, writes nothing more, and continues with all its lanes when the sweep finds that the reason is gone', async () => {
    let reason: string | undefined
    const runs: number[] = []
    const run = (chunkNo: number) => {
      runs.push(chunkNo)
      if (chunkNo === 3) reason = 'the disk is slow'
    }
    await useKind({ run }, 2000, { holdReason: async () => reason })
    const jobId = await newJob()
    await complete(jobId)
    expect(await holdOf(jobId)).toBe('the disk is slow')
    expect(await statusOf(jobId)).toBe('Processing')
    const before = runs.length
    expect(before).toBeLessThan(6)

    expect(await sweep(engine, 0)).toEqual([jobId])
    await queue.idle()
    expect(runs).toHaveLength(before)

    reason = undefined
    queue.sent.length = 0
    await sweep(engine, 0)
    await queue.idle()
    expect(await statusOf(jobId)).toBe('Completed')
    expect(await holdOf(jobId)).toBeNull()
    expect(await counted(jobId)).toEqual(wholeCount)
    expect(queue.sent.length).toBeGreaterThanOrEqual(engine.lanes)
    expect(logged).toContainEqual(
      expect.objectContaining({ msg: 'the job is on hold because the disk is slow' }),
    )
  })

  test('is not planned either, and can be paused, which removes the reason', async () => {
    await useKind({}, 2000, { holdReason: async () => 'it is full' })
    const jobId = await newJob()
    await complete(jobId)
    expect(await statusOf(jobId)).toBe('Queued')
    expect(await holdOf(jobId)).toBe('it is full')
    await database.db.transaction().execute((tx) => pauseJob(tx, jobId))
    expect(await holdOf(jobId)).toBeNull()
  })
})

test('with a limit of rows a second a job takes at least the time that its rows need, and does each once', async () => {
  await useKind({}, 2000, { rowsPerSecond: 5_000 })
  const jobId = await newJob()
  const startedAt = performance.now()
  await complete(jobId)
  // What the last chunks have cost is for whoever comes next to wait for.
  expect(performance.now() - startedAt).toBeGreaterThan(((10_000 - 2 * 500) / 5_000) * 1000)
  expect(await counted(jobId)).toEqual(wholeCount)
})

describe('a job', () => {
  test('is planned, run in chunks and finished from one token', async () => {
    const jobId = await newJob()
    await complete(jobId)
    expect(await counted(jobId)).toEqual(wholeCount)
    expect(await outcomes(jobId)).toEqual(['finished'])
    expect(await countChunks(database.db, jobId)).toMatchObject({ pending: 0, failed: 0, done: 20 })
    expect(await readProgress(database.db, jobId)).toEqual({
      total: 10_000,
      processed: 10_000,
      percentage: 100,
      estimatedTimeRemaining: 0,
      jobStatus: 'Completed',
      jobError: null,
    })
  })

  test('sends as many tokens as it has lanes, and no more than chunks', async () => {
    const jobId = await newJob()
    await complete(jobId)
    expect(queue.sent).toHaveLength(2)
    await useKind({})
    const small = await newJob(100)
    await complete(small)
    expect(queue.sent).toHaveLength(1)
  })

  test('does its work once, however many tokens arrive at once', async () => {
    const jobId = await newJob()
    await Promise.all(Array.from({ length: 10 }, () => advanceJob(engine, jobId)))
    await queue.idle()
    expect(await counted(jobId)).toEqual(wholeCount)
    expect(await outcomes(jobId)).toEqual(['finished'])
  })

  test('is finished by one of the two whose last chunks end together', async () => {
    // Each of the two waits inside its chunk for the other, so that their commits come together.
    for (let round = 0; round < 10; round++) {
      let release: () => void = () => {}
      const together = new Promise<void>((resolve) => {
        release = resolve
      })
      let inside = 0
      await useKind({
        async run() {
          inside += 1
          if (inside === 2) release()
          await together
        },
      })
      const jobId = await newJob(1000)
      await complete(jobId)
      expect(inside).toBe(2)
      expect(await outcomes(jobId)).toEqual(['finished'])
    }
  })

  test('without rows is completed', async () => {
    const jobId = await newJob(0)
    await complete(jobId)
    expect(await outcomes(jobId)).toEqual(['finished'])
    expect(await readProgress(database.db, jobId)).toMatchObject({ total: 0, percentage: 100 })
  })

  test('that cannot be planned yet stops after its time slice, and leaves a token', async () => {
    await useKind({ tooEarly: () => true }, 0)
    engine = { ...engine, queue: createLoopQueue() }
    const jobId = await newJob()
    await advanceJob(engine, jobId)
    expect((engine.queue as LoopQueue).sent).toEqual([
      { name: tokenName, id: jobId, sentAt: expect.any(Number) },
    ])
    expect(await findJob(database.db, jobId)).toMatchObject({ jobStatus: 'Queued', attempts: 0 })
  })

  test('notifies its listeners', async () => {
    const listener = await listen({ url: database.url, channel: jobChannel, onError: () => {} })
    const heard: (string | undefined)[] = []
    const stop = listener.subscribe((jobId) => heard.push(jobId))
    try {
      const jobId = await newJob(500)
      await complete(jobId)
      // Planned, its only chunk done, completed; the commits of one transaction are told as one.
      await waitUntil(async () => heard.length >= 3)
      expect(heard).toEqual([jobId, jobId, jobId])
    } finally {
      stop()
      await listener.close()
    }
  })

  test('stores the cost of a row, averaged with the earlier cost', async () => {
    const costs = async () =>
      (await sql<{ msPerRow: number }>`select ms_per_row from job_costs`.execute(database.db)).rows
    await sql`delete from job_costs`.execute(database.db)
    await complete(await newJob(100))
    // A chunk so small says little of its rows.
    expect(await costs()).toEqual([])
    const jobId = await newJob()
    await complete(jobId)
    const [first] = await costs()
    const { rows } = await sql<{ cost: number }>`
      select sum(duration_ms) / sum(processed) as cost from job_chunks where job_id = ${jobId}`.execute(
      database.db,
    )
    expect(first?.msPerRow).toBeCloseTo(rows[0]?.cost as number, 10)
    await sql`update job_costs set ms_per_row = 1000`.execute(database.db)
    await complete(await newJob())
    const [averaged] = await costs()
    expect(averaged?.msPerRow).toBeGreaterThan(600)
    expect(averaged?.msPerRow).toBeLessThan(601)
  })

  test('waits until it can be planned', async () => {
    let asked = 0
    await useKind({ tooEarly: () => ++asked < 4 })
    const jobId = await newJob()
    await complete(jobId)
    expect(asked).toBe(4)
    expect(await statusOf(jobId)).toBe('Completed')
  })

  test('stops after its time slice and continues with a new token', async () => {
    await useKind({}, 0)
    const jobId = await newJob()
    await complete(jobId)
    expect(await counted(jobId)).toEqual(wholeCount)
    expect(queue.sent.length).toBeGreaterThan(20)
  })

  test('stops its work when it is asked to stop, and leaves a token', async () => {
    const stopping = new AbortController()
    await useKind({ run: () => stopping.abort() })
    const jobId = await newJob()
    queue = createLoopQueue()
    await advanceJob({ ...engine, queue, lanes: 1 }, jobId, stopping)
    expect(await counted(jobId)).toMatchObject({ rows: 500 })
    expect(queue.sent).toEqual([{ name: 'advance-job', id: jobId, sentAt: expect.any(Number) }])
  })

  test('can be done inline, in one transaction and one chunk', async () => {
    const jobId = await newJob()
    await database.db.transaction().execute((tx) => runJobInline(engine, tx, jobId))
    expect(await counted(jobId)).toEqual(wholeCount)
    expect(await countChunks(database.db, jobId)).toMatchObject({ done: 1 })
    expect(await outcomes(jobId)).toEqual(['finished'])
  })

  test('inline waits a moment until it can be planned, and is left for a worker if that is not enough', async () => {
    let asked = 0
    await useKind({ tooEarly: () => ++asked < 3 })
    const jobId = await newJob(100)
    const inline = () => database.db.transaction().execute((tx) => runJobInline(engine, tx, jobId))
    expect(await inline()).toBe(true)
    expect(asked).toBe(3)
    await expect(inline()).rejects.toThrow(`Job ${jobId} is not Queued.`)

    await useKind({ tooEarly: () => true })
    const early = await newJob(100)
    expect(await database.db.transaction().execute((tx) => runJobInline(engine, tx, early))).toBe(false)
    expect(await statusOf(early)).toBe('Queued')
  })

  test('that no longer exists uses up its token and does nothing else', async () => {
    await advanceJob(engine, crypto.randomUUID())
    expect(queue.sent).toEqual([])
  })

  test('is not searched for with an invalid id, and a message of another name is dropped', async () => {
    const delivery = { signal: new AbortController().signal }
    await tokenHandler(engine)({ name: tokenName, id: "'; drop table jobs" }, delivery)
    await tokenHandler(engine)({ name: 'from-the-future', id: await newJob() }, delivery)
    expect(queue.sent).toEqual([])
  })

  test('reports each of its chunks once, and at the end that all is done', async () => {
    await useKind({}, 0)
    const reports: Report[] = []
    // Nobody else takes its tokens.
    engine = { ...engine, queue: createLoopQueue(), lanes: 1 }
    const jobId = await newJob(5_000)
    const report = (one: Report) => reports.push(one)
    while ((await statusOf(jobId)) !== 'Completed') await advanceJob(engine, jobId, { report })
    expect(reports.flatMap(({ lines }) => lines.map((line) => line.replace(/\d+ ms$/, 'some time')))).toEqual(
      [
        ...Array.from({ length: 10 }, (_, index) => `Chunk ${index + 1}: 500 rows in some time`),
        'The job is Completed',
      ],
    )
    expect(reports.map(({ percentage }) => percentage)).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 99, 100])
  })

  test('reports a chunk that failed, and why', async () => {
    const reports: Report[] = []
    await useKind({
      run: () => {
        throw new Error('not today')
      },
    })
    const jobId = await newJob(500)
    const advanced = advanceJob(engine, jobId, { report: (one) => reports.push(one) })
    await expect(advanced).rejects.toThrow('not today')
    expect(reports).toEqual([{ percentage: 0, lines: ['Chunk 1 failed, attempt 1: not today'] }])
  })

  test('has tokens of low priority if its kind has', async () => {
    const jobId = await newJob()
    const low = createEngine({ ...engine, kinds: [{ ...countKind({}), priority: 'low' } as JobKind] })
    await wakeJob(low, { jobId, jobKind: 'count' })
    expect(queue.sent).toEqual([{ name: tokenName, id: jobId, priority: 'low', sentAt: expect.any(Number) }])
    await queue.idle()
  })

  test('is started even if the broker does not answer', async () => {
    const silent: Queue = { ...queue, send: () => new Promise(() => {}) }
    await wakeJob({ ...engine, queue: silent }, { jobId: await newJob(), jobKind: 'count' })
  })

  test('is started even if the broker refuses its token, and the log says so', async () => {
    const refusing: Queue = { ...queue, send: () => Promise.reject(new Error('no room')) }
    const jobId = await newJob()
    await wakeJob({ ...engine, queue: refusing }, { jobId, jobKind: 'count' })
    expect(logged).toEqual([
      expect.objectContaining({ jobId, msg: 'the queue took no token; the sweep will find the job' }),
    ])
  })

  test('of a kind that this version does not know is not touched', async () => {
    const jobId = await newJob()
    await sql`update jobs set job_kind = 'from-the-future' where job_id = ${jobId}`.execute(database.db)
    await expect(advanceJob(engine, jobId)).rejects.toThrow('No job kind "from-the-future"')
    expect(await findJob(database.db, jobId)).toMatchObject({ jobStatus: 'Queued', attempts: 0 })
  })
})

describe('a chunk', () => {
  test('that fails twice and then succeeds never shows the job Failed, and runs once', async () => {
    let left = 2
    await useKind({
      run(chunkNo) {
        if (chunkNo === 7 && left-- > 0) throw new Error('a mishap')
      },
    })
    const jobId = await newJob()
    for (let round = 0; round < 3; round++) {
      await complete(jobId)
      await endRests(jobId)
    }
    expect(await outcomes(jobId)).toEqual(['finished'])
    expect(await counted(jobId)).toEqual(wholeCount)
  })

  test('that fails rests for 2 s, then for 4 s', async () => {
    await useKind({
      run() {
        throw new Error('a mishap')
      },
    })
    const jobId = await newJob(100)
    for (const expectedMs of [2000, 4000]) {
      await complete(jobId)
      const { rows } = await sql<{ restMs: number }>`
        select extract(epoch from not_before - clock_timestamp())::double precision * 1000 as rest_ms
        from job_chunks where job_id = ${jobId}`.execute(database.db)
      expect(rows[0]?.restMs).toBeGreaterThan(expectedMs - 1000)
      expect(rows[0]?.restMs).toBeLessThanOrEqual(expectedMs)
      await endRests(jobId)
    }
  })

  test('that fails for good fails the job with the reason; the others are done; a retry does only the rest', async () => {
    let broken = true
    const ran: number[] = []
    await useKind({
      run(chunkNo) {
        if (chunkNo === 3 && broken) throw new Error('the disk of doom')
        ran.push(chunkNo)
      },
    })
    const jobId = await newJob()
    for (let round = 0; round < 3; round++) {
      expect(await statusOf(jobId)).not.toBe('Failed')
      await complete(jobId)
      await endRests(jobId)
    }
    expect(await statusOf(jobId)).toBe('Failed')
    expect(await outcomes(jobId)).toEqual(['failed: 1 of 20 chunks failed: the disk of doom'])
    expect(await countChunks(database.db, jobId)).toMatchObject({ pending: 0, failed: 1, done: 19 })
    expect((await readProgress(database.db, jobId))?.jobError).toContain('the disk of doom')

    broken = false
    ran.length = 0
    await database.db.transaction().execute((tx) => retryJob(tx, jobId))
    await complete(jobId)
    expect(ran).toEqual([3])
    expect(await counted(jobId)).toEqual(wholeCount)
    expect((await outcomes(jobId)).at(-1)).toBe('finished')
  })

  test('that does another number of rows than planned is rolled back, and says both numbers', async () => {
    await useKind({ surplus: 1 })
    const jobId = await newJob(500)
    await complete(jobId)
    expect(await counted(jobId)).toMatchObject({ rows: 0 })
    expect(await findTroubles(database.db, jobId, 10)).toMatchObject([
      { chunkNo: 1, chunkStatus: 'Pending', error: 'Chunk 1 did 501 rows where 500 were planned.' },
    ])
  })

  test('that fails is reported to the queue, even if others were done after it', async () => {
    await useKind({
      run(chunkNo) {
        if (chunkNo === 1) throw new Error('a mishap')
      },
    })
    const jobId = await newJob()
    await expect(advanceJob({ ...engine, lanes: 1 }, jobId)).rejects.toThrow('a mishap')
    expect(await countChunks(database.db, jobId)).toMatchObject({ pending: 1, done: 19 })
    expect(logged).toEqual([
      expect.objectContaining({ jobId, chunkNo: 1, attempts: 1, msg: 'a chunk failed' }),
    ])
  })

  test('that finds an existing row is rolled back', async () => {
    await useKind({})
    const jobId = await newJob(1000)
    // Somebody else has written a row of this chunk: its insert is refused by the key.
    await sql`insert into counted values (${jobId}, 5)`.execute(database.db)
    await complete(jobId)
    expect(await countChunks(database.db, jobId)).toMatchObject({ pending: 1, done: 1 })
    expect(await counted(jobId)).toMatchObject({ rows: 501 })
  })

  test('with a temporary error keeps its attempts', async () => {
    let cut = true
    await useKind({
      run() {
        if (cut) throw Object.assign(new Error('deadlock detected'), { code: '40P01' })
      },
    })
    const jobId = await newJob(100)
    for (let round = 0; round < 5; round++) await complete(jobId)
    const { rows } = await sql<{ attempts: number }>`
      select attempts from job_chunks where job_id = ${jobId}`.execute(database.db)
    expect(rows).toEqual([{ attempts: 0 }])
    cut = false
    await complete(jobId)
    expect(await statusOf(jobId)).toBe('Completed')
  })
})

describe('planning and finishing', () => {
  test('that throw three times fail the job', async () => {
    await useKind({
      plan() {
        throw new Error('no plan')
      },
    })
    const jobId = await newJob()
    for (let round = 0; round < 3; round++) {
      expect(await statusOf(jobId)).toBe('Queued')
      await complete(jobId)
    }
    expect(await outcomes(jobId)).toEqual(['failed: no plan'])
    await useKind({})
    await database.db.transaction().execute((tx) => retryJob(tx, jobId))
    await complete(jobId)
    expect(await counted(jobId)).toEqual(wholeCount)
  })

  test('with a temporary error keep their attempts', async () => {
    const deadlock = () => {
      throw Object.assign(new Error('deadlock detected'), { code: '40P01' })
    }
    const troubled = [
      [{ plan: deadlock }, 'Queued'],
      [{ finish: deadlock }, 'Processing'],
    ] as const
    for (const [faults, status] of troubled) {
      await useKind(faults)
      const jobId = await newJob()
      for (let round = 0; round < 4; round++) await complete(jobId)
      expect(await findJob(database.db, jobId)).toMatchObject({ jobStatus: status, attempts: 0 })
    }
  })

  test('that find a defect fail the job at once, with what they found', async () => {
    await useKind({
      finish() {
        throw new UnrecoverableError('5 is not 6')
      },
    })
    const jobId = await newJob()
    await complete(jobId)
    expect(await outcomes(jobId)).toEqual(['failed: 5 is not 6'])
  })
})

describe('steering', () => {
  /** A job held inside one chunk until it is let go. */
  async function heldJob() {
    let enter: () => void = () => {}
    let letGo: () => void = () => {}
    const entered = new Promise<void>((resolve) => {
      enter = resolve
    })
    const released = new Promise<void>((resolve) => {
      letGo = resolve
    })
    await useKind({
      async run() {
        enter()
        await released
      },
    })
    const jobId = await newJob()
    await wakeJob(engine, { jobId, jobKind: 'count' })
    await entered
    return { jobId, letGo }
  }

  test('I5: pausing waits for the chunks in flight; afterwards nothing is written', async () => {
    const { jobId, letGo } = await heldJob()
    let paused = false
    const pausing = database.db
      .transaction()
      .execute((tx) => pauseJob(tx, jobId))
      .then(() => {
        paused = true
      })
    // The pause is in the queue for the lock once PostgreSQL shows it waiting.
    await waitUntil(async () => {
      const { rows } = await sql`select from pg_locks where locktype = 'advisory' and not granted`.execute(
        database.db,
      )
      return rows.length > 0
    })
    expect(paused).toBe(false)
    letGo()
    await pausing
    const atPause = await counted(jobId)
    await queue.idle()
    expect(await counted(jobId)).toEqual(atPause)
    expect(await statusOf(jobId)).toBe('Paused')
    await complete(jobId)
    expect(await counted(jobId)).toEqual(atPause)

    await database.db.transaction().execute((tx) => resumeJob(tx, jobId))
    await complete(jobId)
    expect(await counted(jobId)).toEqual(wholeCount)
  })

  test('I5: cancelling stops it for good, and calls the kind', async () => {
    const { jobId, letGo } = await heldJob()
    const cancelling = database.db.transaction().execute((tx) => cancelJob(engine, tx, jobId))
    letGo()
    await cancelling
    const atCancel = await counted(jobId)
    await queue.idle()
    await complete(jobId)
    expect(await counted(jobId)).toEqual(atCancel)
    expect(await outcomes(jobId)).toEqual(['cancelled'])
  })

  test('a job can be paused and resumed before it was planned', async () => {
    const jobId = await newJob()
    await database.db.transaction().execute((tx) => pauseJob(tx, jobId))
    await complete(jobId)
    expect(await counted(jobId)).toMatchObject({ rows: 0 })
    await database.db.transaction().execute((tx) => resumeJob(tx, jobId))
    await complete(jobId)
    expect(await counted(jobId)).toEqual(wholeCount)
  })

  test('what the state forbids is refused with a sentence', async () => {
    const jobId = await newJob()
    await complete(jobId)
    const refused = (steer: Promise<unknown>) =>
      expect(steer).rejects.toMatchObject({
        name: 'DomainError',
        code: 'job-state',
        message: expect.stringMatching(
          /^The job is Completed; this needs it to be [A-Z][a-z]+( or [A-Z][a-z]+)*\.$/,
        ),
      })
    await refused(database.db.transaction().execute((tx) => pauseJob(tx, jobId)))
    await refused(database.db.transaction().execute((tx) => resumeJob(tx, jobId)))
    await refused(database.db.transaction().execute((tx) => retryJob(tx, jobId)))
    await refused(database.db.transaction().execute((tx) => cancelJob(engine, tx, jobId)))
    expect(await statusOf(jobId)).toBe('Completed')
  })
})

describe('the sweep', () => {
  test('finds a job whose token was lost, before and after planning, and one that only has to be finished', async () => {
    const queued = await newJob()
    const halfDone = await newJob()
    const undone = await newJob(100)
    const stopping = new AbortController()
    stopping.abort()
    const silent = { ...engine, queue: createLoopQueue(() => ({ copies: 0, delayMs: 0 })) }
    await advanceJob(silent, halfDone, stopping)
    await advanceJob(silent, undone, stopping)
    expect(await countChunks(database.db, undone)).toMatchObject({ pending: 0, done: 1 })
    expect(await statusOf(undone)).toBe('Processing')

    const found = await sweep(engine, 0)
    expect(new Set(found)).toEqual(new Set([queued, halfDone, undone]))
    await queue.idle()
    for (const jobId of found) expect(await statusOf(jobId)).toBe('Completed')
  })

  test('takes a new job, which does not count as stuck yet', async () => {
    const jobId = await newJob()
    const idleMs = async () =>
      (await findNeglectedJobs(database.db, 60_000)).find((job) => job.jobId === jobId)?.idleMs
    expect(await idleMs()).toBeLessThan(60_000)
    await sql`update jobs set created_at = created_at - interval '1 hour' where job_id = ${jobId}`.execute(
      database.db,
    )
    expect(await idleMs()).toBeGreaterThan(3_600_000)
  })

  test('skips jobs that a worker has, that rest, or that are paused', async () => {
    const resting = await newJob(100)
    await useKind({
      run() {
        throw new Error('a mishap')
      },
    })
    await complete(resting)
    const paused = await newJob()
    await database.db.transaction().execute((tx) => pauseJob(tx, paused))
    let letGo: () => void = () => {}
    const released = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const entered = new Promise<void>((enter) => {
      void useKind({
        async run() {
          enter()
          await released
        },
      })
    })
    const busy = await newJob(100)
    await wakeJob(engine, { jobId: busy, jobKind: 'count' })
    await entered
    expect(await sweep(engine, 0)).toEqual([])
    letGo()
    await queue.idle()
  })
})

test('a worker sweeps as soon as it starts, continues after a failed sweep, and stops when asked', async () => {
  const jobId = await newJob()
  const stop = startSweeping(engine)
  await waitUntil(async () => (await statusOf(jobId)) === 'Completed')
  await stop()

  await newJob()
  const refusing: Queue = { ...queue, send: () => Promise.reject(new Error('no room')) }
  await startSweeping({ ...engine, queue: refusing })()
  expect(logged).toEqual([expect.objectContaining({ msg: 'the sweep failed; it will try again' })])
})

test('the time left is given while it is known, is 0 at the end, and is unknown for a failed job', async () => {
  const jobId = await newJob()
  const alone = { ...engine, queue: createLoopQueue(), sliceMs: 0, lanes: 1 }
  await advanceJob(alone, jobId)
  expect(await readProgress(database.db, jobId)).toMatchObject({ estimatedTimeRemaining: null })
  await advanceJob(alone, jobId)
  // As if they had taken 10 s each, one after the other, and another had failed before.
  await sql`
    update job_chunks set duration_ms = 10000, finished_at = '2026-01-01'::timestamptz + chunk_no * interval '10 s'
    where job_id = ${jobId} and chunk_status = 'Done'`.execute(database.db)
  await sql`update jobs set error = 'a mishap' where job_id = ${jobId}`.execute(database.db)
  const read = async () => await readProgress(database.db, jobId)
  expect(await read()).toMatchObject({ processed: 1000, estimatedTimeRemaining: 180, jobError: null })
  const moves = [
    ['Failed', null, 'a mishap'],
    ['Cancelled', 0, null],
    ['Completed', 0, null],
  ] as const
  for (const [status, estimatedTimeRemaining, jobError] of moves) {
    await sql`update jobs set job_status = ${status} where job_id = ${jobId}`.execute(database.db)
    expect(await read()).toMatchObject({ estimatedTimeRemaining, jobError })
  }
  expect(await readProgress(database.db, crypto.randomUUID())).toBeUndefined()
})

test('progress is null until it is planned, never goes back, and is 100 only at the end (I7)', async () => {
  const jobId = await newJob()
  expect(await readProgress(database.db, jobId)).toMatchObject({
    total: 0,
    percentage: 0,
    estimatedTimeRemaining: null,
  })
  const seen: number[] = []
  await useKind({
    async run() {
      const progress = await readProgress(database.db, jobId)
      seen.push(progress?.percentage ?? -1)
    },
    finish() {
      seen.push(99)
    },
  })
  await complete(jobId)
  expect(seen.length).toBe(21)
  expect(seen).toEqual(seen.toSorted((a, b) => a - b))
  expect(Math.max(...seen)).toBe(99)
  expect(await readProgress(database.db, jobId)).toMatchObject({ percentage: 100 })
})

/** Asks again every few milliseconds until it is so. */
async function waitUntil(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5))
}
