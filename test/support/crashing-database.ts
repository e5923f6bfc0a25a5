import { CamelCasePlugin, Kysely, PostgresDialect, type PostgresPoolClient } from 'kysely'
import type pg from 'pg'
import type { Db } from '../../src/platform/database/connect.ts'
import type { DB } from '../../src/platform/database/schema.ts'

/**
 * The same database over connections that are cut before or after a statement whenever `crashNow` says so: what was
 * committed is committed, what was not is rolled back, and who was at work never learns which. To the database that
 * is what killing the process looks like.
 */
export function crashingDatabase(pool: pg.Pool, crashNow: () => boolean): Db {
  async function connect(): Promise<PostgresPoolClient> {
    const client = await pool.connect()
    let cut = false
    const crash = (): never => {
      cut = true
      client.connection.stream.destroy()
      throw new Error('Connection terminated unexpectedly')
    }
    return {
      async query(...args: unknown[]) {
        if (cut || crashNow()) crash()
        const result = await (client.query as (...args: unknown[]) => Promise<unknown>)(...args)
        if (crashNow()) crash()
        return result
      },
      release: () => client.release(cut),
    } as PostgresPoolClient
  }
  return new Kysely<DB>({
    dialect: new PostgresDialect({ pool: { connect, end: async () => {} } }),
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
  })
}
