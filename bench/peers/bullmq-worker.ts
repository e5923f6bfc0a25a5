import { Worker } from 'bullmq'
import { type Contribution, createInserter } from './insert-one.ts'

const [redisUrl, databaseUrl] = process.argv.slice(2) as [string, string]
const concurrency = 50
const insertOne = createInserter(databaseUrl, 20)
const worker = new Worker<Contribution>('contributions', ({ data }) => insertOne(data), {
  connection: { url: redisUrl, maxRetriesPerRequest: null },
  concurrency,
})
await worker.waitUntilReady()
process.send?.('ready')
