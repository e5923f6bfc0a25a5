import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import type { BackendFactory, IQueueBackend } from 'bullmq'
import type { Cluster, Redis, RedisOptions } from 'ioredis'
import { type BrokerUrl, parseBrokerUrl } from './broker-url.ts'
import { type BullMqQueue, openBullMqQueue, reason } from './bullmq.ts'
import { BrokerAwayError, type QueueLog } from './queue.ts'

type IoRedis = Pick<typeof import('ioredis'), 'Redis' | 'Cluster'>
/** What both kinds of client are given alike. */
type Settings = Pick<
  RedisOptions,
  'username' | 'password' | 'db' | 'tls' | 'connectTimeout' | 'maxRetriesPerRequest'
>
type Client = Redis | Cluster

/** In braces, so that all keys are in one slot of a cluster; alike on a single server, which may become one. */
const prefix = '{almoner}'
const defaultPort = 6379
const connectTimeoutMs = 5_000
const readyTimeoutMs = 10_000
const longestPauseMs = 2_000
/** Longer than a server that is gone takes to be seen as gone. */
const endLooks = 100
const endLookMs = 50

/**
 * Opens the queue on a Redis server or, when the servers say that they are one, a Redis Cluster. That `send` resolves
 * means that Redis has the message; whether it still has it after a crash is what its `appendfsync` says.
 *
 * @throws BrokerAwayError when no server answers; Error when one refuses the login, evicts keys or is of another kind
 *   than the address says
 */
export async function openRedisQueue(options: {
  readonly url: string
  readonly log: QueueLog
}): Promise<BullMqQueue> {
  const { log } = options
  const address = parseBrokerUrl(options.url)
  const login = loginOf(address)
  const [bullmq, ioredis] = await Promise.all([import('bullmq'), import('ioredis')])
  const isCluster = await findClusterMode(ioredis, address, login)

  const clients = new Set<Client>()
  let closing = false
  const retryStrategy = (attempt: number) => (closing ? null : Math.min(100 * 2 ** attempt, longestPauseMs))
  const connect = (more: Settings): Client => {
    const redisOptions = { ...login, connectTimeout: connectTimeoutMs, ...more }
    if (!isCluster) return new ioredis.Redis({ ...redisOptions, ...hostsOf(address)[0], retryStrategy })
    return new ioredis.Cluster(hostsOf(address), { redisOptions, clusterRetryStrategy: retryStrategy })
  }
  /** BullMQ makes copies for its consumers and cannot close them while Redis is away. */
  const keep = (client: Client): Client => {
    clients.add(client)
    client.on('error', () => {})
    const duplicate = client.duplicate.bind(client) as (...args: unknown[]) => Client
    client.duplicate = ((...args: unknown[]) => keep(duplicate(...args))) as never
    return client
  }
  const sending = keep(connect({ maxRetriesPerRequest: 1 }))
  const consuming = keep(connect({ maxRetriesPerRequest: null }))
  tellLosses(sending, log, () => closing)
  const close = async () => {
    closing = true
    await Promise.all([...clients].map(end))
  }

  try {
    await whenReady(sending)
    if (isCluster) await assertNoEviction(sending as Cluster)
  } catch (error) {
    await close()
    throw error
  }
  return openBullMqQueue(bullmq, log, {
    factory: bullmq.createRedisBackend as BackendFactory<IQueueBackend, Client>,
    sending,
    consuming,
    prefix,
    close,
  })
}

function hostsOf(address: BrokerUrl): { host: string; port: number }[] {
  return address.hosts.map(({ host, port }) => ({
    host: host.replace(/^\[|\]$/g, ''),
    port: port ?? defaultPort,
  }))
}

function loginOf(address: BrokerUrl): Settings {
  const { scheme, username, password, path } = address
  if (path !== undefined && !/^\d{1,4}$/.test(path)) {
    throw new Error(`"${path}" in the address of the queue is not the number of a Redis database.`)
  }
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(path !== undefined && { db: Number(path) }),
    ...(scheme === 'rediss' && { tls: {} }),
  }
}

/**
 * Asks the servers themselves: a cluster's client would try for ever, and would not say that a login was refused.
 * Returns whether they are a cluster.
 */
async function findClusterMode(ioredis: IoRedis, address: BrokerUrl, login: Settings): Promise<boolean> {
  const hosts = hostsOf(address)
  const answers = await Promise.allSettled(hosts.map((host) => askServer(ioredis, host, login)))
  const refusals = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as Error] : []))
  const final = refusals.find((refusal) => !(refusal instanceof BrokerAwayError))
  if (final !== undefined) throw final
  const [info] = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
  // One of a cluster's hosts is enough to find the others.
  if (info === undefined) throw refusals[0]
  const isCluster = isClusterNode(info)
  if (hosts.length > 1 && !isCluster) {
    throw new Error(
      'The queue has several hosts in its address, but they are not a Redis Cluster: name one of them.',
    )
  }
  if (isCluster && login.db)
    throw new Error('A Redis Cluster has no numbered databases: leave the number out.')
  return isCluster
}

