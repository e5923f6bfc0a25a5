import { CamelCasePlugin, Kysely, PostgresDialect, type Transaction } from 'kysely'
import pg from 'pg'
import type { DB } from './schema.ts'

/** A pool of connections, or one transaction on it: statements take either. */
export type Db = Kysely<DB>
export type Tx = Transaction<DB>

export interface Database {
  readonly db: Db
  readonly pool: pg.Pool
  readonly url: string
  close(): Promise<void>
}

const int8 = 20
const date = 1082
const timestamptz = 1184

/**
 * An int8 as a number. Amounts and counts here are safe integers; one that is not is a bug, and a wrong amount
 * must not pass as a right one.
 */
function parseInt8(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is beyond the safe integers`)
  return value
}

/**
 * An instant as RFC 3339 text with all six decimals. A JavaScript Date would drop the microseconds, and
 * "who was in standing at this instant" would then be asked of another instant.
 */
function parseTimestamptz(text: string): string {
  return text.replace(' ', 'T').replace(/\+00$/, 'Z')
}

const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  [int8]: parseInt8,
  [date]: (text) => text,
  [timestamptz]: parseTimestamptz,
}

const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    (format === 'binary' ? undefined : parsers[oid]) ?? pg.types.getTypeParser(oid, format),
}

/** The options of every connection of Almoner; also for the single connections that listen or copy. */
export function connectionOptions(url: string, name: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: name,
    // Results are read as text: their time zone and style must not depend on the server's settings.
    // Preparing statements costs more than it saves here: there are many frequent ones, and they are short.
    options: '-c timezone=UTC -c datestyle=ISO -c jit=off',
    types,
    // A worker that was cut off must not hold its chunk, nor its job's lock.
    statement_timeout: 120_000,
    idle_in_transaction_session_timeout: 15_000,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  }
}

/**
 * Opens a pool. Connections are made when they are first needed, so a wrong URL shows at the first statement.
 *
 * @param options.name what pg_stat_activity calls the connections, e.g. `almoner worker`
 */
export function connect(options: {
  readonly url: string
  readonly name: string
  readonly maxConnections?: number
  /** Two minutes if absent. */
  readonly statementTimeoutMs?: number | undefined
  readonly onError?: (error: Error) => void
}): Database {
  const pool = new pg.Pool({
    ...connectionOptions(options.url, options.name),
    max: options.maxConnections ?? 10,
    ...(options.statementTimeoutMs !== undefined && { statement_timeout: options.statementTimeoutMs }),
  })
  // A connection that breaks, idle or in the middle of a transaction, is replaced by the pool, and its user
  // gets an error from its next statement. Without these listeners it would end the process.
  const report = (error: Error): void => options.onError?.(error)
  pool.on('error', report)
  pool.on('connect', (client) => client.on('error', report))
  const db = new Kysely<DB>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
  })
  return { db, pool, url: options.url, close: () => db.destroy() }
}
