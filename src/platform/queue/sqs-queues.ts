import type { Message as Delivery, SQSClient } from '@aws-sdk/client-sqs'
import { parseBrokerUrl } from './broker-url.ts'
import { BrokerAwayError } from './queue.ts'

type Sdk = typeof import('@aws-sdk/client-sqs')

/** A client, and what it is to find. */
export interface Sqs extends Sdk {
  readonly client: SQSClient
  readonly region: string
  readonly workName: string
  readonly deadName: string
}

/** A message whose consumer has died comes again after so long; a living one asks for more in time. */
export const visibilityTimeoutS = 30
/** A message is not to blame for the process it was in: only one that was lost so often is a dead letter. */
const maxReceiveCount = 100
const workRetentionS = 4 * 24 * 3600
const deadRetentionS = 14 * 24 * 3600
const settleTimeoutMs = 10_000

/**
 * The login comes from where the AWS SDK looks for it: the environment, a profile, the role of the machine.
 *
 * @param url `sqs://region/queue`, with `?endpoint=http://…` for a server other than Amazon's
 */
export async function connectSqs(url: string): Promise<Sqs> {
  const { hosts, path, query } = parseBrokerUrl(url)
  const region = hosts[0]?.host ?? ''
  // The dead letters' queue has a longer name, and 80 characters are what SQS allows.
  if (path === undefined || !/^[\w-]{1,75}$/.test(path)) {
    throw new Error(
      'The address of an SQS queue is sqs://region/queue, e.g. sqs://eu-central-1/contributions.',
    )
  }
  const endpoint = query.get('endpoint')
  if (endpoint !== null && !URL.canParse(endpoint)) throw new Error('The endpoint of the queue is not a URL.')
  const sdk = await import('@aws-sdk/client-sqs')
  const client = new sdk.SQSClient({
    region,
    ...(endpoint !== null && { endpoint }),
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 30_000 },
  })
  return { ...sdk, client, region, workName: path, deadName: `${path}-dead` }
}

/** What can be asked of the two queues. */
export interface SqsQueues {
  readonly sqs: Sqs
  readonly workUrl: string
  readonly deadUrl: string
  receive(atMost: number, waitS: number, signal: AbortSignal): Promise<Delivery[]>
  remove(delivery: Delivery): Promise<void>
  /** Nobody is given the message for so long from now on. */
  hide(delivery: Delivery, seconds: number): Promise<void>
  /** Moves it to the dead letters: twice rather than never. */
  bury(delivery: Delivery): Promise<void>
  count(queueUrl: string): Promise<{ waiting: number; active: number; delayed: number }>
}

/** @throws BrokerAwayError, or Error when there are no such queues or they are not for us */
export async function openQueues(sqs: Sqs): Promise<SqsQueues> {
  const [workUrl, deadUrl] = await findQueues(sqs)
  const soon = () => ({ abortSignal: AbortSignal.timeout(settleTimeoutMs) })
  const remove = async ({ ReceiptHandle }: Delivery) => {
    await sqs.client.send(new sqs.DeleteMessageCommand({ QueueUrl: workUrl, ReceiptHandle }), soon())
  }
  return {
    sqs,
    workUrl,
    deadUrl,
    remove,
    async receive(atMost, waitS, signal) {
      const command = new sqs.ReceiveMessageCommand({
        QueueUrl: workUrl,
        MaxNumberOfMessages: atMost,
        WaitTimeSeconds: waitS,
        VisibilityTimeout: visibilityTimeoutS,
        MessageSystemAttributeNames: ['ApproximateReceiveCount'],
      })
      return (await sqs.client.send(command, { abortSignal: signal })).Messages ?? []
    },
    async hide({ ReceiptHandle }, VisibilityTimeout) {
      const input = { QueueUrl: workUrl, ReceiptHandle, VisibilityTimeout }
      await sqs.client.send(new sqs.ChangeMessageVisibilityCommand(input), soon())
    },
    async bury(delivery) {
      await sqs.client.send(
        new sqs.SendMessageCommand({ QueueUrl: deadUrl, MessageBody: delivery.Body ?? '' }),
        soon(),
      )
      await remove(delivery)
    },
    async count(queueUrl) {
      const command = new sqs.GetQueueAttributesCommand({
        QueueUrl: queueUrl,
        AttributeNames: [
          'ApproximateNumberOfMessages',
          'ApproximateNumberOfMessagesNotVisible',
          'ApproximateNumberOfMessagesDelayed',
        ],
      })
      const { Attributes: counts = {} } = await sqs.client.send(command, soon())
      return {
        waiting: Number(counts.ApproximateNumberOfMessages ?? 0),
        active: Number(counts.ApproximateNumberOfMessagesNotVisible ?? 0),
        delayed: Number(counts.ApproximateNumberOfMessagesDelayed ?? 0),
      }
    },
  }
}

