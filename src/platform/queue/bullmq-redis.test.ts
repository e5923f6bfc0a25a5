import { once } from 'node:events'
import { Queue } from 'bullmq'
import { Cluster, Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCertificate } from '../../../test/support/brokers/certificate.ts'
import { freePort } from '../../../test/support/brokers/free-port.ts'
import { findCommand } from '../../../test/support/brokers/needs.ts'
import {
  type RedisCluster,
  type RedisServer,
  redisNeeds,
  startRedisCluster,
  startRedisServer,
} from '../../../test/support/brokers/redis-server.ts'
import { bullMqContract } from './bullmq.contract.ts'
import { openRedisQueue } from './bullmq-redis.ts'
import { queueContract, startContractChild } from './queue.contract.ts'

const missing = findCommand('redis-server') ? '' : ` (${redisNeeds})`
const silent = { info() {}, warn() {} }

/** A job such as any other user of BullMQ may add. */
async function poison(connection: Redis | Cluster): Promise<void> {
  const queue = new Queue('contributions', { connection, prefix: '{almoner}' })
  await queue.add('advance-job', { jobId: 7 }, { attempts: 3 })
  await queue.close()
  connection.disconnect()
}

describe.skipIf(missing)(`Redis${missing}`, () => {
  let shared: RedisServer
  beforeAll(async () => {
    shared = await startRedisServer()
  })
  afterAll(() => shared.stop())

  const brokerOn = (server: RedisServer) => ({
    ...server,
    open: (log: typeof silent) => openRedisQueue({ url: server.url, log }),
    poison: () => poison(new Redis(server.port)),
    interrupt: async () => {
      await server.ask('CLIENT', 'KILL', 'TYPE', 'normal')
    },
    tearDown: server.stop,
  })

  queueContract(
    'Redis',
    async () => {
      await shared.empty()
      return { ...brokerOn(shared), tearDown: async () => {} }
    },
    async () => brokerOn(await startRedisServer()),
  )
  bullMqContract('Redis', async () => {
    await shared.empty()
    return { open: () => openRedisQueue({ url: shared.url, log: silent }), tearDown: async () => {} }
  })

  test('a consumer whose Redis is flushed goes on with what is sent then', async () => {
    const queue = await openRedisQueue({ url: shared.url, log: silent })
    try {
      const taken = new Set<string>()
      await queue.consume(async ({ id }) => void taken.add(id), { concurrency: 2 })
      await queue.send([{ name: 'token', id: 'before' }])
      await expect.poll(() => taken).toContain('before')
      await shared.empty()
      await queue.send([{ name: 'token', id: 'after' }])
      // It may be waiting on a key that is gone, until its blocking call ends.
      await expect.poll(() => taken, { timeout: 20_000 }).toContain('after')
    } finally {
      await queue.close()
    }
  })
})

describe.skipIf(missing)(`Redis Cluster${missing}`, () => {
  let shared: RedisCluster
  beforeAll(async () => {
    shared = await startRedisCluster()
  })
  afterAll(() => shared.stop())

  const brokerOn = (cluster: RedisCluster) => ({
    ...cluster,
    open: (log: typeof silent) => openRedisQueue({ url: cluster.url, log }),
    poison: () => poison(new Cluster(cluster.nodes.map(({ port }) => ({ port, host: '127.0.0.1' })))),
    interrupt: async () => {
      await Promise.all(cluster.nodes.map((node) => node.ask('CLIENT', 'KILL', 'TYPE', 'normal')))
    },
    tearDown: cluster.stop,
  })

  queueContract(
    'Redis Cluster',
    async () => {
      await shared.empty()
      return { ...brokerOn(shared), tearDown: async () => {} }
    },
    async () => brokerOn(await startRedisCluster()),
  )
  bullMqContract('Redis Cluster', async () => {
    await shared.empty()
    return { open: () => openRedisQueue({ url: shared.url, log: silent }), tearDown: async () => {} }
  })
})

