import type { ChannelModel } from 'amqplib'

export const work = 'contributions'
export const dead = `${work}.dead`
/** A queue for each pause: in one for all, a message with a long pause would keep back those behind it. */
export const retries = [2, 4].map((seconds) => ({ name: `${work}.retry.${seconds}s`, ms: seconds * 1000 }))

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

/**
 * Makes the queues where they are missing.
 *
 * @throws Error when there is a queue of that name with other arguments, or we may not make it
 */
export async function declareQueues(connection: ChannelModel): Promise<void> {
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
