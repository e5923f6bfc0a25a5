import { once } from 'node:events'
import { open, rm } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Command, Option } from 'commander'
import { stringify } from 'csv-stringify'
import { z } from 'zod'
import { faultColumns, memberColumns } from '../members/column-rules.ts'
import { type DateOrder, dateOrders } from '../members/import-dates.ts'
import {
  type FaultGroup,
  type FoundFault,
  type ImportResult,
  importMembers,
} from '../members/import-members.ts'
import { settleReading } from '../members/import-profiles.ts'
import { undoImport } from '../members/undo-import.ts'
import { findImports } from '../members/undo-sql.ts'
import { DomainError } from '../platform/values/errors.ts'
import { codeRule } from '../platform/values/text-rules.ts'
import { textOf, wholeNumber } from './arguments.ts'
import { exitCodes } from './exit-codes.ts'
import { plural, printResult, say, showProgress, table } from './output.ts'
import { commandActor, withApplication } from './run-command.ts'

interface ImportOptions {
  onDuplicate: 'skip' | 'update'
  blank: 'keep' | 'erase'
  dates?: DateOrder
  map: string[]
  profile?: string
  saveProfile?: string
  errors?: string
  dryRun?: true
  createAgents?: true
  createTiers?: true
}

export function addImportCommand(members: Command): void {
  members
    .command('import')
    .description('import members from a CSV file; good rows are imported, bad rows are listed')
    .argument('<file>', 'the file; - for standard input')
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
    .option(
      '--map <column>',
      'what a column of another name means: "Member No=memberCode", or "Village=" to leave it out; may be given again',
      (entry: string, former: string[]) => [...former, entry],
      [],
    )
    .option('--profile <name>', 'read the file as this profile says')
    .option('--save-profile <name>', 'keep --map and --dates as a profile of this name', textOf(codeRule))
    .option('--errors <file>', 'write the bad rows to this new CSV file, to be corrected and imported')
    .option('--create-agents', 'create the agents that the file names')
    .option('--create-tiers', 'create the tiers that the file names')
    .option('--dry-run', 'check, count, and write nothing')
    .action(async (file: string, options: ImportOptions, command: Command) => {
      const result = await importFile(file, options)
      for (const problem of result.problems) say(problemLine(problem))
      printResult(command, result, resultLines(result))
      if (result.faulty > 0) process.exitCode = exitCodes.failed
    })
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
  const { source, size } = await openFile(file)
  const faults = await openFaults(options.errors)
  const display = showProgress('Reading')
  try {
    return await withApplication(async (app) => {
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
          ...(faults.add && { onFault: faults.add }),
          onProgress: (rowsRead) => {
            const read = 'bytesRead' in source ? Number(source.bytesRead) : 0
            display.show(size === 0 ? 0 : read, size || 1, plural(rowsRead, 'row'))
          },
        },
      )
    })
  } finally {
    display.end()
    source.destroy()
    await faults.close()
  }
}

/** Standard input for `-`; its size is not known. */
async function openFile(file: string): Promise<{ source: Readable; size: number }> {
  if (file === '-') return { source: process.stdin, size: 0 }
  try {
    const handle = await open(file)
    const found = await handle.stat()
    if (found.isDirectory()) {
      await handle.close()
      throw new Error('it is a directory')
    }
    return { source: handle.createReadStream(), size: found.size }
  } catch (error) {
    const { message } = error as Error
    throw new DomainError('invalid-input', `${file} cannot be read: ${message}.`, [], { cause: error })
  }
}

/** Writes the rows that are not imported to the file, if one is named, so that they can be corrected and imported. */
async function openFaults(file: string | undefined) {
  if (file === undefined) return { add: undefined, close: async () => {} }
  // Before anything is imported: what is there already is not written over.
  const handle = await open(file, 'wx').catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'EEXIST' ? 'it is there already, and nothing is written over' : error.message
    throw new DomainError('invalid-input', `${file} cannot be written: ${why}.`, [], { cause: error })
  })
  const csv = stringify({
    header: true,
    bom: true,
    columns: [...memberColumns, ...faultColumns],
    escape_formulas: true,
  })
  let failure: Error | undefined
  const written = pipeline(csv, handle.createWriteStream()).catch((error: Error) => {
    failure = error
  })
  // Faults come by line, those of one row one after the other.
  let last: { line: number; written: readonly (string | null)[]; problems: string[] } | undefined
  let rows = 0
  const writeRow = async () => {
    if (!last || failure) return
    rows += 1
    const cells = memberColumns.map((column, index) => [column, last?.written[index] ?? ''] as const)
    const row = { ...Object.fromEntries(cells), line: last.line, problem: last.problems.join(' ') }
    if (!csv.write(row)) await Promise.race([once(csv, 'drain'), written])
  }
  return {
    async add(fault: FoundFault): Promise<void> {
      if (fault.isWarning) return
      if (last?.line !== fault.line) {
        await writeRow()
        last = { line: fault.line, written: fault.written, problems: [] }
      }
      last.problems.push(fault.column === null ? fault.reason : `${fault.column}: ${fault.reason}`)
    },
    async close(): Promise<void> {
      await writeRow()
      csv.end()
      await written
      if (failure) {
        say(`${file} could not be written: ${failure.message}`)
        process.exitCode = exitCodes.failed
      } else if (rows === 0) await rm(file)
    },
  }
}

/** One line for what is wrong in the same way, however many rows it concerns. */
function problemLine({ column, reason, rows, isWarning, examples }: FaultGroup): string {
  const lines = examples.map(({ line }) => line).join(', ')
  const more = rows > examples.length ? ` and ${(rows - examples.length).toLocaleString('en')} more` : ''
  const where = `${rows === 1 ? 'line' : 'lines'} ${lines}${more}`
  const value = examples[0]?.value
  return `${isWarning ? 'warning, ' : ''}${where}${column === null ? '' : `, ${column}`}: ${reason}${value ? ` (${JSON.stringify(value)})` : ''}`
}

function agentLine({ agentCode, fullName, email, phone }: ImportResult['newAgents'][number]): string {
  const more = [fullName === agentCode ? null : fullName, email, phone].filter((one) => one !== null)
  return more.length === 0 ? agentCode : `${agentCode} (${more.join(', ')})`
}

function resultLines(result: ImportResult): string[] {
  const { rows, inserted, updated, unchanged, skipped, faulty } = result
  const done = result.dryRun ? 'Would be imported' : 'Imported'
  const made = [
    ['agent', result.createdAgents, result.newAgents.map(agentLine)],
    ['tier', result.createdTiers, result.newTiers],
  ] as const
  return [
    `${done}: ${plural(rows, 'row')}, ${inserted} inserted, ${updated} updated, ${unchanged} unchanged, ${skipped} skipped, ${faulty} faulty.`,
    ...made
      .filter(([, count]) => count > 0)
      .map(
        ([what, count, named]) =>
          `${result.dryRun ? 'Would be created' : 'Created'}: ${plural(count, what)}: ${named.join(', ')}${count > named.length ? ', …' : ''}.`,
      ),
    ...result.statusChanges
      .filter(({ from }) => from !== null)
      .map(({ from, to, members }) => `Status: ${plural(members, 'member')} from ${from} to ${to}.`),
    ...(result.importId !== null && inserted + updated > 0
      ? [`To undo it, while nothing rests on it: almoner members undo-import ${result.importId}`]
      : []),
  ]
}
