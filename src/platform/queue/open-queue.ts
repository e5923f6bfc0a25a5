import { parseBrokerUrl } from './broker-url.ts'
import { migratePostgresQueue, openPostgresQueue } from './bullmq-postgres.ts'
import { openRedisQueue } from './bullmq-redis.ts'
import type { Queue, QueueLog } from './queue.ts'
import { openRabbitQueue } from './rabbitmq.ts'
import { openSqsQueue } from './sqs.ts'
import { createSqsQueues } from './sqs-queues.ts'

interface OpenOptions {
  readonly url: string
  readonly log: QueueLog
}

interface Driver {
  open(options: OpenOptions): Promise<Queue>
  /** Where opening does not create what is missing. */
  create?(url: string): Promise<void>
}

const postgres: Driver = {
  async open(options) {
    await migratePostgresQueue(options.url)
    return openPostgresQueue(options)
  },
}

/** Which driver an address is for, by its scheme. */
const drivers: Readonly<Record<string, Driver>> = {
  postgres,
  postgresql: postgres,
  redis: { open: openRedisQueue },
  rediss: { open: openRedisQueue },
  amqp: { open: openRabbitQueue },
  amqps: { open: openRabbitQueue },
  sqs: { open: openSqsQueue, create: createSqsQueues },
}

/** @throws Error a sentence about what is wrong with the address, in which no password is */
export function assertQueueUrl(url: string): void {
  driverOf(url)
  // Several hosts are more than a URL can say.
  if (!URL.canParse(url)) parseBrokerUrl(url)
}

/** @throws BrokerAwayError when nobody answers there; Error when the broker refuses us */
export async function openQueue(options: OpenOptions): Promise<Queue> {
  return driverOf(options.url).open(options)
}

/**
 * Creates the queue at the URL, or sets right what is there.
 *
 * @returns whether there was anything to do: most drivers create what they need when they open it
 */
export async function createQueues(url: string): Promise<boolean> {
  const { create } = driverOf(url)
  await create?.(url)
  return create !== undefined
}

function driverOf(url: string): Driver {
  const driver = drivers[url.slice(0, url.indexOf(':'))]
  if (driver !== undefined) return driver
  throw new Error(
    `A queue's address begins with one of ${Object.keys(drivers)
      .map((scheme) => `${scheme}:`)
      .join(' ')}`,
  )
}
