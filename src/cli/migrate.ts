import { Command } from 'commander'
import { readConfig } from '../app/config.ts'
import { findVersions } from '../operations/operation-sql.ts'
import { describeBroker } from '../platform/queue/broker-url.ts'
import { createQueues } from '../platform/queue/open-queue.ts'
import { printResult, say } from './output.ts'
import { serverRetryMs, withApplication } from './run-command.ts'

/** Opening the application migrates; this command does it before anything else starts. */
export const migrateCommand = () =>
  new Command('migrate')
    .description('bring the database up to date')
    .option('--create-queues', 'also create the queues that QUEUE_URL names, where opening does not (SQS)')
    .action(async (options: { createQueues?: true }, command: Command) => {
      const { queueUrl } = readConfig(process.env)
      if (options.createQueues && queueUrl !== undefined && (await createQueues(queueUrl))) {
        say(`The queues at ${describeBroker(queueUrl)} are there.`)
      }
      const versions = await withApplication((app) => findVersions(app.db), serverRetryMs)
      printResult(command, versions, [
        `The database is up to date: ${versions.schema} on PostgreSQL ${versions.postgres}.`,
      ])
    })
