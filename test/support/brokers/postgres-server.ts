import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { startEmbeddedServer } from '../../../src/platform/database/embedded-server.ts'
import { isTransient } from '../../../src/platform/database/sql-state.ts'
import type { RunningBroker } from './brokers.ts'

/**
 * A PostgreSQL of its own.
 *
 * @param settings more of PostgreSQL's own, e.g. `{ max_wal_size: '64MB' }`
 */
export async function startPostgresServer(
  options: { dataDir?: string; settings?: Readonly<Record<string, string>> } = {},
): Promise<RunningBroker> {
  const wanted = options.dataDir ?? (await mkdtemp(path.join(tmpdir(), 'almoner-postgres-')))
  // What a killed process has written, the operating system keeps: only a power cut would need fsync.
  const start = () =>
    startEmbeddedServer({ dataDir: wanted, settings: { fsync: 'off', ...options.settings } })
  let server = await start()
  const signal = async (name: NodeJS.Signals) => {
    const pidFile = path.join(server.dataDir, 'postgresql', 'postmaster.pid')
    const [pid = ''] = (await readFile(pidFile, 'utf8')).split('\n')
    // The postmaster alone would leave its backends a moment in which they still answer.
    const { stdout } = await promisify(execFile)('pgrep', ['-P', pid])
    for (const each of [pid, ...stdout.trim().split('\n')]) send(Number(each), name)
  }
  return {
    signal,
    kill: () => signal('SIGKILL'),
    url: server.url,
    async empty() {
      const client = new pg.Client(server.url)
      await client.connect()
      const { rows } = await client.query(`
        select string_agg(format('%I.%I', schemaname, tablename), ', ') as tables from pg_tables
        where schemaname = 'bullmq' and tablename not like '%migration%'`)
      // Those at work hold some of the tables while they wait for others: a session that is cancelled because of a deadlock tries again.
      for (let emptied = false; !emptied; ) {
        emptied = await client.query(`truncate ${rows[0].tables}`).then(
          () => true,
          (error) => {
            if (!isTransient(error)) throw error
            return false
          },
        )
      }
      await client.end()
    },
    async startAgain() {
      await server.stop()
      server = await start()
    },
    async stop() {
      await server.stop()
      await rm(server.dataDir, { recursive: true, force: true })
    },
  }
}

/** A backend may have ended since it was listed. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
