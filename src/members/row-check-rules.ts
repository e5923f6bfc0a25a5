import type { TextRule } from '../platform/values/text-rules.ts'
import type { FileKind, Header } from './column-rules.ts'
import type { CsvRow } from './table-csv.ts'

/** What is wrong in a row: a fault, for which it is not imported, or a warning, with which it is. */
export interface RowFault {
  /** The physical line on which the row begins. */
  readonly line: number
  /** Null when the fault is the row's as a whole. */
  readonly column: string | null
  /** The value, shortened, with control characters made visible. */
  readonly value: string | null
  /** One sentence. */
  readonly reason: string
  readonly isWarning: boolean
}

export interface CheckedRow {
  readonly line: number
  /** In the order of the columns of its kind of file. Null for an empty or refused value. */
  readonly values: readonly (string | null)[]
  readonly faults: readonly Omit<RowFault, 'line'>[]
  /** Of a row with faults: as it is written in the file, in the order of the columns of its kind of file. */
  readonly written: readonly string[]
}

/** What an import did with the rows of its file, or would do; `rows` is the sum of the next five. */
export interface ImportCounts {
  readonly rows: number
  readonly inserted: number
  readonly updated: number
  /** There already, and the same. */
  readonly unchanged: number
  /** There already, and different, or put there by somebody else during the import. */
  readonly skipped: number
  readonly faulty: number
  readonly dryRun: boolean
}

const shownChars = 80

const maxReadings = 20_000

/** How a column reads its value. */
interface Reading {
  readonly value: string | null
  readonly reason?: string
  readonly isWarning?: boolean
}

/** How the cells of a column are read. */
export interface CellReader<Options = unknown> {
  readonly tidy: (written: string) => string
  readonly read: (text: string, options: Options) => Reading
  /** Whether the same values repeat: a million rows have few tiers, agents and days, and each value is checked once. */
  readonly isRepeated?: boolean
}

/** Makes the check of a row by itself, without the register. */
export function rowCheck<Column extends string, Options>(
  kind: FileKind<Column>,
  readers: Readonly<Record<Column, CellReader<Options>>>,
  header: Header<Column>,
  options: Options,
): (row: CsvRow) => CheckedRow {
  const columns = kind.columns.map((column) => {
    const reader = readers[column]
    const isRequired = kind.required.includes(column)
    const readCell = (written: string) => read({ column, reader, isRequired }, written, options)
    return {
      column,
      place: header.indexOf(column),
      readCell: reader.isRepeated ? remembered(readCell) : readCell,
    }
  })
  const lastRequired = Math.max(...kind.required.map((column) => header.indexOf(column)))
  return ({ line, fields }) => {
    const hasMore =
      fields.length > header.length && fields.slice(header.length).some((field) => field.trim() !== '')
    if (fields.length <= lastRequired || hasMore) {
      const reason = `The row has ${fields.length} fields and the header ${header.length}.`
      const fault = { column: null, value: null, reason, isWarning: false }
      return { line, values: columns.map(() => null), faults: [fault], written: fields }
    }
    const faults: Omit<RowFault, 'line'>[] = []
    const values = columns.map(({ column, place, readCell }) => {
      if (place === -1) return null
      const written = fields[place] ?? ''
      const { value, reason, isWarning = false } = readCell(written)
      if (reason !== undefined) faults.push({ column, value: shown(written), reason, isWarning })
      return value
    })
    return {
      line,
      values,
      faults,
      // Few rows need this text.
      written: faults.length === 0 ? [] : columns.map(({ place }) => fields[place] ?? ''),
    }
  }
}

function remembered(readCell: (written: string) => Reading): (written: string) => Reading {
  const readings = new Map<string, Reading>()
  return (written) => {
    const found = readings.get(written)
    if (found) return found
    const reading = readCell(written)
    if (readings.size < maxReadings) readings.set(written, reading)
    return reading
  }
}

function read<Options>(
  {
    column,
    reader,
    isRequired,
  }: { readonly column: string; readonly reader: CellReader<Options>; readonly isRequired: boolean },
  written: string,
  options: Options,
): Reading {
  // A spreadsheet marks a text with an apostrophe.
  const text = reader.tidy(written.includes("'") ? written.replace(/^\s*'(?=[=+@-])/, '') : written)
  if (text === '') {
    if (!isRequired) return { value: null }
    return {
      value: null,
      reason:
        written.trim() === '' ? `The ${column} is missing.` : `The ${column} has only invisible characters.`,
    }
  }
  // The parser writes U+FFFD for invalid bytes; an earlier program may have done the same.
  if (/[\0\uFFFD]/.test(text))
    return { value: null, reason: `The ${column} holds bytes that are not UTF-8 text.` }
  return reader.read(text, options)
}

export function required({ tidy, reasonAgainst }: TextRule): CellReader {
  return {
    tidy,
    read: (text) => {
      const reason = reasonAgainst(text)
      return reason === undefined ? { value: text } : { value: null, reason }
    },
  }
}

/** A wrong telephone number or address never refuses the row. */
export function contact({ tidy, reasonAgainst }: TextRule): CellReader {
  return {
    tidy,
    read: (text) => {
      const reason = reasonAgainst(text)
      return reason === undefined
        ? { value: text }
        : { value: null, reason: `${reason} The row is taken without it.`, isWarning: true }
    },
  }
}

/** What people write for an empty value. */
const nothing = /^(-+|n\/?a|#n\/a|nil|null|none)$/i

/** A cell for which people may write that there is no value. */
export function orNothing(reader: CellReader, what: string): CellReader {
  return {
    tidy: reader.tidy,
    read: (text, options) =>
      nothing.test(text)
        ? { value: null, reason: `This is taken as: no ${what}.`, isWarning: true }
        : reader.read(text, options),
  }
}

function shown(value: string): string {
  const text = value.trim()
  const cut = text.length > shownChars ? `${[...text.slice(0, shownChars)].slice(0, -1).join('')}…` : text
  return cut.replace(/\p{Cc}/gu, (control) => {
    const code = control.charCodeAt(0)
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\u2421'
  })
}
