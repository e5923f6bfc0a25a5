import { type Command, Option } from 'commander'
import { z } from 'zod'
import { memberFile } from '../members/column-rules.ts'
import { type DateOrder, dateOrders } from '../members/import-dates.ts'
import { type ImportResult, importMembers } from '../members/import-members.ts'
import { settleReading } from '../members/import-profiles.ts'
import { approveImport, requestImport, withdrawImportRequest } from '../members/large-import.ts'
import { largeSentence, subjectOfFile } from '../members/large-import-rules.ts'
import { undoImport } from '../members/undo-import.ts'
import { findImports } from '../members/undo-sql.ts'
import { DomainError } from '../platform/values/errors.ts'
import { codeRule } from '../platform/values/text-rules.ts'
import { textOf, wholeNumber } from './arguments.ts'
import { countsLine, type FileOptions, printImport, withFile, withFileOptions } from './import-files.ts'
import { plural, printResult, showProgress, table } from './output.ts'
import { commandActor, withApplication } from './run-command.ts'
import { type TwoPersonsOptions, twoPersons, twoPersonsCommand } from './two-persons.ts'

interface ImportOptions extends FileOptions {
  onDuplicate: 'skip' | 'update'
  blank: 'keep' | 'erase'
  dates?: DateOrder
  profile?: string
  saveProfile?: string
  createAgents?: true
  createTiers?: true
}

/** Of an import that changes too much for one person. */
type LargeImportOptions = ImportOptions & TwoPersonsOptions

export function addImportCommand(members: Command): void {
  withFileOptions(twoPersonsCommand(members.command('import')))
    .description('import members from a CSV file or a workbook; good rows are imported, bad rows are listed')
    .addOption(
      new Option('--on-duplicate <what>', 'what to do with members that are there and differ')
        .choices(['skip', 'update'])
        .default('skip'),
    )
    .addOption(
      new Option('--blank <what>', 'what an empty cell does to what is there')
        .choices(['keep', 'erase'])
        .default('keep'),
    )
    .addOption(
      new Option('--dates <order>', 'the order of dates in numbers, such as 05.01.2020').choices(dateOrders),
    )
    .option('--profile <name>', 'read the file as this profile says')
    .option('--save-profile <name>', 'keep --map and --dates as a profile of this name', textOf(codeRule))
    .option('--create-agents', 'create the agents that the file names')
    .option('--create-tiers', 'create the tiers that the file names')
    .action(async (file: string, options: LargeImportOptions, command: Command) => {
      const { reason, approve, withdraw } = options
      const isAsking = [reason, approve, withdraw].some((given) => given !== undefined)
      const result = await importFile(file, { ...options, ...(isAsking && { dryRun: true }) })
      if (isAsking) {
        const sentence = await askForImport(options, result)
        printResult(command, { ...result, done: sentence }, [...resultLines(result), sentence])
        return
      }
      printImport(command, result, resultLines(result))
    })
}

/** The file is given each time: whoever approves has looked at the same one. */
async function askForImport(
  options: TwoPersonsOptions,
  { largeChange: change, fileDigest }: ImportResult,
): Promise<string> {
  const actor = commandActor()
  return withApplication((app) =>
    twoPersons(options, {
      async request(reason) {
        await requestImport(app, { change, reason, actor })
        return 'Another person has to approve it: the same command with --approve in the place of --reason.'
      },
      async withdraw() {
        await withdrawImportRequest(app, { subject: subjectOfFile(fileDigest), actor })
        return 'It is not to be imported any more.'
      },
      async approve() {
        await approveImport(app, { change, actor })
        return 'Approved: the same command without --approve imports it, once.'
      },
    }),
  )
}

/** What imports did, and undoing one. */
export function addUndoCommands(members: Command): void {
  members
    .command('imports')
    .description('the newest imports')
    .option('--limit <number>', 'how many', wholeNumber(1, 1000), 20)
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const rows = await withApplication((app) => findImports(app.db, limit))
      printResult(
        command,
        { items: rows },
        table([
          ['import', 'at', 'by', 'inserted', 'updated', 'undone'],
          ...rows.map(({ importId, importedAt, importedBy, counts, undoneAt }) => {
            const { inserted, updated } = counts as { inserted: number; updated: number }
            return [importId, importedAt, importedBy, `${inserted}`, `${updated}`, undoneAt ?? '']
          }),
        ]),
      )
    })
  members
    .command('undo-import')
    .description('undo an import while nothing rests on it')
    .argument('<import>', 'its id, as the import said and members imports lists')
    .action(async (importId: string, _options: unknown, command: Command) => {
      if (!z.uuid().safeParse(importId).success) {
        throw new DomainError('import-not-found', `There is no import ${importId}.`)
      }
      const undone = await withApplication((app) => undoImport(app, { importId, actor: commandActor() }))
      printResult(command, undone, [
        `Undone: ${plural(undone.removed, 'member')} removed, ${undone.restored} are what they were.`,
      ])
    })
}

async function importFile(file: string, options: ImportOptions): Promise<ImportResult> {
  const display = showProgress('Reading')
  try {
    return await withFile(memberFile, file, options, (source, { size, onFault }) =>
      withApplication(async (app) => {
        const { map, dateOrder } = await settleReading(
          app.db,
          {
            columns: options.map,
            dateOrder: options.dates,
            profile: options.profile,
            saveProfile: options.saveProfile,
          },
          commandActor(),
        )
        return importMembers(
          { pool: app.database.pool, clock: app.clock },
          {
            csv: source,
            map,
            dateOrder,
            blankErases: options.blank === 'erase',
            onDuplicate: options.onDuplicate,
            createAgents: options.createAgents === true,
            createTiers: options.createTiers === true,
            dryRun: options.dryRun === true,
            actor: commandActor(),
            ...(onFault && { onFault }),
            onProgress: (rowsRead) => {
              const read = 'bytesRead' in source ? Number(source.bytesRead) : 0
              display.show(size === 0 ? 0 : read, size || 1, plural(rowsRead, 'row'))
            },
          },
        )
      }),
    )
  } finally {
    display.end()
  }
}

function agentLine({ agentCode, fullName, email, phone }: ImportResult['newAgents'][number]): string {
  const more = [fullName === agentCode ? null : fullName, email, phone].filter((one) => one !== null)
  return more.length === 0 ? agentCode : `${agentCode} (${more.join(', ')})`
}

function resultLines(result: ImportResult): string[] {
  const made = [
    ['agent', result.createdAgents, result.newAgents.map(agentLine)],
    ['tier', result.createdTiers, result.newTiers],
  ] as const
  return [
    countsLine(result),
    ...made
      .filter(([, count]) => count > 0)
      .map(
        ([what, count, named]) =>
          `${result.dryRun ? 'Would be created' : 'Created'}: ${plural(count, what)}: ${named.join(', ')}${count > named.length ? ', …' : ''}.`,
      ),
    ...result.statusChanges
      .filter(({ from }) => from !== null)
      .map(({ from, to, members }) => `Status: ${plural(members, 'member')} from ${from} to ${to}.`),
    ...(result.largeChange !== null && !result.largeChange.isApproved
      ? [largeSentence(result.largeChange)]
      : []),
    ...(result.importId !== null && result.inserted + result.updated > 0
      ? [`To undo it, while nothing rests on it: almoner members undo-import ${result.importId}`]
      : []),
  ]
}
