import { SendMessageCommand } from '@aws-sdk/client-sqs'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SqsServer, startSqsServer } from '../support/brokers/sqs-server.ts'
import { createLambdaService, type LambdaService, scheduledEvent } from '../support/lambda-service.ts'
import { openWorkedFund, type WorkedFund } from '../support/worked-fund.ts'

let server: SqsServer
let fund: WorkedFund
let lambda: LambdaService

beforeAll(async () => {
  server = await startSqsServer()
  fund = await openWorkedFund({ members: 50_010, env: { QUEUE_URL: server.url } })
  lambda = createLambdaService(server, {
    DATABASE_URL: fund.databaseUrl,
    QUEUE_URL: server.url,
    LOG_LEVEL: 'silent',
  })
})
afterAll(async () => {
  await lambda.close()
  await fund.close()
  await server.stop()
})

/** Polls until the promise is settled. */
async function pollWhile<Result>(work: Promise<Result>): Promise<Result> {
  let over = false
  const ended = work.finally(() => {
    over = true
  })
  ended.catch(() => {})
  while (!over) await lambda.poll()
  return ended
}

test('a cycle becomes Active by messages that Lambda is given, though one invocation is killed', {
  timeout: 120_000,
}, async () => {
  await fund.slowDown(0.2)
  const { cycleId } = await fund.startCycle()
  let killed = false
  const active = fund.untilActive(cycleId, async (processed) => {
    if (killed || processed === 0) return
    killed = true
    lambda.kill()
  })
  const cycle = await pollWhile(active)
  expect({ killed, members: cycle.totalMembers }).toEqual({ killed: true, members: 50_009 })
})

test('a cycle whose token was lost is found on the schedule', { timeout: 60_000 }, async () => {
  await fund.slowDown(0)
  const { cycleId } = await fund.startCycle()
  await server.empty()
  expect(await lambda.invoke(scheduledEvent)).toEqual({ answer: { batchItemFailures: [] } })
  await pollWhile(fund.untilActive(cycleId))
})

test('near the end of its time it stops after the current chunk, and leaves a token', {
  timeout: 60_000,
}, async () => {
  await fund.slowDown(0.1)
  const { cycleId, jobId } = await fund.startCycle()
  const record = {
    messageId: '1',
    receiptHandle: 'none',
    body: JSON.stringify({ name: 'advance-job', id: jobId }),
    attributes: { ApproximateReceiveCount: '1' },
  }
  const chunksDone = async () => {
    const { rows } = await sql<{ done: number }>`
      select count(*) as done from job_chunks where job_id = ${jobId} and chunk_status = 'Done'`.execute(
      fund.app.db,
    )
    return rows[0]?.done
  }
  // The margin is 5 s: one that has less is to do the least it can. While a transaction that began before the cycle
  // still runs somewhere on the server, that is to leave a token.
  do {
    expect(await lambda.invoke({ Records: [record] }, 4_000)).toEqual({ answer: { batchItemFailures: [] } })
  } while ((await chunksDone()) === 0)
  expect(await chunksDone()).toBe(1)
  await pollWhile(fund.untilActive(cycleId))
})

test('an invalid message is a dead letter at once, and does not affect other messages', async () => {
  await fund.slowDown(0)
  const { cycleId } = await fund.startCycle()
  const QueueUrl = await server.queueUrl('contributions')
  await server.client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'not even JSON' }))
  await pollWhile(fund.untilActive(cycleId))
  await expect
    .poll(
      async () => {
        await lambda.poll()
        return fund.app.queue.depth()
      },
      { timeout: 20_000 },
    )
    .toMatchObject({ waiting: 0, active: 0, dead: 1 })
})

test('a message that cannot be handled comes again by itself, and finally is a dead letter', async () => {
  const QueueUrl = await server.queueUrl('contributions')
  const { jobId } = await fund.startCycle()
  await server.empty()
  await sql`update jobs set job_kind = 'from-the-future' where job_id = ${jobId}`.execute(fund.app.db)
  const MessageBody = JSON.stringify({ name: 'advance-job', id: jobId })
  await server.client.send(new SendMessageCommand({ QueueUrl, MessageBody }))
  await expect
    .poll(
      async () => {
        await lambda.poll()
        return fund.app.queue.depth()
      },
      { timeout: 30_000 },
    )
    .toMatchObject({ waiting: 0, active: 0, dead: 1 })
})

test('an event of another kind, and a configuration without a database, are refused in a sentence', async () => {
  expect(await lambda.invoke({ source: 'aws.s3' })).toEqual({
    error: 'This function knows no events of aws.s3.',
  })
  const unset = createLambdaService(server, { QUEUE_URL: server.url })
  expect(await unset.invoke(scheduledEvent)).toEqual({
    error: expect.stringMatching(/^On Lambda there is no embedded database .* must be set\.$/),
  })
  await unset.close()
})
