import type { Transform, TransformCallback } from 'node:stream'
import { CsvError, Parser } from 'csv-parse'
import {
  type ColumnMap,
  columnKey,
  countColumns,
  type Header,
  readHeader,
  refusal,
} from './member-columns.ts'

export interface CsvRow {
  /** The physical line on which the row begins; a quoted field may continue over more lines. */
  readonly line: number
  readonly fields: readonly string[]
}

/** Gets the columns once, and then makes the text of each row. */
type RowsToText = (header: Header, names: readonly string[]) => (row: CsvRow) => string

/** No row is this long. Without a limit, a quote that is never closed would load the whole file into memory. */
const maxRowChars = 1_000_000

/** Separators of one line. A row has eight fields, and the parser would keep ten million of them in memory. */
const maxSeparators = 1000

/** Lines above the header: a title, the date, blank lines. */
const maxTitleLines = 20

/** How a file is written. */
interface Style {
  readonly separator: ',' | ';' | '\t' | '|'
  readonly lineEnds: readonly string[]
}

const separators = [',', ';', '\t', '|'] as const

/** The format is detected from this much of the text. */
const headBytes = 65_536

/**
 * A stream that reads a CSV file and gives what `rowsToText` makes of each row; blank rows are left out. Separators, line ends and
 * the header are found in the file. It fails with DomainError `import-refused` when the file as a whole cannot be read.
 *
 * @param text UTF-8
 */
export async function readMemberCsv(
  text: AsyncGenerator<Buffer>,
  map: ColumnMap,
  rowsToText: RowsToText,
): Promise<{ readonly text: AsyncGenerator<Buffer>; readonly reader: Transform }> {
  let head = Buffer.alloc(0)
  let next = await text.next()
  for (; !next.done && head.length < headBytes; next = await text.next())
    head = Buffer.concat([head, next.value])
  const reader = new MemberCsv(styleOf(head.toString('utf8', 0, headBytes), map), map, rowsToText)
  async function* whole(): AsyncGenerator<Buffer> {
    try {
      yield head
      if (!next.done) yield next.value
      yield* text
    } finally {
      await text.return(undefined)
    }
  }
  return { text: whole(), reader }
}

function styleOf(head: string, map: ColumnMap): Style {
  const lineEnds = head.includes('\n') ? ['\r\n', '\n'] : ['\r']
  const lines = head.split(/\r\n|\n|\r/, maxTitleLines + 1)
  // This line is for spreadsheets: it names the separator.
  const told = /^"?sep=(.)"?/i.exec(lines[0] ?? '')?.[1]
  const columnsBy = (separator: string) =>
    Math.max(...lines.map((line) => countColumns(line.split(separator), map)))
  const separator =
    separators.find((one) => one === told) ??
    separators.reduce((best, one) => (columnsBy(one) > columnsBy(best) ? one : best))
  return { separator, lineEnds }
}

/**
 * csv-parse hands each record to `push` while it reads a chunk. Taking them there keeps the stream's cost at one
 * piece of text a chunk, and tells the line of the record that was being read when the parser failed; the
 * parser's own count is behind by its quoted line breaks, and costs more than the parsing.
 */
class MemberCsv extends Parser {
  readonly #rowsToText: RowsToText
  readonly #map: ColumnMap
  readonly #separator: number
  readonly #lineEnd: number
  /** Undefined until the header has been read. */
  #toText: ((row: CsvRow) => string) | undefined
  /** The header as written in the file: some files repeat it in the middle. */
  #header: readonly string[] = []
  /** The first line that is not empty. It is named in the refusal when there is no header. */
  #title: readonly string[] | undefined
  #failure: Error | undefined
  #nextLine = 1
  #text = ''
  #separators = 0

  constructor({ separator, lineEnds }: Style, map: ColumnMap, rowsToText: RowsToText) {
    super({
      delimiter: separator,
      // Both kinds of line ends: an editor that adds lines to a file may mix them.
      record_delimiter: [...lineEnds],
      ltrim: true,
      relax_quotes: true,
      relax_column_count: true,
      max_record_size: maxRowChars,
    })
    this.#rowsToText = rowsToText
    this.#map = map
    this.#separator = separator.charCodeAt(0)
    this.#lineEnd = lineEnds.at(-1)?.charCodeAt(0) ?? 0
  }

  override push(fields: readonly string[] | null): boolean {
    if (fields === null) return super.push(null)
    const line = this.#nextLine
    this.#nextLine += 1 + countLineBreaks(fields, String.fromCharCode(this.#lineEnd))
    if (this.#failure || fields.every((field) => field.trim() === '')) return true
    try {
      if (!this.#toText) this.#readHeader(line, fields)
      else if (!this.#isHeaderAgain(fields)) this.#text += this.#toText({ line, fields })
    } catch (error) {
      this.#failure = error as Error
    }
    return true
  }

  #readHeader(line: number, fields: readonly string[]): void {
    const isHeader = countColumns(fields, this.#map) > 1
    if (!isHeader) {
      this.#title ??= fields
      // The refusal quotes it.
      if (line > maxTitleLines) readHeader(this.#title, this.#map)
      return
    }
    this.#toText = this.#rowsToText(readHeader(fields, this.#map), fields)
    this.#header = fields.map((field) => field.trim())
  }

  #isHeaderAgain(fields: readonly string[]): boolean {
    const [first = ''] = this.#header
    return fields[0]?.includes(first) === true && keyOf(fields) === keyOf(this.#header)
  }

  override _transform(chunk: unknown, encoding: BufferEncoding, done: TransformCallback): void {
    if (this.#hasTooManySeparators(chunk)) {
      const what = this.#separator === comma ? 'commas' : 'separators'
      done(
        refusal(
          `A line after line ${this.#nextLine} has more than ${maxSeparators} ${what}: it is no row of members.`,
        ),
      )
      return
    }
    super._transform(chunk, encoding, (error) => this.#handOn(error, done))
  }

  override _flush(done: TransformCallback): void {
    super._flush((error) => {
      if (!error && !this.#toText) this.#failure ??= this.#refusalOfHeader()
      this.#handOn(error, done)
    })
  }

  /** Before the parser sees them. */
  #hasTooManySeparators(chunk: unknown): boolean {
    for (const byte of Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))) {
      if (byte === this.#lineEnd) this.#separators = 0
      else if (byte === this.#separator) {
        this.#separators += 1
        if (this.#separators > maxSeparators) return true
      }
    }
    return false
  }

  #refusalOfHeader(): Error {
    if (!this.#title) return refusal('The file is empty; its first line names the columns.')
    try {
      readHeader(this.#title, this.#map)
    } catch (error) {
      return error as Error
    }
    return refusal('The file names no columns.')
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

/** A form in which equal lines are equal. */
function keyOf(fields: readonly string[]): string {
  return fields.map(columnKey).join()
}

function countLineBreaks(fields: readonly string[], lineEnd: string): number {
  let breaks = 0
  for (const field of fields) {
    for (let at = field.indexOf(lineEnd); at !== -1; at = field.indexOf(lineEnd, at + 1)) breaks += 1
  }
  return breaks
}