/** Creates both queues, or sets those that are there right. Safe to run twice. */
export async function createSqsQueues(url: string): Promise<void> {
  const sqs = await connectSqs(url)
  try {
    const deadUrl = await create(sqs, sqs.deadName, { MessageRetentionPeriod: `${deadRetentionS}` })
    const asked = new sqs.GetQueueAttributesCommand({ QueueUrl: deadUrl, AttributeNames: ['QueueArn'] })
    const { Attributes: dead } = await sqs.client.send(asked)
    await create(sqs, sqs.workName, {
      MessageRetentionPeriod: `${workRetentionS}`,
      VisibilityTimeout: `${visibilityTimeoutS}`,
      ReceiveMessageWaitTimeSeconds: '20',
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead?.QueueArn, maxReceiveCount }),
    })
  } catch (error) {
    throw refusalOf(sqs, error)
  } finally {
    sqs.client.destroy()
  }
}

async function create(sqs: Sqs, name: string, attributes: Record<string, string>): Promise<string> {
  const command = new sqs.CreateQueueCommand({ QueueName: name, Attributes: attributes })
  try {
    return (await sqs.client.send(command)).QueueUrl ?? ''
  } catch (error) {
    // It is there, and is other than we need it.
    if (!(error instanceof sqs.QueueNameExists)) throw error
    const queueUrl = await urlOf(sqs, name)
    await sqs.client.send(new sqs.SetQueueAttributesCommand({ QueueUrl: queueUrl, Attributes: attributes }))
    return queueUrl
  }
}

async function findQueues(sqs: Sqs): Promise<[string, string]> {
  try {
    return [await urlOf(sqs, sqs.workName), await urlOf(sqs, sqs.deadName)]
  } catch (error) {
    sqs.client.destroy()
    throw refusalOf(sqs, error)
  }
}

async function urlOf(sqs: Sqs, name: string): Promise<string> {
  try {
    return (await sqs.client.send(new sqs.GetQueueUrlCommand({ QueueName: name }))).QueueUrl ?? ''
  } catch (error) {
    if (!(error instanceof sqs.QueueDoesNotExist)) throw error
    throw new Error(
      `There is no SQS queue "${name}" in ${sqs.region}: "almoner migrate --create-queues" creates it.`,
      { cause: error },
    )
  }
}

function refusalOf(sqs: Sqs, error: unknown): Error {
  if (error instanceof sqs.SQSServiceException) {
    // What Amazon has trouble with may pass; a login that it does not know will not.
    const kind = error.$fault === 'server' ? BrokerAwayError : Error
    return new kind(`SQS in ${sqs.region} refuses us: ${error.message || error.name}`, { cause: error })
  }
  const { name, message, code } = error as Error & { code?: string }
  if (name === 'CredentialsProviderError') {
    return new Error(`There is no login for SQS in ${sqs.region}: ${message}`, { cause: error })
  }
  if (code === undefined && name === 'Error') return error as Error
  return new BrokerAwayError(`SQS in ${sqs.region} does not answer: ${message || code}`, { cause: error })
}
