import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import { type Command, Option } from 'commander'
import { stringify } from 'csv-stringify'
import { eraseMember, requestErasure, withdrawErasure } from '../members/erase-member.ts'
import { type ImportResult, importMembers, type RowFault } from '../members/import-members.ts'
import { DomainError } from '../platform/values/errors.ts'
import { memberByCode, nameOf } from './arguments.ts'
import { exitCodes } from './exit-codes.ts'
import { plural, printResult, say, showProgress } from './output.ts'
import { commandActor, group, withApplication } from './run-command.ts'

interface ImportOptions {
  onDuplicate: 'skip' | 'update'
  errors?: string
  dryRun?: true
  createAgents?: true
  createTiers?: true
}

/** Faults that are shown on the terminal; a file of faults holds all. */
const shownFaults = 20

export function membersCommand(): Command {
  const members = group('members', 'the register')
  members
    .command('import')
    .description('import members from a CSV file; good rows are imported, bad rows are listed')
    .argument('<file>')
    .addOption(
      new Option('--on-duplicate <what>', 'what to do with members that are there and differ')
        .choices(['skip', 'update'])
        .default('skip'),
    )
    .option('--errors <file>', 'write the bad rows to this CSV file')
    .option('--create-agents', 'create the agents that the file names')
    .option('--create-tiers', 'create the tiers that the file names')
    .option('--dry-run', 'check, count, and write nothing')
    .action(async (file: string, options: ImportOptions, command: Command) => {
      const result = await importFile(file, options)
      printResult(command, result, resultLines(result))
      if (result.faulty > 0) process.exitCode = exitCodes.failed
    })
  members
    .command('erase')
    .description('forget a member who has left or died: one person asks for it, another approves')
    .argument('<code>', 'the code of the member')
    .option('--reason <text>', 'why; asks for it', nameOf)
    .option('--approve', 'do what another person has asked for; it cannot be undone')
    .option('--withdraw', 'take the request back')
    .action(async (memberCode: string, options: EraseOptions, command: Command) => {
      const { reason, approve, withdraw } = options
      if ([reason, approve, withdraw].filter((given) => given !== undefined).length !== 1) {
        throw new DomainError('invalid-input', 'Give one of --reason, --approve and --withdraw.')
      }
      const sentence = await withApplication(async (app) => {
        const { memberId } = await memberByCode(app.db, memberCode)
        const actor = commandActor()
        if (reason !== undefined) {
          await requestErasure(app, { memberId, reason, actor })
          return `Another person has to approve it: almoner members erase ${memberCode} --approve`
        }
        if (withdraw) {
          await withdrawErasure(app, { memberId, actor })
          return `${memberCode} is not to be erased any more.`
        }
        await eraseMember(app, { memberId, actor })
        return `${memberCode} is erased. Backups of before still hold the name: delete them in their time.`
      })
      printResult(command, { memberCode, done: sentence }, [sentence])
    })
  return members
}

interface EraseOptions {
  reason?: string
  approve?: true
  withdraw?: true
}

async function importFile(file: string, options: ImportOptions): Promise<ImportResult> {
  const size = await stat(file).then(
    (found) => found.size,
    (error: Error) => {
      throw new DomainError('invalid-input', `${file} cannot be read: ${error.message}.`, [], {
        cause: error,
      })
    },
  )
  const csv = createReadStream(file)
  const faults = await openFaults(options.errors)
  const display = showProgress('Reading')
  try {
    return await withApplication((app) =>
      importMembers(
        { pool: app.database.pool, clock: app.clock },
        {
          csv,
          onDuplicate: options.onDuplicate,
          createAgents: options.createAgents === true,
          createTiers: options.createTiers === true,
          dryRun: options.dryRun === true,
          actor: commandActor(),
          onFault: faults.add,
          onProgress: (rowsRead) => display.show(csv.bytesRead, size, plural(rowsRead, 'row')),
        },
      ),
    )
  } finally {
    display.end()
    csv.destroy()
    await faults.close()
  }
}

/** Shows the first faults, and writes all of them to the file if one is named. */
async function openFaults(file: string | undefined) {
  const csv = stringify({
    header: true,
    columns: ['line', 'column', 'value', 'reason'],
    escape_formulas: true,
  })
  const written = file === undefined ? undefined : finished(csv.pipe(createWriteStream(file)))
  // Found out when it is closed; until then it must not end the process.
  written?.catch(() => {})
  let count = 0
  return {
    async add(fault: RowFault): Promise<void> {
      count += 1
      if (count <= shownFaults) say(faultLine(fault))
      if (count === shownFaults + 1)
        say(`… and more${file === undefined ? ': name a file with --errors' : ''}`)
      if (written && !csv.write(fault)) await new Promise((resolve) => csv.once('drain', resolve))
    },
    async close(): Promise<void> {
      csv.end()
      await written
    },
  }
}

function faultLine({ line, column, value, reason }: RowFault): string {
  const where = column === null ? `line ${line}` : `line ${line}, ${column}`
  return `${where}: ${reason}${value === null || value === '' ? '' : ` (${JSON.stringify(value)})`}`
}

function resultLines(result: ImportResult): string[] {
  const { rows, inserted, updated, unchanged, skipped, faulty, createdAgents, createdTiers } = result
  const lines = [
    `${result.dryRun ? 'Would be imported' : 'Imported'}: ${plural(rows, 'row')}, ${inserted} inserted, ${updated} updated, ${unchanged} unchanged, ${skipped} skipped, ${faulty} faulty.`,
  ]
  if (createdAgents + createdTiers > 0) {
    lines.push(`Created: ${plural(createdAgents, 'agent')}, ${plural(createdTiers, 'tier')}.`)
  }
  return lines
}
