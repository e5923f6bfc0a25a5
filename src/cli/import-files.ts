/** What the imports have in common at the command line: where the file comes from, and where its faults go. */
import { once } from 'node:events'
import { open, rm } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { stringify } from 'csv-stringify'
import { type FileKind, faultColumns } from '../members/column-rules.ts'
import type { FaultGroup, FoundFault } from '../members/import-faults-sql.ts'
import type { ImportCounts } from '../members/row-check-rules.ts'
import { DomainError } from '../platform/values/errors.ts'
import { exitCodes } from './exit-codes.ts'
import { plural, printResult, say } from './output.ts'

export interface FileOptions {
  map: string[]
  errors?: string
  dryRun?: true
}

/** What is said of every file that is imported. */
export function withFileOptions(command: Command): Command {
  return command
    .argument('<file>', 'the file; - for standard input')
    .option(
      '--map <column>',
      'what a column of another name means: "Member No=memberCode", or "Village=" to leave it out; may be given again',
      (entry: string, former: string[]) => [...former, entry],
      [],
    )
    .option('--errors <file>', 'write the bad rows to this new CSV file, to be corrected and imported')
    .option('--dry-run', 'check, count, and write nothing')
}

/**
 * Opens the file, and the one for its faults.
 *
 * @param use is told the size of the file in bytes, 0 when it is not known
 */
export async function withFile<Result>(
  kind: FileKind<string>,
  file: string,
  { errors }: FileOptions,
  use: (
    source: Readable,
    told: { size: number; onFault?: (fault: FoundFault) => Promise<void> },
  ) => Promise<Result>,
): Promise<Result> {
  const { source, size } = await openFile(file)
  const faults = await openFaults(kind, errors)
  try {
    return await use(source, { size, ...(faults.add && { onFault: faults.add }) })
  } finally {
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
async function openFaults(kind: FileKind<string>, file: string | undefined) {
  if (file === undefined) return { add: undefined, close: async () => {} }
  // Before anything is imported: an existing file is not overwritten.
  const handle = await open(file, 'wx').catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'EEXIST' ? 'it is there already, and nothing is written over' : error.message
    throw new DomainError('invalid-input', `${file} cannot be written: ${why}.`, [], { cause: error })
  })
  const csv = stringify({
    header: true,
    bom: true,
    columns: [...kind.columns, ...faultColumns],
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
    const cells = kind.columns.map((column, index) => [column, last?.written[index] ?? ''] as const)
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

/** Prints the result, and what is wrong beside it. Rows with faults make the command fail. */
export function printImport(
  command: Command,
  result: { readonly problems: readonly FaultGroup[]; readonly faulty: number },
  lines: readonly string[],
): void {
  for (const problem of result.problems) say(problemLine(problem))
  printResult(command, result, lines)
  if (result.faulty > 0) process.exitCode = exitCodes.failed
}

/** How many rows there were of each kind. */
export function countsLine({
  dryRun,
  rows,
  inserted,
  updated,
  unchanged,
  skipped,
  faulty,
}: ImportCounts): string {
  const done = dryRun ? 'Would be imported' : 'Imported'
  return `${done}: ${plural(rows, 'row')}, ${inserted} inserted, ${updated} updated, ${unchanged} unchanged, ${skipped} skipped, ${faulty} faulty.`
}

/** One line for each kind of fault, however many rows have it. */
function problemLine({ column, reason, rows, isWarning, examples }: FaultGroup): string {
  const lines = examples.map(({ line }) => line).join(', ')
  const more = rows > examples.length ? ` and ${(rows - examples.length).toLocaleString('en')} more` : ''
  const where = `${rows === 1 ? 'line' : 'lines'} ${lines}${more}`
  const value = examples[0]?.value
  return `${isWarning ? 'warning, ' : ''}${where}${column === null ? '' : `, ${column}`}: ${reason}${value ? ` (${JSON.stringify(value)})` : ''}`
}
