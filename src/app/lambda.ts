/**
 * The worker on AWS Lambda (`dist/app/lambda.handler`): it is given messages by SQS instead of taking them, and is called
 * on a schedule for the sweep, since nothing of it runs in between. `deploy/template.yaml` sets it up.
 */

import type { Message as Delivery } from '@aws-sdk/client-sqs'
import type { Context, EventBridgeEvent, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import { tokenHandler } from '../platform/jobs/advance-job.ts'
import { sweep } from '../platform/jobs/sweep.ts'
import type { MessageHandler } from '../platform/queue/queue.ts'
import { messageIn, passOn } from '../platform/queue/sqs.ts'
import { connectSqs, openQueues, type SqsQueues } from '../platform/queue/sqs-queues.ts'
import { createLog } from '../platform/telemetry/log.ts'
import type { Application } from './application.ts'
import { ConfigError, readConfig } from './config.ts'
import { openApplication } from './open-application.ts'

interface Worker {
  readonly app: Application
  readonly queues: SqsQueues
  readonly handle: MessageHandler
}

/** This long before Lambda ends the function, current work stops at the next safe place. */
const marginMs = 5_000

let opening: Promise<Worker> | undefined

type Scheduled = EventBridgeEvent<'Scheduled Event', unknown>

/**
 * @returns for messages, those that are to come again
 * @throws ConfigError; whatever keeps the database or the queue from being opened, after which the next call tries again
 */
export async function handler(event: SQSEvent | Scheduled, context: Context): Promise<SQSBatchResponse> {
  opening ??= openWorker()
  opening.catch(() => {
    opening = undefined
  })
  const worker = await opening
  if ('Records' in event) return handleRecords(worker, event.Records, context)
  if (event.source !== 'aws.events') throw new Error(`This function knows no events of ${event.source}.`)
  await sweep(worker.app.engine)
  return { batchItemFailures: [] }
}

async function openWorker(): Promise<Worker> {
  const config = readConfig(process.env, false)
  const { databaseUrl, queueUrl } = config
  if (databaseUrl === undefined || queueUrl === undefined || !queueUrl.startsWith('sqs:')) {
    throw new ConfigError(
      'On Lambda there is no embedded database and no other queue: DATABASE_URL and QUEUE_URL=sqs://… must be set.',
    )
  }
  const queues = await openQueues(await connectSqs(queueUrl))
  const log = createLog({ level: config.logLevel, format: config.logFormat })
  const app = await openApplication(config, log, 'almoner lambda')
  return { app, queues, handle: tokenHandler(app.engine) }
}

async function handleRecords(
  worker: Worker,
  records: readonly SQSRecord[],
  context: Context,
): Promise<SQSBatchResponse> {
  const stopping = new AbortController()
  const leftMs = Math.max(0, context.getRemainingTimeInMillis() - marginMs)
  const timer = setTimeout(() => stopping.abort(), leftMs)
  try {
    const comingAgain = await Promise.all(
      records.map(async (record) =>
        (await comesAgain(worker, record, stopping.signal)) ? [record.messageId] : [],
      ),
    )
    return { batchItemFailures: comingAgain.flat().map((itemIdentifier) => ({ itemIdentifier })) }
  } finally {
    clearTimeout(timer)
  }
}

/** Handles one message; Lambda removes the messages that succeeded. */
async function comesAgain(
  { app, queues, handle }: Worker,
  record: SQSRecord,
  signal: AbortSignal,
): Promise<boolean> {
  const delivery: Delivery = {
    Body: record.body,
    ReceiptHandle: record.receiptHandle,
    Attributes: { ApproximateReceiveCount: record.attributes.ApproximateReceiveCount },
  }
  try {
    const message = messageIn(delivery)
    if (message === undefined) throw new TypeError('This is no message')
    await handle(message, { signal })
    return false
  } catch (error) {
    return passOn(queues, app.log, delivery, error)
  }
}
