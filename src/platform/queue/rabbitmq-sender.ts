import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { ChannelModel, ConfirmChannel, Options } from 'amqplib'
import type { HeldConnection } from './rabbitmq-connection.ts'

import { declareQueues } from './rabbitmq-queues.ts'

/** After this time the sender gets an error. */
export const answerTimeoutMs = 10_000
const declareAgainMs = 1_000

export interface Sender {
  /** Resolves when RabbitMQ has stored it. */
  publish(queue: string, body: Buffer, properties: Options.Publish): Promise<void>
  channel(): Promise<ConfirmChannel>
}

/** Sends on one channel, which is opened again when it or the connection was lost. */
export function createSender(connection: HeldConnection): Sender {
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
      // A message without a queue is first returned, and then still confirmed.
      if (returned.delete(messageId)) {
        // Not at once: a consumer of the old queue must notice first that it is gone, otherwise it waits for ever.
        await wait(declareAgainMs)
        await declareQueues(await connection.current(answerTimeoutMs))
        throw new Error(`RabbitMQ had no queue "${queue}"; it has been declared again`)
      }
    },
  }
}
