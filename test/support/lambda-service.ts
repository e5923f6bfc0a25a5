import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import {
  DeleteMessageBatchCommand,
  type Message as Delivery,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs'
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda'
import type { SqsServer } from './brokers/sqs-server.ts'
import type { InvocationResult } from './lambda-process.ts'

/** What Lambda does around a handler, on one process: it polls, calls, removes, and starts the process again when it has died. */
export interface LambdaService {
  /** Takes what waits, at most five messages, has it handled and removes what is done. */
  poll(): Promise<void>
  /** Calls the handler with an event as it is. */
  invoke(event: unknown, remainingMs?: number): Promise<InvocationResult>
  /** Kills the process in the middle of whatever it does. */
  kill(): void
  close(): Promise<void>
}

export const scheduledEvent = { source: 'aws.events', 'detail-type': 'Scheduled Event' }

/** As the queue's own would be in a stack; short, so that what a killed process had is seen again soon. */
const visibilityS = 3

export function createLambdaService(server: SqsServer, env: Record<string, string>): LambdaService {
  let child: ChildProcess | undefined

  const invoke = async (event: unknown, remainingMs = 60_000): Promise<InvocationResult> => {
    child ??= fork(fileURLToPath(new URL('./lambda-process.ts', import.meta.url)), [], {
      execArgv: ['--import', 'tsx'],
      env: { PATH: process.env.PATH, ...env, ...server.env },
    })
    const current = child
    current.send({ event, remainingMs })
    const over = new AbortController()
    const [said] = await Promise.race([
      once(current, 'message', over),
      once(current, 'exit', over).then(() => [{ error: 'killed' }]),
    ]).finally(() => over.abort())
    if (current.exitCode !== null || current.signalCode !== null) child = undefined
    return said as InvocationResult
  }

  return {
    invoke,
    kill() {
      child?.kill('SIGKILL')
    },
    async poll() {
      const QueueUrl = await server.queueUrl('contributions')
      const received = await server.client.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: 5,
          WaitTimeSeconds: 1,
          VisibilityTimeout: visibilityS,
          MessageSystemAttributeNames: ['All'],
        }),
      )
      const deliveries = received.Messages ?? []
      if (deliveries.length === 0) return
      const result = await invoke({ Records: deliveries.map(recordOf) })
      if ('error' in result) return
      const { batchItemFailures } = result.answer as SQSBatchResponse
      const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier))
      const done = deliveries.filter(({ MessageId = '' }) => !failed.has(MessageId))
      if (done.length === 0) return
      const Entries = done.map(({ MessageId, ReceiptHandle }) => ({ Id: MessageId, ReceiptHandle }))
      await server.client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }))
    },
    async close() {
      if (child === undefined) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

/** A message in the words of a Lambda event. */
function recordOf(delivery: Delivery): Partial<SQSEvent['Records'][number]> {
  return {
    messageId: delivery.MessageId ?? '',
    receiptHandle: delivery.ReceiptHandle ?? '',
    body: delivery.Body ?? '',
    attributes: delivery.Attributes as SQSEvent['Records'][number]['attributes'],
    messageAttributes: {},
    md5OfBody: delivery.MD5OfBody ?? '',
    eventSource: 'aws:sqs',
  }
}
