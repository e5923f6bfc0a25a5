import { Command } from 'commander'
import { findVersions } from '../operations/operation-sql.ts'
import { printResult } from './output.ts'
import { withApplication } from './run-command.ts'

/** Opening the application migrates; this is for those who want it done before anything else starts. */
export const migrateCommand = () =>
  new Command('migrate')
    .description('bring the database up to date')
    .action(async (_options: unknown, command: Command) => {
      const versions = await withApplication((app) => findVersions(app.db))
      printResult(command, versions, [
        `The database is up to date: ${versions.schema} on PostgreSQL ${versions.postgres}.`,
      ])
    })
