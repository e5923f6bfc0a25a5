import pg from 'pg'

/** One connection, because the temporary tables belong to it and end with it. */
export type Client = pg.ClientBase

/** The pool limits the time of every statement, but copying or writing a large file may take minutes. */
export async function unboundStatements(client: Client): Promise<void> {
  await client.query('set statement_timeout = 0')
}

/** Sorts and hashes of a million rows, in memory; only one import works at a time. */
export async function allowSortMemory(client: Client): Promise<void> {
  await client.query(`set work_mem = '64MB'`)
}

export async function findBackendPid(client: Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return (rows[0] as { pid: number }).pid
}

/** Ends the statement that the connection runs, if any. With its own connection, because those of the pool may all be busy. */
export async function cancelBackend(pool: pg.Pool, pid: number): Promise<void> {
  const client = new pg.Client(pool.options)
  try {
    await client.connect()
    await client.query('select pg_cancel_backend($1)', [pid])
  } finally {
    await client.end()
  }
}

export async function begin(client: Client): Promise<void> {
  await client.query('begin')
}

export async function commit(client: Client): Promise<void> {
  await client.query('commit')
}

/** Waits for another import, so that it cannot write between this one's checks and its own writing. */
export async function lockImports(client: Client): Promise<void> {
  await client.query('select pg_advisory_xact_lock(7231, 2)')
}
