import { Command, Option } from 'commander'
import { type Config, ConfigError, readConfig } from '../app/config.ts'
import { readBackupKey } from '../platform/database/backup-encryption.ts'
import { backUp } from '../platform/database/embedded-backup.ts'
import { restore } from '../platform/database/embedded-restore.ts'
import { startEmbeddedServer } from '../platform/database/embedded-server.ts'
import { printResult, say } from './output.ts'

/** @throws ConfigError when the database is not the embedded one */
function readEmbedded(): Config {
  const config = readConfig(process.env)
  if (config.databaseUrl === undefined) return config
  throw new ConfigError(
    'This is for the embedded database, and DATABASE_URL names another. For a server of your own there are ' +
      'pg_dump and pg_basebackup; "Back up" in docs/operations.md says how.',
  )
}

const keyOption = () =>
  new Option(
    '--key-file <file>',
    'what the backup is encrypted with: a key of age (age-keygen), or a line with a passphrase',
  )

const keyOf = async ({ keyFile }: { keyFile?: string }) =>
  keyFile === undefined ? undefined : readBackupKey(keyFile)

const dataDirOf = ({ dataDir }: Config) => (dataDir === undefined ? {} : { dataDir })

export const backupCommand = () =>
  new Command('backup')
    .description('write the embedded database into one file, while it is used')
    .argument('<file>', 'a file that does not exist yet, e.g. almoner-2026-11-27.tar.gz')
    .addOption(keyOption())
    .action(async (file: string, options: { keyFile?: string }, command: Command) => {
      const key = await keyOf(options)
      const server = await startEmbeddedServer(dataDirOf(readEmbedded()))
      try {
        const bytes = await backUp(server, file, key)
        if (!key) {
          say(
            `WARNING: ${file} is not encrypted. Whoever has it has every name and telephone number, and can change it without a ` +
              'trace. Name a key with --key-file.',
          )
        }
        printResult(command, { file, bytes, encrypted: key !== undefined }, [
          `${file} holds everything (${(bytes / 2 ** 20).toFixed(1)} MB).`,
          'Keep it where this machine is not, and try "almoner restore" with it from time to time.',
        ])
      } finally {
        await server.stop()
      }
    })

export const restoreCommand = () =>
  new Command('restore')
    .description('make the embedded database anew from a backup')
    .argument('<file>', 'what "almoner backup" has written')
    .addOption(keyOption())
    .action(async (file: string, options: { keyFile?: string }, command: Command) => {
      const { dataDir: wanted } = readEmbedded()
      const dataDir = await restore(file, { dataDir: wanted, key: await keyOf(options), log: say })
      printResult(command, { file, dataDir }, [
        `${dataDir} is as it was at the end of the backup.`,
        '"almoner doctor" says whether everything holds; work that was under way goes on when Almoner is started.',
      ])
    })
