import type { Transform, TransformCallback } from 'node:stream'
import { CsvError, Parser } from 'csv-parse'
import { DomainError } from '../platform/values/errors.ts'

export const memberColumns = [
  'memberCode',
  'fullName',
  'tier',
  'agentCode',
  'status',
  'joinedOn',
  'phone',
  'email',
] as const

export type MemberColumn = (typeof memberColumns)[number]

export const requiredColumns: readonly MemberColumn[] = [
  'memberCode',
  'fullName',
  'tier',
  'status',
  'joinedOn',
]

export interface CsvRow {
  /** The physical line on which the row begins; a quoted field may go on over more of them. */
  readonly line: number
  readonly fields: readonly string[]
}

/** Is told the columns once, and then makes the text of each row. */
type RowsToText = (header: readonly MemberColumn[]) => (row: CsvRow) => string

/** No row is this long. Without a bound, a quote that is never closed would draw the whole file into memory. */
const maxRowChars = 1_000_000

/** Commas of one line. A row has eight fields, and a parser that meets ten million keeps them all in memory. */
const maxCommas = 1000

/**
 * A stream that reads the bytes of a CSV file and gives what `rowsToText` makes of each row; blank lines are left out.
 * It fails with DomainError `import-refused` when the file as a whole cannot be read.
 */
export function readMemberCsv(rowsToText: RowsToText): Transform {
  return new MemberCsv(rowsToText)
}

/**
 * csv-parse hands each record to `push` while it reads a chunk. Taking them there keeps the stream's cost at one
 * piece of text a chunk, and tells the line of the record that was being read when the parser failed; the
 * parser's own count is behind by its quoted line breaks, and costs more than the parsing.
 */
class MemberCsv extends Parser {
  readonly #rowsToText: RowsToText
  /** Undefined until the header has been read. */
  #toText: ((row: CsvRow) => string) | undefined
  #failure: Error | undefined
  #nextLine = 1
  #text = ''
  #commas = 0

  constructor(rowsToText: RowsToText) {
    super({
      // Both at once: an editor that adds lines to a file from elsewhere leaves it mixed.
      record_delimiter: ['\r\n', '\n'],
      // Also skips a byte order mark. `bom` would quietly read UTF-16 as well, and half of it wrongly.
      ltrim: true,
      relax_quotes: true,
      relax_column_count: true,
      max_record_size: maxRowChars,
    })
    this.#rowsToText = rowsToText
  }

  override push(fields: readonly string[] | null): boolean {
    if (fields === null) return super.push(null)
    const line = this.#nextLine
    this.#nextLine += 1 + countLineBreaks(fields)
    if (this.#failure || (fields.length === 1 && fields[0]?.trim() === '')) return true
    try {
      if (this.#toText) this.#text += this.#toText({ line, fields })
      else this.#toText = this.#rowsToText(readHeader(fields))
    } catch (error) {
      this.#failure = error as Error
    }
    return true
  }

  override _transform(chunk: unknown, encoding: BufferEncoding, done: TransformCallback): void {
    if (this.#hasTooManyCommas(chunk)) {
      done(
        refusal(
          `A line after line ${this.#nextLine} has more than ${maxCommas} commas: it is no row of members.`,
        ),
      )
      return
    }
    super._transform(chunk, encoding, (error) => this.#handOn(error, done))
  }

  override _flush(done: TransformCallback): void {
    super._flush((error) => {
      if (!error && !this.#toText)
        this.#failure ??= refusal('The file is empty; its first line names the columns.')
      this.#handOn(error, done)
    })
  }

  /** Before the parser sees them. */
  #hasTooManyCommas(chunk: unknown): boolean {
    for (const byte of Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))) {
      if (byte === lineFeed) this.#commas = 0
      else if (byte === comma) {
        this.#commas += 1
        if (this.#commas > maxCommas) return true
      }
    }
    return false
  }

  #handOn(error: Error | null | undefined, done: TransformCallback): void {
    const failure = this.#failure ?? (error ? this.#refusalOf(error) : undefined)
    if (failure) {
      done(failure)
      return
    }
    const text = this.#text
    this.#text = ''
    if (text !== '') super.push(text)
    done()
  }

  #refusalOf(error: Error): Error {
    if (!(error instanceof CsvError)) return error
    const line = this.#nextLine
    if (error.code === 'CSV_QUOTE_NOT_CLOSED') {
      return refusal(
        `A quotation mark is opened in the row that begins on line ${line} and never closed.`,
        error,
      )
    }
    if (error.code === 'CSV_MAX_RECORD_SIZE') {
      return refusal(
        `The row that begins on line ${line} is longer than ${maxRowChars} characters; ` +
          'most likely a quotation mark is opened there and never closed.',
        error,
      )
    }
    return refusal(`The file cannot be read as CSV from line ${line} on: ${error.message}`, error)
  }
}

const comma = 0x2c
const lineFeed = 0x0a

function countLineBreaks(fields: readonly string[]): number {
  let breaks = 0
  for (const field of fields) {
    for (let at = field.indexOf('\n'); at !== -1; at = field.indexOf('\n', at + 1)) breaks += 1
  }
  return breaks
}

function readHeader(fields: readonly string[]): MemberColumn[] {
  const names = fields.map((field) => field.trim())
  const first = names[0] ?? ''
  if (names.some((name) => /[\0\uFFFD]/.test(name))) {
    throw refusal('The file is not UTF-8 text; save it as CSV in UTF-8.')
  }
  if (names.length === 1 && /[;\t]/.test(first)) {
    const separator = first.includes(';') ? 'semicolons' : 'tabs'
    throw refusal(`The columns are separated by ${separator}; save the file with commas.`)
  }
  const unknown = names.find((name) => !memberColumns.some((column) => column === name))
  if (unknown !== undefined) {
    const known = memberColumns.join(', ')
    throw refusal(`There is no column ${JSON.stringify(unknown.slice(0, 80))}; the columns are ${known}.`)
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw refusal(`The column ${twice} is there twice.`)
  const missing = requiredColumns.filter((column) => !names.includes(column))
  if (missing.length > 0) throw refusal(`The file lacks the columns ${missing.join(', ')}.`)
  return names as MemberColumn[]
}

function refusal(detail: string, cause?: Error): DomainError {
  return new DomainError('import-refused', detail, [], { cause })
}
