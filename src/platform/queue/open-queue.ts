import { parseBrokerUrl } from './broker-url.ts'
import type { Queue, QueueLog } from './queue.ts'

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
    const { migratePostgresQueue, openPostgresQueue } = await import('./bullmq-postgres.ts')
    await migratePostgresQueue(options.url)
    return openPostgresQueue(options)
  },
}
const redis: Driver = {
  open: async (options) => (await import('./bullmq-redis.ts')).openRedisQueue(options),
}
const rabbit: Driver = {
  open: async (options) => (await import('./rabbitmq.ts')).openRabbitQueue(options),
}
const sqs: Driver = {
  open: async (options) => (await import('./sqs.ts')).openSqsQueue(options),
  create: async (url) => (await import('./sqs-queues.ts')).createSqsQueues(url),
}

/** Which driver an address is for, by its scheme. The client library of a driver is loaded when it is opened. */
const drivers: Readonly<Record<string, Driver>> = {
  postgres,
  postgresql: postgres,
  redis,
  rediss: redis,
  amqp: rabbit,
  amqps: rabbit,
  sqs,
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
