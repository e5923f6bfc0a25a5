import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findBinaries, packageOfPlatform } from './embedded-binaries.ts'
import { freeStaleLockFiles, lastLines, makeCluster, makeSocketDir } from './embedded-cluster.ts'
import { type Joined, join, leave, pollMs, urlOfDatabase } from './embedded-joining.ts'
import { type Account, defaultDataDir, findPlace, serverEnvironment } from './embedded-place.ts'

export { urlOfDatabase } from './embedded-joining.ts'

/** A PostgreSQL server that this process uses. */
export interface EmbeddedServer {
  /** A URL for the database `almoner`, over the unix socket, that node-postgres and libpq accept. */
  readonly url: string
  /** Where the data is. It is another place than wanted if PostgreSQL's user cannot open that one. */
  readonly dataDir: string
  /** Whether this call started the server. False: it uses one that was running. */
  readonly started: boolean
  /**
   * Stops the server unless someone else still uses it: the last one out turns off the light. Idempotent.
   * Close your pools first, for they count as well.
   *
   * @throws Error when the server does not stop in time
   */
  stop(): Promise<void>
}

interface EmbeddedServerOptions {
  readonly dataDir?: string
  readonly log?: (line: string) => void
  /** More PostgreSQL settings. They apply if this call starts the server. */
  readonly settings?: Record<string, string>
}

/** Long enough to recover from a crash, which can mean to replay `max_wal_size` of changes. */
const startTimeoutMs = 120_000
const retryMs = 200

/** They are passed on the command line, not written into the cluster, so that a new version can change them. */
const baseSettings: Record<string, string> = {
  listen_addresses: '',
  port: '5432',
  max_connections: '100',
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  // A statement ends soon after its process, and releases its chunk.
  client_connection_check_interval: '2s',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] %q%u@%d %a ',
  cluster_name: 'almoner',
}

/**
 * Starts, or adopts, the server on the data directory. The server outlives a crash of this process, and the next
 * start adopts it.
 *
 * @throws Error when there is no PostgreSQL for this platform, when the data is of another major version or of
 * another user, and with the end of PostgreSQL's output when it does not start
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions = {}): Promise<EmbeddedServer> {
  const log = options.log ?? (() => {})
  const packageName = packageOfPlatform()
  const { dataDir, account } = await findPlace(path.resolve(options.dataDir ?? defaultDataDir()), log)
  const binaries = await findBinaries(packageName, account, log)
  const clusterDir = path.join(dataDir, 'postgresql')
  await makeCluster(clusterDir, account, binaries)
  const socketDir = await makeSocketDir(dataDir, account)

  const { joined, started } = await startOrJoin({
    ...{ account, clusterDir, socketDir, postgres: binaries.postgres },
    logPath: path.join(dataDir, 'postgresql.log'),
    settings: {
      ...baseSettings,
      // The setting is a list: quotes make the path one entry of it, whatever the path contains.
      unix_socket_directories: `"${socketDir.replaceAll('"', '""')}"`,
      ...options.settings,
    },
  })
  log(`${started ? 'Started' : 'Adopted'} PostgreSQL (process ${joined.pid}) on ${clusterDir}`)
  let leaving: Promise<void> | undefined
  return {
    url: urlOfDatabase(joined.url, 'almoner'),
    dataDir,
    started,
    stop() {
      leaving ??= leave(joined, clusterDir, log)
      return leaving
    },
  }
}

interface ServerOptions {
  readonly account: Account
  readonly postgres: string
  readonly clusterDir: string
  readonly socketDir: string
  readonly logPath: string
  readonly settings: Record<string, string>
}

/**
 * Joins the server that is up, or starts one. PostgreSQL's own lock on the data directory decides between two
 * that start at once: the server of the loser exits, and the loser joins the other.
 */
async function startOrJoin(options: ServerOptions): Promise<{ joined: Joined; started: boolean }> {
  const { clusterDir, logPath } = options
  const deadline = Date.now() + startTimeoutMs
  let server: ServerProcess | undefined
  while (Date.now() < deadline) {
    const joined = await join(clusterDir)
    if (joined === undefined && server?.ended) {
      const output = (await readFile(logPath)).subarray(server.logOffset).toString()
      if (server.ended.code !== 0 && !willPass(output)) {
        const end = lastLines(output || server.ended.reason)
        throw new Error(`PostgreSQL did not start on ${clusterDir}. The end of ${logPath}:\n${end}`)
      }
      server = undefined
      await sleep(retryMs)
    } else if (joined === undefined && !server) {
      await freeStaleLockFiles(clusterDir, options.socketDir)
      server = await spawnServer(options)
    } else if (joined === undefined || joined === 'busy') {
      await sleep(pollMs)
    } else {
      return { joined, started: joined.pid === server?.pid }
    }
  }
  throw new Error(
    `PostgreSQL on ${clusterDir} is not ready after ${startTimeoutMs / 1000} s. See ${logPath}.`,
  )
}

/** Another server was faster, or processes of a killed server still run for a moment. */
function willPass(output: string): boolean {
  return /lock file ".*" (already exists|is empty)|pre-existing shared memory block/.test(output)
}

/** A server that was spawned, how it ended if it did, and where in the log its output begins. */
interface ServerProcess {
  readonly pid: number | undefined
  readonly logOffset: number
  ended?: { readonly code: number | null; readonly reason: string }
}

async function spawnServer(options: ServerOptions): Promise<ServerProcess> {
  const log = await open(options.logPath, 'a', 0o640)
  try {
    const settings = Object.entries(options.settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const logOffset = (await log.stat()).size
    const child = spawn(options.postgres, ['-D', options.clusterDir, ...settings], {
      ...options.account,
      cwd: '/',
      env: serverEnvironment,
      // A process group of its own: Ctrl-C must not stop the server before Almoner has finished.
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    })
    child.unref()
    const server: ServerProcess = { pid: child.pid, logOffset }
    once(child, 'exit').then(
      ([code, signal]) => {
        server.ended = { code, reason: `It ended with ${signal ?? `exit code ${code}`}.` }
      },
      (error) => {
        server.ended = { code: null, reason: String(error) }
      },
    )
    return server
  } finally {
    await log.close()
  }
}
