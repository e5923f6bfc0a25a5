// A process for the contract to lose. It opens the queue that QUEUE_URL names and does one of these:
// - send: sends one message, and is gone in the instant in which it was told that this is stored
// - hold: takes one message, and holds it until it is killed
// - leave: consumes until it is told to leave, and then has nothing left that keeps it
// It is JavaScript, run by tsx: what it imports is the source.
import { openQueue } from './open-queue.ts'

const queue = await openQueue({ url: process.env.QUEUE_URL ?? '', log: { info() {}, warn() {} } })

if (process.argv[2] === 'send') {
  await queue.send([{ name: 'token', id: 'of-the-killed' }])
  process.kill(process.pid, 'SIGKILL')
} else if (process.argv[2] === 'hold') {
  const hold = async () => {
    process.send?.('taken')
    await new Promise(() => {})
  }
  await queue.consume(hold, { concurrency: 1 })
} else {
  await queue.consume(async () => {}, { concurrency: 1 })
  process.once('message', async () => {
    process.disconnect()
    await queue.close()
  })
  process.send?.('consuming')
}
