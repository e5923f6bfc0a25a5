import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { startEmbeddedServer } from '../../src/database/embedded-server.ts'
import type { RunningBroker } from './brokers.ts'

/** A PostgreSQL of its own, for messages alone. */
export async function startPostgresServer(): Promise<RunningBroker> {
  const wanted = await mkdtemp(path.join(tmpdir(), 'almoner-queue-'))
  // What a killed process has written, the operating system keeps: only a power cut would need fsync.
  const start = () => startEmbeddedServer({ dataDir: wanted, settings: { fsync: 'off' } })
  let server = await start()
  return {
    url: server.url,
    async empty() {
      const client = new pg.Client(server.url)
      await client.connect()
      const { rows } = await client.query(`
        select string_agg(format('%I.%I', schemaname, tablename), ', ') as tables from pg_tables
        where schemaname = 'bullmq' and tablename not like '%migration%'`)
      await client.query(`truncate ${rows[0].tables}`)
      await client.end()
    },
    async kill() {
      const pidFile = path.join(server.dataDir, 'postgresql', 'postmaster.pid')
      const [pid = ''] = (await readFile(pidFile, 'utf8')).split('\n')
      // The postmaster alone would leave its backends a moment in which they still answer.
      const { stdout } = await promisify(execFile)('pgrep', ['-P', pid])
      for (const each of [pid, ...stdout.trim().split('\n')]) process.kill(Number(each), 'SIGKILL')
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
