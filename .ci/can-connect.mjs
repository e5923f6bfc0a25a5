// Exits with 0 when the database at the URL answers within five seconds.
import pg from 'pg'

const giveUpAt = Date.now() + 5000
for (;;) {
  const client = new pg.Client({ connectionString: process.argv[2], connectionTimeoutMillis: 2000 })
  try {
    await client.connect()
    await client.end()
    process.exit(0)
  } catch (error) {
    if (Date.now() > giveUpAt) {
      process.stderr.write(`${process.argv[2]} does not answer: ${error.message}\n`)
      process.exit(1)
    }
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}
