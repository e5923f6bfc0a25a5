import type { Queue } from './queue.ts'

/**
 * A process for the contract to lose. It opens the queue that its environment names (`childEnv` of the driver's
 * tests) and either sends one message and is gone in the instant in which it was told that this is stored, or
 * takes one message and holds it until it is killed.
 */
const drivers: Record<string, (url: string) => Promise<Queue>> = {
  postgres: async (url) => (await import('./bullmq.ts')).openPostgresQueue({ url }),
}

const open = drivers[process.env.QUEUE_CONTRACT_DRIVER ?? '']
if (open === undefined) throw new Error('QUEUE_CONTRACT_DRIVER names no driver')
const queue = await open(process.env.QUEUE_CONTRACT_URL ?? '')

if (process.argv[2] === 'send') {
  await queue.send([{ name: 'token', id: 'of-the-killed' }])
  process.kill(process.pid, 'SIGKILL')
} else {
  const hold = async () => {
    process.send?.('taken')
    await new Promise<never>(() => {})
  }
  await queue.consume(hold, { concurrency: 1 })
}
