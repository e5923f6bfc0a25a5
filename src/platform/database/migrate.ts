import { readdir } from 'node:fs/promises'
import path from 'node:path'
import pg from 'pg'
import { packageRoot } from '../package-root.ts'
import { connectionOptions } from './connect.ts'

const migrationsDir = path.join(packageRoot, 'migrations')

/** Any fixed number, so that processes that start together migrate one after the other. */
const migrationLock = 72_310_001

/**
 * Brings the schema up to date and returns the names of the migrations that were run. All of them run in one
 * transaction; processes that start together wait for the first and then find nothing to do.
 *
 * @throws the PostgreSQL error of a migration that failed; nothing of it is kept
 */
export async function migrate(url: string): Promise<string[]> {
  // A migration may take long; only the workers' statements have a time limit.
  const client = new pg.Client({ ...connectionOptions(url, 'almoner migrate'), statement_timeout: 0 })
  await client.connect()
  try {
    // The runner's own lock is tried once and then fails; this one waits.
    await client.query('select pg_advisory_lock($1)', [migrationLock])
    if (await isUpToDate(client)) return []
    // Loaded only when there is something to do, because every process runs this.
    const { runner } = await import('node-pg-migrate')
    // For a fund from before 0021, which stored amounts with the decimals that the runtime used.
    await client.query(`select set_config('almoner.currency_exponents', $1, false)`, [
      JSON.stringify(shownDecimals()),
    ])
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

/** Whether exactly the known migrations were run; otherwise the runner says what is wrong. */
async function isUpToDate(client: pg.Client): Promise<boolean> {
  const { rows: found } = await client.query(`select to_regclass('schema_migrations') as relation`)
  if (found[0]?.relation === null) return false
  const { rows } = await client.query<{ name: string }>('select name from schema_migrations order by name')
  const files = (await readdir(migrationsDir)).filter((name) => name.endsWith('.sql')).toSorted()
  return rows.map(({ name }) => `${name}.sql`).join() === files.join()
}

function shownDecimals(): Record<string, number | undefined> {
  const decimalsOf = (currency: string) =>
    new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits
  return Object.fromEntries(Intl.supportedValuesOf('currency').map((code) => [code, decimalsOf(code)]))
}