describe.skipIf(missing)(`opening the queue on Redis${missing}`, () => {
  /** What opening it says; the server is gone afterwards. */
  async function refusalOf(
    broker: { readonly url: string; stop(): Promise<void> },
    url = broker.url,
  ): Promise<Error> {
    try {
      return await openRedisQueue({ url, log: silent }).then(
        () => new Error('it was opened'),
        (error: Error) => error,
      )
    } finally {
      await broker.stop()
    }
  }
  const onHost = (server: RedisServer, login: string, path = '') =>
    `redis://${login}127.0.0.1:${server.port}${path}`

  test('no server there: it is waited for', async () => {
    for (const url of ['redis://127.0.0.1:1', 'redis://127.0.0.1:1,127.0.0.1:2']) {
      await expect(openRedisQueue({ url, log: silent })).rejects.toMatchObject({
        name: 'BrokerAwayError',
        message: 'Redis at 127.0.0.1:1 does not answer: connect ECONNREFUSED 127.0.0.1:1',
      })
    }
  })

  test('a login that is wrong or missing is refused, without the password in the sentence', async () => {
    for (const [login, because] of [
      ['', 'NOAUTH'],
      [':wrong-secret@', 'WRONGPASS'],
      ['nobody:wrong-secret@', 'WRONGPASS'],
    ] as const) {
      const server = await startRedisServer({ requirepass: 'right' })
      const refusal = await refusalOf(server, onHost(server, login))
      expect(refusal).toMatchObject({ name: 'Error' })
      expect(refusal.message).toMatch(new RegExp(`^Redis at 127.0.0.1:${server.port} refuses us: ${because}`))
      expect(refusal.message).not.toContain('secret')
    }
  })

  test('a right login is accepted, also with special characters of URLs', async () => {
    const server = await startRedisServer({ requirepass: 'p@ss/w%rd' })
    try {
      const queue = await openRedisQueue({ url: onHost(server, ':p%40ss%2Fw%25rd@', '/3'), log: silent })
      await queue.send([{ name: 'token', id: '1' }])
      await queue.close()
      expect(await server.ask('INFO', 'keyspace')).toMatch(/db3:keys=/)
    } finally {
      await server.stop()
    }
  })

  test('a Redis that may evict keys is refused', async () => {
    const server = await startRedisServer({ 'maxmemory-policy': 'allkeys-lru' })
    expect((await refusalOf(server)).message).toBe(
      `Redis at 127.0.0.1:${server.port} has maxmemory-policy allkeys-lru and may throw parts of the queue away: set it to noeviction.`,
    )
  })

  test('a database that is not a number is refused', async () => {
    const server = await startRedisServer()
    expect((await refusalOf(server, onHost(server, '', '/main'))).message).toBe(
      '"main" in the address of the queue is not the number of a Redis database.',
    )
  })

  test('a database that the server does not have is refused', async () => {
    const server = await startRedisServer({ databases: '2' })
    expect((await refusalOf(server, onHost(server, '', '/5'))).message).toMatch(/refuses us: .*out of range/)
  })

  test('rediss: uses TLS, and trusts the same authorities as Node', async () => {
    const certificate = await makeCertificate()
    const port = await freePort()
    const server = await startRedisServer({
      'tls-port': `${port}`,
      'tls-cert-file': certificate.certificatePath,
      'tls-key-file': certificate.keyPath,
      'tls-ca-cert-file': certificate.certificatePath,
      'tls-auth-clients': 'no',
    })
    const url = `rediss://localhost:${port}`
    try {
      await expect(openRedisQueue({ url, log: silent })).rejects.toMatchObject({
        name: 'Error',
        message: expect.stringMatching(/refuses us: .*certificate/),
      })
      const child = startContractChild('send', url, {
        NODE_EXTRA_CA_CERTS: certificate.certificatePath,
      })
      expect(await once(child, 'exit')).toEqual([null, 'SIGKILL'])
      const queue = await openRedisQueue({ url: server.url, log: silent })
      expect(await queue.depth()).toMatchObject({ waiting: 1 })
      await queue.close()
    } finally {
      await server.stop()
      await certificate.remove()
    }
  })

  test('servers that are not a cluster are refused when they are named as one', async () => {
    const [one, other] = [await startRedisServer(), await startRedisServer()]
    const refusal = await refusalOf(one, `${one.url},127.0.0.1:${other.port}`)
    await other.stop()
    expect(refusal.message).toMatch(/not a Redis Cluster: name one of them/)
  })

  test('one host of a cluster is enough, even if another named host is unreachable', async () => {
    const cluster = await startRedisCluster()
    try {
      const [node] = cluster.nodes as [RedisServer]
      for (const url of [node.url, `redis://127.0.0.1:1,127.0.0.1:${node.port}`]) {
        const queue = await openRedisQueue({ url, log: silent })
        await queue.send([{ name: 'token', id: '1' }])
        await queue.close()
      }
      await expect(openRedisQueue({ url: `${node.url}/2`, log: silent })).rejects.toThrow(
        /leave the number out/,
      )
      await cluster.nodes[2]?.ask('CONFIG', 'SET', 'maxmemory-policy', 'volatile-ttl')
      await expect(openRedisQueue({ url: node.url, log: silent })).rejects.toThrow(
        new RegExp(`127.0.0.1:${cluster.nodes[2]?.port} has maxmemory-policy volatile-ttl`),
      )
    } finally {
      await cluster.stop()
    }
  })
})

describe.skipIf(missing)(`a queue whose Redis is away${missing}`, () => {
  test('is still stopped and closed, and says once that the connection is lost', async () => {
    const server = await startRedisServer()
    const lines: string[] = []
    const note = (_fields: object, line: string) => lines.push(line)
    const queue = await openRedisQueue({ url: server.url, log: { info: note, warn: note } })
    let taken = () => {}
    const inHand = new Promise<void>((resolve) => {
      taken = resolve
    })
    const consumer = await queue.consume(
      async (_message, { signal }) => {
        taken()
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
      },
      { concurrency: 2 },
    )
    await queue.send([{ name: 'token', id: '1' }])
    await inHand
    await server.kill()
    await expect(queue.send([{ name: 'token', id: '2' }])).rejects.toThrow()
    await consumer.stop()
    await queue.close()
    await server.stop()
    expect(lines.filter((line) => line.includes('lost its connection'))).toHaveLength(1)
    expect(lines.length).toBeLessThan(10)
  })
})