/** @returns what the server says of itself */
async function askServer(
  ioredis: IoRedis,
  { host, port }: { host: string; port: number },
  login: Settings,
): Promise<string> {
  const client = new ioredis.Redis({
    ...login,
    host,
    port,
    lazyConnect: true,
    // A server that still loads its data answers; it is looked at below.
    enableReadyCheck: false,
    connectTimeout: connectTimeoutMs,
    commandTimeout: connectTimeoutMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  })
  let trouble: unknown
  client.on('error', (error) => {
    trouble ??= error
  })
  try {
    await client.connect()
    const info = await client.info()
    // The client would go on with the first database when there is none of this number.
    if (login.db !== undefined && !isClusterNode(info)) await client.select(login.db)
    if (fieldOf(info, 'loading') === '1')
      throw new BrokerAwayError(`Redis at ${host}:${port} is loading its data`)
    assertPolicy(info, `${host}:${port}`)
    return info
  } catch (error) {
    throw refusalOf(trouble ?? error, `Redis at ${host}:${port}`)
  } finally {
    client.disconnect()
  }
}

const refusing = /^(WRONGPASS|NOAUTH|NOPERM|ERR)/

function refusalOf(error: unknown, server: string): Error {
  if (error instanceof BrokerAwayError || error instanceof EvictionError) return error
  const because = reason(error)
  const isFinal = refusing.test(because) || /certificate|SSL|TLS/i.test(because)
  return isFinal
    ? new Error(`${server} refuses us: ${because}`, { cause: error })
    : new BrokerAwayError(`${server} does not answer: ${because}`, { cause: error })
}

class EvictionError extends Error {
  override readonly name = 'EvictionError'
}

/** A Redis that may evict keys would lose parts of messages, and not whole ones. */
function assertPolicy(info: string, server: string): void {
  const policy = fieldOf(info, 'maxmemory_policy')
  if (policy === undefined || policy === 'noeviction') return
  throw new EvictionError(
    `Redis at ${server} has maxmemory-policy ${policy} and may throw parts of the queue away: set it to noeviction.`,
  )
}

async function assertNoEviction(cluster: Cluster): Promise<void> {
  const masters = cluster.nodes('master')
  await Promise.all(
    masters.map(async (node) => assertPolicy(await node.info(), `${node.options.host}:${node.options.port}`)),
  )
}

function isClusterNode(info: string): boolean {
  return fieldOf(info, 'redis_mode') === 'cluster'
}

function fieldOf(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]
}

/**
 * Between two attempts a client has no connection that could end and end the client with it, and would keep for ever
 * what it was asked. One attempt more, made after it was told to end, is its end whether it succeeds or not. A cluster's
 * client may come to that only after it was told to end, when the last of its nodes goes: so it is looked at until it has.
 * Its event tells that it has ended, not its status: each node that leaves after the first sets that back to `close`.
 */
async function end(client: Client): Promise<void> {
  let hasEnded = client.status === 'end'
  client.once('end', () => {
    hasEnded = true
  })
  const isStuck = () =>
    client.status === 'reconnecting' ||
    (client.status === 'disconnecting' && 'nodes' in client && client.nodes().length === 0)
  client.disconnect()
  for (let looks = 0; looks < endLooks && !hasEnded; looks += 1) {
    await wait(endLookMs)
    if (hasEnded || !isStuck()) continue
    client.once('ready', () => client.disconnect())
    client.connect().catch(() => {})
  }
}

async function whenReady(client: Client): Promise<void> {
  if (client.status === 'ready') return
  let trouble: unknown
  client.on('error', (error) => {
    trouble = error
  })
  try {
    await once(client, 'ready', { signal: AbortSignal.timeout(readyTimeoutMs) })
  } catch (error) {
    throw new BrokerAwayError(`Redis is not ready: ${reason(trouble ?? error)}`, { cause: error })
  }
}

/** One line when Redis is lost and one when it is back, however often a connection is tried. */
function tellLosses(client: Client, log: QueueLog, isClosing: () => boolean): void {
  let lost = false
  client.on('close', () => {
    if (isClosing()) return
    if (!lost) log.warn({}, 'The queue has lost its connection to Redis and keeps trying')
    lost = true
  })
  client.on('ready', () => {
    if (lost) log.info({}, 'The queue has its connection to Redis back')
    lost = false
  })
}
