import PgBoss from 'pg-boss'
import { type Contribution, createInserter } from './insert-one.ts'

const [databaseUrl] = process.argv.slice(2) as [string]
const insertOne = createInserter(databaseUrl, 20)
const boss = new PgBoss(databaseUrl)
boss.on('error', (error) => process.stderr.write(`${error.message}\n`))
await boss.start()
// It asks at most twice a second, so the batch is what bounds it: large enough that it never waits for the clock.
await boss.work<Contribution>(
  'contributions',
  { batchSize: 2000, pollingIntervalSeconds: 0.5 },
  async (jobs) => {
    await Promise.all(jobs.map(({ data }) => insertOne(data)))
  },
)
process.send?.('ready')
