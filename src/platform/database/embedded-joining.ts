import { realpath } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { isPostmaster, readLockFile } from './embedded-cluster.ts'

/** A connection to the server, made under the turnstile, and the server's process id. */
export interface Joined {
  readonly client: Client
  readonly pid: number
  /** The URL of the maintenance database `postgres`. */
  readonly url: string
  /** When the connection was made, by the server's clock. */
  readonly since: string
}

/** The types of node-postgres leave out two of its public methods. */
type Client = pg.Client & { ref(): void; unref(): void }

export const pollMs = 30
const stopTimeoutMs = 30_000
const connectTimeoutMs = 5_000
const statementTimeoutMs = 10_000
/**
 * Connections that were just closed, or whose process was just killed, take a moment to disappear. Most often they are our
 * own; one that was there before we joined is another's, and nearly always stays.
 */
const ownDepartureMs = 500
const otherDepartureMs = 100

/**
 * The key of an advisory lock that makes joining and leaving exclude each other. Who leaves holds it from
 * counting the others until the server is down, so nobody can join a server that is about to stop.
 */
const turnstile = 1_818_405_374
const leaverName = 'almoner leaving'

/** The server itself is asked for its process id, because the lock file may be that of the next server. */
const whoAreYou = `
  select current_setting('data_directory') as dir,
         split_part(pg_read_file('postmaster.pid'), chr(10), 1)::int as pid,
         (select backend_start::text from pg_stat_activity where pid = pg_backend_pid()) as since`

/**
 * Joins the server that is up on the cluster and makes the database `almoner` if it is missing. The connection
 * is to stay open: it tells the others that this process uses the server, even while its pools are empty, and
 * closes by itself when the process is killed.
 *
 * @returns 'busy' while a server starts or stops, undefined when there is none
 */
export async function join(clusterDir: string): Promise<Joined | 'busy' | undefined> {
  const joined = await passTurnstile(clusterDir, 'almoner')
  if (joined === undefined || joined === 'busy') return joined
  const { client } = joined
  try {
    const { rowCount } = await client.query(`select from pg_database where datname = 'almoner'`)
    if (rowCount === 0) await client.query('create database almoner')
    await client.query('select pg_advisory_unlock($1)', [turnstile])
  } catch (error) {
    await client.end()
    throw error
  }
  client.unref()
  return joined
}

/**
 * Takes back `join` and stops the server unless someone else is connected to it.
 *
 * @throws Error when the server does not stop in time
 */
export async function leave(
  { client, since }: Joined,
  clusterDir: string,
  log: (line: string) => void,
): Promise<void> {
  // Node.js would exit instead of waiting for the end of a connection that does not keep it alive.
  client.ref()
  await client.end()
  const deadline = Date.now() + stopTimeoutMs
  while (Date.now() < deadline) {
    const leaver = await passTurnstile(clusterDir, leaverName)
    if (leaver === undefined) return
    if (leaver === 'busy') await sleep(pollMs)
    else {
      const stays = await isUsed(leaver.client, since).catch(() => undefined)
      const ours = await isPostmaster(leaver.pid, clusterDir)
      if (stays === false && ours) {
        process.kill(leaver.pid, 'SIGINT')
        while (Date.now() < deadline && (await isPostmaster(leaver.pid, clusterDir))) await sleep(pollMs)
      }
      await leaver.client.end()
      if (stays || !ours) {
        log(`PostgreSQL (process ${leaver.pid}) keeps running, as someone else is using it`)
        return
      }
    }
  }
  if ((await passTurnstile(clusterDir, leaverName)) === undefined) return
  throw new Error(`PostgreSQL on ${clusterDir} did not stop within ${stopTimeoutMs / 1000} s.`)
}

/** @param since when we joined: a connection that is older cannot be one of ours */
async function isUsed(client: pg.Client, since: string): Promise<boolean> {
  const startedAt = Date.now()
  for (;;) {
    const { rows } = await client.query<{ isOther: boolean }>(
      `select backend_start < $2::timestamptz as "isOther" from pg_stat_activity
        where backend_type = 'client backend' and pid <> pg_backend_pid() and application_name <> $1`,
      [leaverName, since],
    )
    if (rows.length === 0) return false
    const departureMs = rows.some(({ isOther }) => isOther) ? otherDepartureMs : ownDepartureMs
    if (Date.now() - startedAt > departureMs) return true
    await sleep(pollMs)
  }
}

/** Connects, checks that it is the server of this cluster, and waits for its turn, which it keeps. */
async function passTurnstile(clusterDir: string, clientName: string): Promise<Joined | 'busy' | undefined> {
  const lock = await readLockFile(clusterDir)
  if (!lock) return undefined
  if (lock.socketDir !== undefined) {
    const url = urlOfSocket(lock.socketDir)
    const client = new pg.Client({
      connectionString: url,
      application_name: clientName,
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: statementTimeoutMs,
    }) as Client
    // The server may be killed at any time, and an 'error' event without a listener would end this process too.
    client.on('error', () => {})
    try {
      await client.connect()
      await client.query('select pg_advisory_lock($1)', [turnstile])
      const { rows } = await client.query<{ dir: string; pid: number; since: string }>(whoAreYou)
      const answer = rows[0]
      if (answer && (await realpath(answer.dir).catch(() => '')) === clusterDir) {
        return { client, pid: answer.pid, url, since: answer.since }
      }
      await client.end()
    } catch (error) {
      client.end().catch(() => {})
      if (isBusy(error)) return 'busy'
      if (!isNobody(error)) throw error
    }
  }
  // A server that does not answer yet, or no longer.
  return (await isPostmaster(lock.pid, clusterDir)) ? 'busy' : undefined
}

/** The server is starting, stopping or full, or the connection was cut, which has no SQLSTATE. */
function isBusy(error: unknown): boolean {
  const { code, message } = error as { code?: string; message: string }
  if (code === undefined) return /terminated|timeout|connection error/i.test(message)
  return code.startsWith('57') || code.startsWith('53') || ['ECONNRESET', 'EPIPE'].includes(code)
}

function isNobody(error: unknown): boolean {
  return ['ENOENT', 'ECONNREFUSED', 'ENOTSOCK'].includes((error as NodeJS.ErrnoException).code ?? '')
}

/** PGPORT and PGSSLMODE would be taken from the environment if the URL did not name them. */
function urlOfSocket(socketDir: string): string {
  return `postgres://almoner@${encodeURIComponent(socketDir)}:5432/postgres?sslmode=disable`
}

/** The URL for another database on the same server. */
export function urlOfDatabase(url: string, database: string): string {
  const other = new URL(url)
  other.pathname = `/${database}`
  return other.href
}
