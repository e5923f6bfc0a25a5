import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Channel, ChannelModel, ConfirmChannel, ConsumeMessage, Options } from 'amqplib'
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

const work = 'contributions'
const dead = `${work}.dead`
/** A queue for each pause: in one for all, a message with a long pause would keep back those behind it. */
const retries = [2, 4].map((seconds) => ({ name: `${work}.retry.${seconds}s`, ms: seconds * 1000 }))

/** On which node a message is kept does not matter, and what one queue hands to another is not lost on the way. */
const quorum = {
  'x-queue-type': 'quorum',
  'x-dead-letter-exchange': '',
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
}

const topology: Readonly<Record<string, Record<string, unknown>>> = {
  [dead]: { 'x-queue-type': 'quorum', 'x-max-length': 1_000 },
  // A message is not to blame for the process it was in: only one that was lost a hundred times is a dead letter.
  [work]: { ...quorum, 'x-dead-letter-routing-key': dead, 'x-delivery-limit': 100 },
  ...Object.fromEntries(
    retries.map(({ name, ms }) => [
      name,
      { ...quorum, 'x-dead-letter-routing-key': work, 'x-message-ttl': ms },
    ]),
  ),
}

/** How often a handler has thrown so far. */
const failuresHeader = 'almoner-failures'

/** Whoever sends is told by then that it could not be done. */
const answerTimeoutMs = 10_000
const againMs = 500
const declareAgainMs = 1_000

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

async function declareQueues(connection: ChannelModel): Promise<void> {
  for (const [name, args] of Object.entries(topology)) {
    // A refusal closes the channel.
    const channel = await connection.createChannel()
    channel.on('error', () => {})
    try {
      await channel.assertQueue(name, { durable: true, arguments: args })
      await channel.close()
    } catch (error) {
      await connection.close().catch(() => {})
      throw new Error(`RabbitMQ does not let us have the queue "${name}": ${(error as Error).message}`, {
        cause: error,
      })
    }
  }
}

interface Sender {
  /** Resolves when RabbitMQ has stored it. */
  publish(queue: string, body: Buffer, properties: Options.Publish): Promise<void>
  channel(): Promise<ConfirmChannel>
}

function createSender(connection: HeldConnection): Sender {
  let open: { readonly on: ChannelModel; readonly channel: Promise<ConfirmChannel> } | undefined
  const returned = new Set<string>()

  const channel = async () => {
    const on = await connection.current(answerTimeoutMs)
    if (open?.on !== on) {
      const created = on.createConfirmChannel()
      open = { on, channel: created }
      const forget = () => {
        if (open?.channel === created) open = undefined
      }
      created.then((made) => {
        made.on('error', () => {})
        made.on('close', forget)
        made.on('return', ({ properties }) => returned.add(properties.messageId))
      }, forget)
    }
    return open.channel
  }

  return {
    channel,
    async publish(queue, body, properties) {
      const on = await channel()
      const messageId = randomUUID()
      await new Promise<void>((resolve, reject) => {
        const limit = setTimeout(
          () => reject(new Error(`RabbitMQ has not confirmed a message for ${answerTimeoutMs / 1000} s`)),
          answerTimeoutMs,
        )
        const confirmed = (error: Error | null) => {
          clearTimeout(limit)
          if (error) reject(new Error(`RabbitMQ has not taken a message: ${error.message}`))
          else resolve()
        }
        on.sendToQueue(
          queue,
          body,
          { persistent: true, mandatory: true, messageId, ...properties },
          confirmed,
        )
      })
      // Of a message that fits no queue it says so first, and confirms it all the same.
      if (returned.delete(messageId)) {
        // Not at once: a consumer of the old queue that is not told before there is a new one waits at it for ever.
        await wait(declareAgainMs)
        await declareQueues(await connection.current(answerTimeoutMs))
        throw new Error(`RabbitMQ had no queue "${queue}"; it has been declared again`)
      }
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
