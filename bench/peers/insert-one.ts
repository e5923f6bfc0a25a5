/** What the workers of both queues do with a job: one member's row. */
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { type contributionOf, contributions } from './usual-schema.ts'

export type Contribution = ReturnType<typeof contributionOf>

export function createInserter(url: string, concurrency: number) {
  const db = drizzle({ client: new pg.Pool({ connectionString: url, max: concurrency }) })
  let done = 0
  let wanted = Number.NaN
  const look = () => {
    if (done !== wanted) return
    done = 0
    wanted = Number.NaN
    process.send?.('done')
  }
  process.on('message', (jobs: number) => {
    wanted = jobs
    look()
  })
  return async (contribution: Contribution): Promise<void> => {
    // A job may come twice.
    await db.insert(contributions).values(contribution).onConflictDoNothing()
    done += 1
    look()
  }
}
