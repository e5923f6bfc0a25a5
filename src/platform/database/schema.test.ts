import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../../test/support/test-database.ts'

test('the generated types are those of the migrated schema', async () => {
  const database = await createTestDatabase()
  try {
    const { stderr, stdout } = await promisify(execFile)('npx', [
      'kysely-codegen',
      '--verify',
      '--url',
      database.url,
    ])
    expect(`${stdout}${stderr}`).toContain('up-to-date')
  } finally {
    await database.drop()
  }
})
