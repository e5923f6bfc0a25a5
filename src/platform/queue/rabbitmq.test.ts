import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCertificate } from '../../../test/support/brokers/certificate.ts'
import { freePort } from '../../../test/support/brokers/free-port.ts'
import { findCommand } from '../../../test/support/brokers/needs.ts'
import {
  type RabbitServer,
  rabbitNeeds,
  startRabbitServer,
} from '../../../test/support/brokers/rabbitmq-server.ts'
import { queueContract, startContractChild } from './queue.contract.ts'
import { openRabbitQueue } from './rabbitmq.ts'

const missing = findCommand('rabbitmq-server') ? '' : ` (${rabbitNeeds})`
const silent = { info() {}, warn() {} }
const queues = ['', '.retry.2s', '.retry.4s', '.dead'].map((suffix) => `contributions${suffix}`)

describe.skipIf(missing)(`RabbitMQ${missing}`, () => {
  let shared: RabbitServer
  beforeAll(async () => {
    shared = await startRabbitServer()
  })
  afterAll(() => shared.stop())

  const deleteQueues = () =>
    shared.use(async (connection) => {
      const channel = await connection.createChannel()
      for (const queue of queues) await channel.deleteQueue(queue)
    })

  const brokerOn = (server: RabbitServer) => ({
    ...server,
    open: (log: typeof silent) => openRabbitQueue({ url: server.url, log }),
    poison: () =>
      server.use(async (connection) => {
        const channel = await connection.createConfirmChannel()
        await channel.checkQueue('contributions')
        channel.sendToQueue('contributions', Buffer.from('{"name":"advance-job","id":'))
        await channel.waitForConfirms()
      }),
    interrupt: () => server.control('close_all_connections', 'a test'),
    tearDown: server.stop,
  })

  queueContract(
    'RabbitMQ',
    async () => {
      await deleteQueues()
      return { ...brokerOn(shared), tearDown: async () => {} }
    },
    async () => brokerOn(await startRabbitServer()),
  )

  describe('opening the queue on RabbitMQ', () => {
    const opening = (url: string) => openRabbitQueue({ url, log: silent })
    const port = () => new URL(shared.url).port

    test('no server there: it is waited for', async () => {
      await expect(opening('amqp://127.0.0.1:1,127.0.0.1:2')).rejects.toMatchObject({
        name: 'BrokerAwayError',
        message: 'RabbitMQ at 127.0.0.1:2 does not answer: connect ECONNREFUSED 127.0.0.1:2',
      })
    })

    test('an unreachable host is skipped', async () => {
      const queue = await opening(`amqp://127.0.0.1:1,127.0.0.1:${port()}`)
      await queue.send([{ name: 'token', id: '1' }])
      await queue.close()
    })

    test.each([
      ['a wrong login', 'guest:wrong-secret@', '', '403'],
      ['a virtual host that does not exist', '', '/nowhere', 'no virtual host "nowhere"'],
    ])('%s is refused at once, without the password in the sentence', async (_what, login, vhost, code) => {
      const refusal = await opening(`amqp://${login}127.0.0.1:${port()}${vhost}`).catch(
        (error: Error) => error,
      )
      expect(refusal).toMatchObject({ name: 'Error' })
      expect((refusal as Error).message).toMatch(
        new RegExp(`^RabbitMQ at 127.0.0.1:${port()} refuses us: .*${code}`),
      )
      expect((refusal as Error).message).not.toContain('secret')
    })

    test('an existing queue with other settings is refused, and not changed', async () => {
      await deleteQueues()
      await shared.use(async (connection) => {
        const channel = await connection.createChannel()
        await channel.assertQueue('contributions', { durable: true })
      })
      await expect(opening(shared.url)).rejects.toThrow(
        /^RabbitMQ does not let us have the queue "contributions": .*PRECONDITION_FAILED/,
      )
      await deleteQueues()
    })

    test('amqps: uses TLS, and trusts the same authorities as Node', async () => {
      const certificate = await makeCertificate()
      const tlsPort = await freePort()
      const server = await startRabbitServer([
        `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
        `ssl_options.cacertfile = ${certificate.certificatePath}`,
        `ssl_options.certfile = ${certificate.certificatePath}`,
        `ssl_options.keyfile = ${certificate.keyPath}`,
      ])
      const url = `amqps://localhost:${tlsPort}`
      try {
        await expect(opening(url)).rejects.toMatchObject({
          name: 'Error',
          message: expect.stringMatching(/refuses us: .*certificate/),
        })
        const child = startContractChild('send', url, { NODE_EXTRA_CA_CERTS: certificate.certificatePath })
        expect(await once(child, 'exit')).toEqual([null, 'SIGKILL'])
        const queue = await opening(server.url)
        expect(await queue.depth()).toMatchObject({ waiting: 1 })
        await queue.close()
      } finally {
        await server.stop()
        await certificate.remove()
      }
    })
  })

  test('queues that are deleted under a consumer are declared again, and it continues', async () => {
    const queue = await openRabbitQueue({ url: shared.url, log: silent })
    const sender = await openRabbitQueue({ url: shared.url, log: silent })
    try {
      const taken = new Set<string>()
      await queue.consume(async ({ id }) => void taken.add(id), { concurrency: 2 })
      await deleteQueues()
      const takesAgain = async () => {
        await sender.send([{ name: 'token', id: 'after' }]).catch(() => {})
        return taken.has('after')
      }
      await expect.poll(takesAgain, { timeout: 20_000 }).toBe(true)
    } finally {
      await queue.close()
      await sender.close()
    }
  })

  test('sending to a missing queue fails, and the queue is declared again', async () => {
    const queue = await openRabbitQueue({ url: shared.url, log: silent })
    try {
      await deleteQueues()
      await expect(queue.send([{ name: 'token', id: '1' }])).rejects.toThrow('no queue "contributions"')
      await queue.send([{ name: 'token', id: '2' }])
      expect(await queue.depth()).toMatchObject({ waiting: 1 })
    } finally {
      await queue.close()
    }
  })
})
