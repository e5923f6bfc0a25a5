import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { SaxesParser, type SaxesTagPlain } from 'saxes'
import { Temporal } from 'temporal-polyfill'
import { refusal } from './column-rules.ts'
import {
  localName,
  maxTextChars,
  maxUnpackedBytes,
  openParts,
  type Parts,
  parseXml,
  readXml,
  tooLarge,
} from './workbook-parts.ts'

/** Of the list of sheets and of the styles: large ones come to a tenth. */
const maxSmallPartBytes = 20_000_000
/** Of rows that are read and not yet handed on. */
const maxHeldChars = 10_000_000
/** As many as a spreadsheet has. */
const maxRows = 1_048_576
/** Texts that cells share are kept in memory while the sheet is read. */
const maxSharedChars = 100_000_000
const maxColumns = 1000
/** Rows that are written as one piece of text. */
const rowsAtOnce = 200

/**
 * The first sheet of an Office Open XML workbook (.xlsx) as CSV: a line a row, so that lines are numbered as the spreadsheet numbers
 * its rows. Dates become YYYY-MM-DD, and numbers all their digits.
 *
 * Source of the format: ECMA-376, part 1, 18.3 (sheets), 18.4 (shared texts), 18.8 (formats of numbers).
 *
 * @throws DomainError `import-refused` when it is no workbook, or far too large
 */
