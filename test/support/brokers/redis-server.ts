import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { RunningBroker } from './brokers.ts'
import { freePort } from './free-port.ts'

export const redisNeeds = 'needs redis-server: apt install redis-server'

const giveUpMs = 20_000
const host = '127.0.0.1'

export interface RedisServer extends RunningBroker {
  readonly port: number
  /** Asks the server as an operator would. */
  ask(command: string, ...args: string[]): Promise<unknown>
}

/**
 * A Redis of its own that has stored each write before it answers.
 *
 * @param settings more of redis-server's own, e.g. `{ requirepass: 'secret' }`
 */
export async function startRedisServer(
  settings: Readonly<Record<string, string>> = {},
): Promise<RedisServer> {
  const directory = await mkdtemp(path.join(tmpdir(), 'almoner-redis-'))
  const port = await freePort()
  const all = {
    port: `${port}`,
    bind: host,
    dir: directory,
    appendonly: 'yes',
    appendfsync: 'always',
    save: '',
    'maxmemory-policy': 'noeviction',
    ...settings,
  }
  const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])
  let child: ChildProcess

  const ask = async (command: string, ...rest: string[]) => {
    const client = new Redis({
      port,
      host,
      password: settings.requirepass ?? '',
      lazyConnect: true,
      retryStrategy: null,
    })
    client.on('error', () => {})
    try {
      await client.connect()
      return await client.call(command, ...rest)
    } finally {
      client.disconnect()
    }
  }
  const startAgain = async () => {
    child = spawn('redis-server', args, { stdio: 'ignore' })
    const giveUpAt = Date.now() + giveUpMs
    // It refuses to be asked while it reads what it has stored.
    while ((await ask('PING').catch(() => undefined)) !== 'PONG') {
      if (Date.now() > giveUpAt) throw new Error(`redis-server ${args.join(' ')} does not answer`)
      await wait(50)
    }
  }
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  await startAgain()
  return {
    port,
    url: `redis://${host}:${port}`,
    ask,
    kill,
    async signal(signal) {
      child.kill(signal)
    },
    startAgain,
    async empty() {
      await ask('FLUSHALL')
    },
    async stop() {
      await kill()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

const slots = 16_384

export interface RedisCluster extends RunningBroker {
  readonly nodes: readonly RedisServer[]
}

/** A Redis Cluster of three masters. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const settings = {
    'cluster-enabled': 'yes',
    'cluster-node-timeout': '5000',
    'cluster-require-full-coverage': 'yes',
  }
  const nodes = await Promise.all([1, 2, 3].map(() => startRedisServer(settings)))
  const [first] = nodes as [RedisServer]
  const everyNode = async (act: (node: RedisServer) => Promise<unknown>) => {
    await Promise.all(nodes.map(act))
  }
  const untilWhole = async () => {
    const giveUpAt = Date.now() + giveUpMs
    const isWhole = async (node: RedisServer) => {
      const info = String(await node.ask('CLUSTER', 'INFO').catch(() => ''))
      return /cluster_state:ok/.test(info) && /cluster_known_nodes:3/.test(info)
    }
    while (!(await Promise.all(nodes.map(isWhole))).every(Boolean)) {
      if (Date.now() > giveUpAt) throw new Error('the Redis Cluster does not come together')
      await wait(50)
    }
  }
  for (const [index, node] of nodes.entries()) {
    const from = Math.ceil((index * slots) / nodes.length)
    const to = Math.ceil(((index + 1) * slots) / nodes.length) - 1
    await node.ask('CLUSTER', 'ADDSLOTSRANGE', `${from}`, `${to}`)
    await node.ask('CLUSTER', 'SET-CONFIG-EPOCH', `${index + 1}`)
    if (node !== first) await node.ask('CLUSTER', 'MEET', host, `${first.port}`)
  }
  await untilWhole()
  return {
    nodes,
    url: `redis://${nodes.map(({ port }) => `${host}:${port}`).join(',')}`,
    empty: () => everyNode((node) => node.ask('FLUSHALL')),
    kill: () => everyNode((node) => node.kill()),
    signal: (signal) => everyNode((node) => node.signal(signal)),
    async startAgain() {
      await everyNode((node) => node.startAgain())
      await untilWhole()
    },
    stop: () => everyNode((node) => node.stop()),
  }
}
