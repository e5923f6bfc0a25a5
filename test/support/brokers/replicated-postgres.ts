import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { startEmbeddedServer } from '../../../src/platform/database/embedded-server.ts'
import type { RunningBroker } from './brokers.ts'
import { startPostgresServer } from './postgres-server.ts'

export interface ReplicatedPostgres extends RunningBroker {
  /** Kills the primary for good, promotes the standby, and lets the address lead to that. */
  failOver(): Promise<void>
  /** Lets the standby fall behind, or catch up: it keeps what it is sent, and confirms it, but does not replay it. */
  setReplaying(isReplaying: boolean): Promise<void>
}

/**
 * Two PostgreSQL servers: a primary, and a synchronous standby, which has each commit before it is confirmed. Their one
 * address leads to whichever is the primary, as a virtual IP or a proxy would.
 */
export async function startReplicatedPostgres(): Promise<ReplicatedPostgres> {
  const [primaryDir, standbyDir] = await Promise.all([makeDirectory(), makeDirectory()])
  const draft = await startEmbeddedServer({ dataDir: primaryDir })
  await draft.stop()
  // The copy of a server that was shut down is a base backup.
  const [from, to] = [path.join(draft.dataDir, 'postgresql'), path.join(standbyDir, 'postgresql')]
  await promisify(execFile)('cp', ['-a', from, to])
  await writeFile(path.join(to, 'standby.signal'), '')
  // PostgreSQL's user, who is not root, has to pass.
  await chmod(standbyDir, 0o711)

  const primary = await startPostgresServer({
    dataDir: primaryDir,
    settings: { wal_level: 'replica', synchronous_standby_names: '*' },
  })
  const standby = await startPostgresServer({
    dataDir: standbyDir,
    settings: { primary_conninfo: `host=${socketDirOf(primary)} user=almoner application_name=standby` },
  })
  const isSynchronous = `select from pg_stat_replication where sync_state = 'sync'`
  while ((await query(primary, isSynchronous)).length === 0) await wait(50)

  let target = primary
  const sockets = new Set<Socket>()
  const address = createServer((client) => {
    const server = connect(path.join(socketDirOf(target), '.s.PGSQL.5432'))
    join(client, server)
    join(server, client)
  })
  const join = (source: Socket, sink: Socket) => {
    sockets.add(source)
    source.on('error', () => {})
    source.on('close', () => {
      sockets.delete(source)
      sink.destroy()
    })
    source.pipe(sink)
  }
  address.listen(0, '127.0.0.1')
  await once(address, 'listening')
  const { port } = address.address() as { port: number }

  return {
    ...primary,
    url: `postgres://almoner@127.0.0.1:${port}/almoner`,
    async failOver() {
      await primary.kill()
      await query(standby, 'select pg_promote(true)')
      target = standby
      for (const socket of sockets) socket.destroy()
    },
    async setReplaying(isReplaying) {
      await query(standby, `select pg_wal_replay_${isReplaying ? 'resume' : 'pause'}()`)
    },
    async stop() {
      address.close()
      for (const socket of sockets) socket.destroy()
      // It would wait for its standby's confirmations.
      await primary.stop()
      await standby.stop()
    },
  }
}

function makeDirectory(): Promise<string> {
  return mkdtemp(path.join(tmpdir(), 'almoner-postgres-'))
}

function socketDirOf(server: { readonly url: string }): string {
  return decodeURIComponent(new URL(server.url).hostname)
}

async function query(server: { readonly url: string }, statement: string): Promise<unknown[]> {
  const client = new pg.Client(server.url)
  await client.connect()
  try {
    return (await client.query(statement)).rows
  } finally {
    await client.end()
  }
}