export async function* workbookAsCsv(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  // An archive is read from its end.
  const folder = await mkdtemp(path.join(tmpdir(), 'almoner-workbook-'))
  try {
    const file = path.join(folder, 'book.xlsx')
    await pipeline(source, createWriteStream(file, { mode: 0o600 }))
    const parts = await openParts(file)
    try {
      yield* rowsOf(parts)
    } finally {
      parts.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function* rowsOf(parts: Parts): AsyncGenerator<Buffer> {
  const { sheet, countsFrom1904 } = await findSheet(parts)
  const texts = await readSharedTexts(parts)
  const isDate = await readDateStyles(parts)
  const written: string[] = []
  let line = 0
  let heldChars = 0
  let cells: string[] = []
  let column = 0
  let cell: SaxesTagPlain | undefined
  let value = ''
  let isValue = false
  const parser = new SaxesParser()
  parser.on('opentag', (tag) => {
    const name = localName(tag)
    if (name === 'row') {
      // A sheet leaves out empty rows, and their numbers.
      const number = Number(tag.attributes.r ?? line + 1)
      if (number > maxRows) throw refusal(`The sheet has more than ${maxRows} rows.`)
      for (; line < number - 1; line += 1) written.push('')
      cells = []
      column = 0
    } else if (name === 'c') {
      cell = tag
      value = ''
      column = columnOf(tag.attributes.r) ?? column
      if (column >= maxColumns) throw refusal(`The sheet has more than ${maxColumns} columns.`)
    } else if (name === 'v' || (name === 't' && cell)) isValue = true
  })
  parser.on('text', (text) => {
    if (isValue) value += text
    if (value.length > maxTextChars) throw tooLarge()
  })
  parser.on('closetag', (tag) => {
    const name = localName(tag)
    if (name === 'v' || name === 't') isValue = false
    else if (name === 'c' && cell) {
      while (cells.length < column) cells.push('')
      const text = textOf(cell.attributes, value, { texts, isDate, countsFrom1904 })
      // Many cells may share one long text.
      heldChars += text.length
      if (heldChars > maxHeldChars) throw tooLarge()
      cells.push(text)
      column += 1
      cell = undefined
    } else if (name === 'row') {
      written.push(cells.map(quoted).join(','))
      line += 1
    }
  })
  const takeWritten = (atLeast: number) => {
    if (written.length < atLeast) return undefined
    heldChars = 0
    return Buffer.from(`${written.splice(0).join('\n')}\n`)
  }
  yield* parseXml(parts.read(sheet, maxUnpackedBytes), parser, () => takeWritten(rowsAtOnce))
  const last = takeWritten(1)
  if (last) yield last
}

interface Book {
  readonly texts: readonly string[]
  readonly isDate: readonly boolean[]
  /** In files from old Macs. */
  readonly countsFrom1904: boolean
}

function textOf({ t, s }: Record<string, string>, value: string, book: Book): string {
  switch (t) {
    case 's':
      return book.texts[Number(value)] ?? ''
    case 'b':
      return value === '1' ? 'TRUE' : 'FALSE'
    case 'str':
    case 'inlineStr':
    case 'e':
    case 'd':
      return value
    default:
      if (value === '') return ''
      return book.isDate[Number(s ?? 0)] ? dateOf(Number(value), book.countsFrom1904) : numberOf(value)
  }
}

/** `9.19820000001E11` is written as a spreadsheet shows it in a wide column. */
function numberOf(value: string): string {
  const number = Number(value)
  return Number.isSafeInteger(number) ? String(number) : value
}

/** Days are counted from the last day of 1899; 1900-02-29, which did not exist, is counted too. */
function dateOf(days: number, countsFrom1904: boolean): string {
  const whole = Math.floor(days)
  const [start, shift] = countsFrom1904 ? ['1904-01-01', 0] : ['1899-12-31', whole > 59 ? -1 : 0]
  try {
    return Temporal.PlainDate.from(start)
      .add({ days: whole + shift })
      .toString()
  } catch {
    return String(days)
  }
}

/** The path of the first sheet. */
async function findSheet(parts: Parts): Promise<{ sheet: string; countsFrom1904: boolean }> {
  let id: string | undefined
  let countsFrom1904 = false
  const book = new SaxesParser()
  book.on('opentag', (tag) => {
    const name = localName(tag)
    if (name === 'sheet' && (tag.attributes.state ?? 'visible') === 'visible') id ??= tag.attributes['r:id']
    if (name === 'workbookPr') countsFrom1904 = /^(1|true)$/.test(tag.attributes.date1904 ?? '')
  })
  await readXml(parts.read('xl/workbook.xml', maxSmallPartBytes), book)
  let sheet: string | undefined
  const links = new SaxesParser()
  links.on('opentag', ({ attributes }) => {
    if (attributes.Id !== undefined && attributes.Id === id) sheet = attributes.Target
  })
  await readXml(parts.read('xl/_rels/workbook.xml.rels', maxSmallPartBytes), links)
  if (sheet === undefined) throw refusal('There is no sheet in this workbook.')
  return { sheet: sheet.startsWith('/') ? sheet.slice(1) : `xl/${sheet}`, countsFrom1904 }
}

async function readSharedTexts(parts: Parts): Promise<string[]> {
  const texts: string[] = []
  let chars = 0
  let text = ''
  let isText = false
  /** Whether this text only says how the other is pronounced. */
  let isSpoken = false
  const parser = new SaxesParser()
  parser.on('opentag', (tag) => {
    const name = localName(tag)
    if (name === 'si') text = ''
    else if (name === 'rPh') isSpoken = true
    else if (name === 't') isText = !isSpoken
  })
  parser.on('text', (piece) => {
    if (!isText) return
    chars += piece.length
    if (chars > maxSharedChars) throw tooLarge()
    text += piece
  })
  parser.on('closetag', (tag) => {
    const name = localName(tag)
    if (name === 't') isText = false
    else if (name === 'rPh') isSpoken = false
    else if (name === 'si') {
      // Its place in the list.
      chars += 8
      texts.push(text)
    }
  })
  await readXml(parts.read('xl/sharedStrings.xml', maxUnpackedBytes), parser)
  return texts
}

/** Which of the styles of cells show a number as a date. */
async function readDateStyles(parts: Parts): Promise<boolean[]> {
  const own = new Map<string, string>()
  const styles: boolean[] = []
  let isCells = false
  const parser = new SaxesParser()
  parser.on('opentag', (tag) => {
    const name = localName(tag)
    const { numFmtId = '0', formatCode = '' } = tag.attributes
    if (name === 'numFmt') own.set(numFmtId, formatCode)
    else if (name === 'cellXfs') isCells = true
    else if (name === 'xf' && isCells) styles.push(isDateFormat(Number(numFmtId), own.get(numFmtId)))
  })
  parser.on('closetag', (tag) => {
    if (localName(tag) === 'cellXfs') isCells = false
  })
  await readXml(parts.read('xl/styles.xml', maxSmallPartBytes), parser)
  return styles
}

/** The date formats of the standard, and own formats with a day or a year in them. */
function isDateFormat(id: number, code: string | undefined): boolean {
  if (code === undefined)
    return (id >= 14 && id <= 17) || id === 22 || (id >= 27 && id <= 36) || (id >= 50 && id <= 58)
  return /[dy]/i.test(code.replaceAll(/"[^"]*"|\\.|\[[^\]]*\]/g, ''))
}

/** `BC7` → 54, counted from 0. */
function columnOf(reference: string | undefined): number | undefined {
  const letters = /^[A-Z]+/.exec(reference ?? '')?.[0]
  if (letters === undefined) return undefined
  return [...letters].reduce((column, letter) => column * 26 + letter.charCodeAt(0) - 64, 0) - 1
}

/** A line break inside a cell becomes U+2028, which does not end the line. */
function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""').replaceAll(/\r\n|\r|\n/g, '\u2028')}"` : text
}
