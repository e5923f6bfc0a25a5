import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { connect, type Database } from '../../src/platform/database/connect.ts'
import { urlOfDatabase } from '../../src/platform/database/embedded-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A server's URL with the right to create databases. */
    serverUrl: string
    /** The name of a migrated, empty database to clone. */
    template: string
  }
}

export interface TestDatabase extends Database {
  /** Closes the connections and drops the database. */
  drop(): Promise<void>
}

/** A database of one's own, migrated and empty: a clone of the template, on a real server. */
export async function createTestDatabase(maxConnections = 10): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`
  await onServer(`create database ${name} template ${inject('template')}`)
  const database = connect({
    url: urlOfDatabase(inject('serverUrl'), name),
    name: 'almoner test',
    maxConnections,
  })
  return {
    ...database,
    async drop() {
      await database.close()
      await onServer(`drop database ${name} with (force)`)
    },
  }
}

async function onServer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject('serverUrl') })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
