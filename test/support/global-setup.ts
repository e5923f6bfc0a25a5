import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { startEmbeddedServer, urlOfDatabase } from '../../src/platform/database/embedded-server.ts'
import { migrate } from '../../src/platform/database/migrate.ts'
import { migratePostgresQueue } from '../../src/platform/queue/bullmq-postgres.ts'

/**
 * One server for the whole run, and one migrated template that test files clone: the embedded server, or the one
 * that TEST_DATABASE_URL names (a role that may create databases).
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.TEST_DATABASE_URL
  const server = given === undefined ? await startServer() : { url: given, stop: async () => {} }
  const template = `almoner_template_${process.pid}`
  await query(server.url, `create database ${template}`)
  const url = urlOfDatabase(server.url, template)
  await migrate(url)
  await migratePostgresQueue(url)
  project.provide('serverUrl', server.url)
  project.provide('template', template)
  return async () => {
    await query(server.url, `drop database ${template} with (force)`)
    await server.stop()
  }
}

async function startServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'almoner-test-'))
  // Nothing here is kept, so nothing has to survive a power cut.
  const server = await startEmbeddedServer({ dataDir, settings: { fsync: 'off' } })
  return {
    url: server.url,
    async stop() {
      await server.stop()
      await rm(server.dataDir, { recursive: true, force: true })
    },
  }
}

async function query(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
