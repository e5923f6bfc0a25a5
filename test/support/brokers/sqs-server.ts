import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { GetQueueUrlCommand, PurgeQueueCommand, SQSClient } from '@aws-sdk/client-sqs'
import { createSqsQueues } from '../../../src/platform/queue/sqs-queues.ts'
import type { RunningBroker } from './brokers.ts'
import { freePort } from './free-port.ts'

const giveUpMs = 20_000
const region = 'eu-central-1'
const fauxqs = fileURLToPath(new URL('cli.js', import.meta.resolve('fauxqs')))

/** A login that the local server takes: it takes any. */
const env = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' }

export interface SqsServer extends RunningBroker {
  readonly client: SQSClient
  readonly env: Readonly<Record<string, string>>
  queueUrl(name: string): Promise<string>
}

/** A local server that speaks SQS. Amazon's keeps its messages; this one forgets all when it is killed. */
export async function startSqsServer(): Promise<SqsServer> {
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  const url = `sqs://${region}/contributions?endpoint=${endpoint}`
  const client = new SQSClient({
    region,
    endpoint,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  })
  const queueUrl = async (name: string) => {
    const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: name }))
    if (QueueUrl === undefined) throw new Error(`there is no queue ${name}`)
    return QueueUrl
  }
  let child: ChildProcess
  Object.assign(process.env, env)

  const startAgain = async () => {
    child = spawn(process.execPath, [fauxqs], {
      env: { FAUXQS_PORT: `${port}`, FAUXQS_LOGGER: 'false', FAUXQS_DEFAULT_REGION: region },
      stdio: 'ignore',
    })
    const giveUpAt = Date.now() + giveUpMs
    for (;;) {
      try {
        await createSqsQueues(url)
        return
      } catch (error) {
        if (Date.now() > giveUpAt) throw error
        await wait(50)
      }
    }
  }
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  await startAgain()
  return {
    url,
    env,
    client,
    queueUrl,
    kill,
    async signal(signal) {
      child.kill(signal)
    },
    startAgain,
    async empty() {
      for (const name of ['contributions', 'contributions-dead']) {
        await client.send(new PurgeQueueCommand({ QueueUrl: await queueUrl(name) }))
      }
    },
    async stop() {
      client.destroy()
      await kill()
    },
  }
}
