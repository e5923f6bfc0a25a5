import { fileURLToPath } from 'node:url'
import { runner } from 'node-pg-migrate'
import pg from 'pg'
import { connectionOptions } from './connect.ts'

const migrationsDir = fileURLToPath(new URL('../../../migrations', import.meta.url))

/** Any fixed number, so that processes that start together migrate one after the other. */
const migrationLock = 72_310_001

/**
 * Brings the schema up to date and returns the names of the migrations that were run. All of them run in one
 * transaction; processes that start together wait for the first and then find nothing to do.
 *
 * @throws the PostgreSQL error of a migration that failed; nothing of it is kept
 */
export async function migrate(url: string): Promise<string[]> {
  // A migration may take its time; only the workers' statements are bounded.
  const client = new pg.Client({ ...connectionOptions(url, 'almoner migrate'), statement_timeout: 0 })
  await client.connect()
  try {
    // The runner's own lock is tried once and then fails; this one waits.
    await client.query('select pg_advisory_lock($1)', [migrationLock])
    const run = await runner({
      dbClient: client,
      dir: migrationsDir,
      direction: 'up',
      migrationsTable: 'schema_migrations',
      noLock: true,
      log: () => {},
    })
    return run.map((migration) => migration.name)
  } finally {
    await client.end()
  }
}
