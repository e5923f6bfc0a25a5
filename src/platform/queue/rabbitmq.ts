import { setTimeout as wait } from 'node:timers/promises'
import type { Channel, ConsumeMessage, Options } from 'amqplib'
import { parseBrokerUrl } from './broker-url.ts'
import {
  type Consumer,
  type Message,
  type MessageHandler,
  type Queue,
  type QueueLog,
  readMessage,
} from './queue.ts'
import { type HeldConnection, holdConnection } from './rabbitmq-connection.ts'
import { dead, declareQueues, retries, work } from './rabbitmq-queues.ts'
import { answerTimeoutMs, createSender, type Sender } from './rabbitmq-sender.ts'

/** How often a handler has thrown so far. */
const failuresHeader = 'almoner-failures'

const againMs = 500

/**
 * Opens the queue on RabbitMQ: quorum queues, each message confirmed. It declares its queues on every connection, so
 * they may be deleted at any time.
 *
 * `depth` counts as active what this process has in hand: AMQP does not tell of others.
 *
 * @throws BrokerAwayError when no host answers; Error when one refuses us or has queues of these names that are others
 */
export async function openRabbitQueue(options: {
  readonly url: string
  readonly log: QueueLog
}): Promise<Queue> {
  const { log } = options
  const address = parseBrokerUrl(options.url)
  const connection = await holdConnection({ address, log, prepare: declareQueues })
  const sender = createSender(connection)
  const consumers = new Set<RabbitConsumer>()
  let closing: Promise<void> | undefined

  const assertOpen = () => {
    if (closing !== undefined) throw new Error('The queue is closed')
  }
  const close = async () => {
    await Promise.all([...consumers].map((consumer) => consumer.stop()))
    await connection.close()
  }

  return {
    async send(messages) {
      assertOpen()
      await Promise.all(
        messages.map((message) => sender.publish(work, bodyOf(message), propertiesOf(message))),
      )
    },
    async consume(handle, { concurrency }) {
      assertOpen()
      const consumer = startConsumer({ connection, sender, log, handle, concurrency })
      consumers.add(consumer)
      return consumer
    },
    async depth() {
      assertOpen()
      const channel = await sender.channel()
      const count = async (queue: string) => (await channel.checkQueue(queue)).messageCount
      const delayed = await Promise.all(retries.map(({ name }) => count(name)))
      return {
        waiting: await count(work),
        active: [...consumers].reduce((sum, consumer) => sum + consumer.inHand(), 0),
        delayed: delayed.reduce((sum, each) => sum + each, 0),
        dead: await count(dead),
      }
    },
    close() {
      closing ??= close()
      return closing
    },
  }
}

interface RabbitConsumer extends Consumer {
  inHand(): number
}

function startConsumer(deps: {
  readonly connection: HeldConnection
  readonly sender: Sender
  readonly log: QueueLog
  readonly handle: MessageHandler
  readonly concurrency: number
}): RabbitConsumer {
  const { connection, sender, log } = deps
  const stopped = new AbortController()
  const inHand = new Set<Promise<void>>()
  let channel: Channel | undefined
  let consumerTag: string | undefined

  /** The message is on its way to another queue before it leaves this one: twice rather than never. */
  const pass = async (delivery: ConsumeMessage, queue: string, failures: number) => {
    const { contentType, priority } = delivery.properties
    await sender.publish(queue, delivery.content, {
      contentType,
      priority,
      headers: { ...delivery.properties.headers, [failuresHeader]: failures },
    })
  }

  const take = async (delivery: ConsumeMessage) => {
    const message = messageIn(delivery)
    if (message === undefined) {
      log.warn({ body: delivery.content.toString().slice(0, 200) }, 'What is no message is a dead letter now')
      return pass(delivery, dead, 0)
    }
    try {
      await deps.handle(message, { signal: stopped.signal })
    } catch (error) {
      const failures = Number(delivery.properties.headers?.[failuresHeader] ?? 0) + 1
      const retry = retries[failures - 1]
      const what = retry ? 'A message could not be handled; it comes again' : 'A message is a dead letter now'
      log.warn({ err: error, message, tries: failures }, what)
      await pass(delivery, retry?.name ?? dead, failures)
    }
  }

  const receive = (on: Channel, delivery: ConsumeMessage) => {
    // On a channel that is gone there is nothing to settle: RabbitMQ gives the message out again.
    const settle = (act: () => void) => {
      if (channel === on) act()
    }
    if (stopped.signal.aborted) return settle(() => on.nack(delivery))
    const working = take(delivery).then(
      () => settle(() => on.ack(delivery)),
      (error) => {
        log.warn({ err: error }, 'A message could not be passed on and is given out again')
        settle(() => on.nack(delivery))
      },
    )
    inHand.add(working)
    void working.finally(() => inHand.delete(working))
  }

  /** Consumes until the channel or the queue is lost. */
  const consume = async () => {
    const current = await connection.current(answerTimeoutMs)
    // The queue may be what was lost.
    await declareQueues(current)
    const on = await current.createChannel()
    const lost = new Promise<void>((resolve) => {
      on.on('close', resolve)
    })
    on.on('error', () => {})
    try {
      await on.prefetch(deps.concurrency)
      channel = on
      const receiveOn = (delivery: ConsumeMessage | null) => {
        if (delivery !== null) receive(on, delivery)
        else void on.close().catch(() => {})
      }
      consumerTag = (await on.consume(work, receiveOn)).consumerTag
      // Whoever stopped the consumer meanwhile had no tag to cancel.
      if (stopped.signal.aborted) await on.cancel(consumerTag)
      await lost
    } finally {
      channel = undefined
    }
  }

  const consuming = (async () => {
    while (!stopped.signal.aborted) {
      try {
        await consume()
      } catch {
        // The connection has said so, and is being made again.
      }
      await wait(againMs)
    }
  })()
  void consuming

  return {
    inHand: () => inHand.size,
    async stop() {
      const on = channel
      stopped.abort()
      if (on !== undefined && consumerTag !== undefined) await on.cancel(consumerTag).catch(() => {})
      await Promise.all(inHand)
      await on?.close().catch(() => {})
    },
  }
}

/** Undefined when it is none. */
function messageIn(delivery: ConsumeMessage): Message | undefined {
  try {
    return readMessage(JSON.parse(delivery.content.toString()))
  } catch {
    return undefined
  }
}

function bodyOf({ name, id, sentAt }: Message): Buffer {
  return Buffer.from(JSON.stringify({ name, id, sentAt }))
}

/** RabbitMQ 4 gives out what has a priority over 4 first; its predecessors know none in such queues. */
function propertiesOf({ priority }: Message): Options.Publish {
  return { contentType: 'application/json', priority: priority === 'low' ? 0 : 5 }
}
