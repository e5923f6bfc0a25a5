import { setTimeout as wait } from 'node:timers/promises'
import type { Message as Delivery, SendMessageBatchRequestEntry } from '@aws-sdk/client-sqs'
import {
  type Consumer,
  type Message,
  type MessageHandler,
  type Queue,
  type QueueLog,
  readMessage,
} from './queue.ts'
import { connectSqs, openQueues, type SqsQueues, visibilityTimeoutS } from './sqs-queues.ts'

/** What a batch may hold. */
const batchSize = 10
const pollS = 20
const heartbeatMs = (visibilityTimeoutS * 1000) / 3
/** After this time the sender gets an error. */
const answerTimeoutMs = 10_000
const sendAttempts = 3
const maxTries = 3
const shortestPauseMs = 500
const longestPauseMs = 10_000

/**
 * Opens the queue on Amazon SQS; it has to be there (`createSqsQueues`). SQS knows no priorities.
 *
 * `depth` is what SQS says it is, approximately; a message that waits to be tried again counts as active.
 *
 * @throws BrokerAwayError when the endpoint does not answer; Error when it refuses us, or has no such queue
 */
export async function openSqsQueue(options: {
  readonly url: string
  readonly log: QueueLog
}): Promise<Queue> {
  const { log } = options
  const sqs = await connectSqs(options.url)
  const queues = await openQueues(sqs)
  const consumers = new Set<Consumer>()
  let closing: Promise<void> | undefined

  const assertOpen = () => {
    if (closing !== undefined) throw new Error('The queue is closed')
  }
  const close = async () => {
    await Promise.all([...consumers].map((consumer) => consumer.stop()))
    sqs.client.destroy()
  }

  return {
    async send(messages) {
      assertOpen()
      for (let from = 0; from < messages.length; from += batchSize) {
        await sendBatch(queues, messages.slice(from, from + batchSize))
      }
    },
    async consume(handle, { concurrency }) {
      assertOpen()
      const consumer = startConsumer({ queues, log, handle, concurrency })
      consumers.add(consumer)
      return consumer
    },
    async depth() {
      assertOpen()
      const [work, dead] = await Promise.all([queues.count(queues.workUrl), queues.count(queues.deadUrl)])
      return { ...work, dead: dead.waiting + dead.active }
    },
    close() {
      closing ??= close()
      return closing
    },
  }
}

/** Some of a batch may be taken and some not: those are sent again, unless SQS says that they never will be. */
async function sendBatch({ sqs, workUrl }: SqsQueues, messages: readonly Message[]): Promise<void> {
  let entries: SendMessageBatchRequestEntry[] = messages.map(({ name, id, sentAt }, index) => ({
    Id: `${index}`,
    MessageBody: JSON.stringify({ name, id, sentAt }),
  }))
  for (let attempt = 1; ; attempt += 1) {
    const command = new sqs.SendMessageBatchCommand({ QueueUrl: workUrl, Entries: entries })
    const { Failed: failed = [] } = await sqs.client.send(command, {
      abortSignal: AbortSignal.timeout(answerTimeoutMs),
    })
    if (failed.length === 0) return
    const [first] = failed
    if (attempt === sendAttempts || failed.some((failure) => failure.SenderFault)) {
      throw new Error(
        `SQS has not taken ${failed.length} of ${messages.length} messages: ${first?.Message ?? first?.Code}`,
      )
    }
    const again = new Set(failed.map((failure) => failure.Id))
    entries = entries.filter((entry) => again.has(entry.Id))
    await wait(100 * 2 ** attempt)
  }
}

/**
 * What is done with a message that could not be handled: it comes again after 2 s and 4 s, and after the third try it
 * goes to the dead letters. SQS counts the tries, those too that were cut off by a process that died.
 *
 * @returns whether it comes again
 */
export async function passOn(
  queues: SqsQueues,
  log: QueueLog,
  delivery: Delivery,
  error: unknown,
): Promise<boolean> {
  const tries = Number(delivery.Attributes?.ApproximateReceiveCount ?? 1)
  const message = { err: error, body: delivery.Body?.slice(0, 200), tries }
  // Trying again does not make a message of what is none.
  if (tries >= maxTries || messageIn(delivery) === undefined) {
    log.warn(message, 'A message is a dead letter now')
    await queues.bury(delivery)
    return false
  }
  log.warn(message, 'A message could not be handled; it comes again')
  await queues.hide(delivery, 2 ** tries)
  return true
}

/** Undefined when it is none. */
export function messageIn(delivery: Delivery): Message | undefined {
  try {
    return readMessage(JSON.parse(delivery.Body ?? ''))
  } catch {
    return undefined
  }
}

/**
 * Polls for as many messages as there are hands free. (The package sqs-consumer polls only when all of a batch are
 * handled, and cannot stop polling without cutting off what is to be marked as done.)
 */
function startConsumer(deps: {
  readonly queues: SqsQueues
  readonly log: QueueLog
  readonly handle: MessageHandler
  readonly concurrency: number
}): Consumer {
  const { queues, log, concurrency } = deps
  const stopped = new AbortController()
  const inHand = new Set<Promise<void>>()

  const take = async (delivery: Delivery) => {
    // What has come in the very moment of stopping is for others, at once.
    if (stopped.signal.aborted) return queues.hide(delivery, 0)
    const heartbeat = setInterval(() => {
      // One that fails is made good by the next, or the message comes again.
      queues.hide(delivery, visibilityTimeoutS).catch(() => {})
    }, heartbeatMs)
    try {
      const message = messageIn(delivery)
      if (message === undefined) throw new TypeError('This is no message')
      await deps.handle(message, { signal: stopped.signal })
      clearInterval(heartbeat)
      await queues.remove(delivery)
    } catch (error) {
      clearInterval(heartbeat)
      await passOn(queues, log, delivery, error)
    }
  }

  const hold = (delivery: Delivery) => {
    const working = take(delivery).catch((error) => {
      log.warn({ err: error }, 'A message could not be settled; it comes again')
    })
    inHand.add(working)
    void working.finally(() => inHand.delete(working))
  }

  const consuming = (async () => {
    let pauseMs = 0
    while (!stopped.signal.aborted) {
      const free = concurrency - inHand.size
      if (free === 0) {
        await Promise.race(inHand)
        continue
      }
      try {
        const deliveries = await queues.receive(Math.min(free, batchSize), pollS, stopped.signal)
        if (pauseMs > 0) log.info({}, 'The queue has its connection to SQS back')
        pauseMs = 0
        for (const delivery of deliveries) hold(delivery)
      } catch (error) {
        if (stopped.signal.aborted) break
        if (pauseMs === 0) log.warn({ err: error }, 'The queue has no connection to SQS and keeps trying')
        pauseMs = Math.min(Math.max(pauseMs * 2, shortestPauseMs), longestPauseMs)
        await wait(pauseMs, undefined, { signal: stopped.signal }).catch(() => {})
      }
    }
  })()

  return {
    async stop() {
      stopped.abort()
      await consuming
      await Promise.all(inHand)
    },
  }
}
