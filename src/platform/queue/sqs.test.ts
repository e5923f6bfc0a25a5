import { GetQueueAttributesCommand, SendMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SqsServer, startSqsServer } from '../../../test/support/brokers/sqs-server.ts'
import { queueContract } from './queue.contract.ts'
import { openSqsQueue } from './sqs.ts'
import { createSqsQueues } from './sqs-queues.ts'

const silent = { info() {}, warn() {} }

let shared: SqsServer
beforeAll(async () => {
  shared = await startSqsServer()
})
afterAll(() => shared.stop())

const brokerOn = (server: SqsServer) => ({
  ...server,
  forgets: true,
  open: (log: typeof silent) => openSqsQueue({ url: server.url, log }),
  async poison() {
    const QueueUrl = await server.queueUrl('contributions')
    await server.client.send(new SendMessageCommand({ QueueUrl, MessageBody: '{"name":"advance-job","id":' }))
  },
  async interrupt() {
    await server.kill()
    await server.startAgain()
  },
  tearDown: server.stop,
})

// A queue of its own for each test is a server of its own: what a test leaves in flight would come back in the next.
const setUp = async () => brokerOn(await startSqsServer())
queueContract('SQS', setUp, setUp)

describe('opening the queue on SQS', () => {
  const opening = (url: string) => openSqsQueue({ url, log: silent })

  test('no server there: it is waited for', async () => {
    await expect(
      opening('sqs://eu-central-1/contributions?endpoint=http://127.0.0.1:1'),
    ).rejects.toMatchObject({
      name: 'BrokerAwayError',
      message: expect.stringMatching(/^SQS in eu-central-1 does not answer: .*ECONNREFUSED/),
    })
  })

  test('a missing queue is refused, with how to create it', async () => {
    const url = shared.url.replace('/contributions', '/elsewhere')
    await expect(opening(url)).rejects.toThrow(
      'There is no SQS queue "elsewhere" in eu-central-1: "almoner migrate --create-queues" creates it.',
    )
    await createSqsQueues(url)
    await createSqsQueues(url)
    const queue = await opening(url)
    expect(await queue.depth()).toEqual({ waiting: 0, active: 0, delayed: 0, dead: 0 })
    await queue.close()
  })

  test('an address without a name that SQS allows is refused', async () => {
    for (const name of ['', '/', '/two/names', `/${'x'.repeat(76)}`]) {
      await expect(opening(`sqs://eu-central-1${name}`)).rejects.toThrow(
        /^The address of an SQS queue is sqs:\/\/region\/queue/,
      )
    }
  })

  test('its queues hand failed messages to the dead letters, and show a lost message again after 30 s', async () => {
    const attributesOf = async (name: string) => {
      const command = new GetQueueAttributesCommand({
        QueueUrl: await shared.queueUrl(name),
        AttributeNames: ['All'],
      })
      return (await shared.client.send(command)).Attributes ?? {}
    }
    const [work, dead] = [await attributesOf('contributions'), await attributesOf('contributions-dead')]
    expect(work).toMatchObject({ VisibilityTimeout: '30', ReceiveMessageWaitTimeSeconds: '20' })
    expect(JSON.parse(work.RedrivePolicy ?? '')).toEqual({
      deadLetterTargetArn: dead.QueueArn,
      maxReceiveCount: 100,
    })
  })
})
