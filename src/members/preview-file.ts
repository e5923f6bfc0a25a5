import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type ColumnMap, countColumns, type MemberColumn, meaningOf, memberFile } from './column-rules.ts'
import { readUtf8 } from './file-text.ts'
import { type CsvRow, readTable } from './table-csv.ts'

export interface FilePreview {
  /** The first rows as they are read, with what each field would mean were it the name of a column. */
  readonly rows: readonly (CsvRow & {
    /** `''`: a column that is left out; null: nobody knows. */
    readonly columns: readonly (MemberColumn | '' | null)[]
  })[]
  /** The line that names the columns, or seems to; null when there is no row. */
  readonly headerLine: number | null
}

/** A title, the names of the columns, and some rows. */
const shownRows = 12
const shownChars = 200

/**
 * Shows how a file of members is read, whose columns may not be known yet. Of a long file its beginning is enough.
 *
 * @throws DomainError `import-refused` when the file cannot be read
 */
export async function previewFile(file: Readable, map: ColumnMap<MemberColumn>): Promise<FilePreview> {
  const rows: CsvRow[] = []
  const countKnown = (names: readonly string[]) => countColumns(memberFile, map, names)
  const { text, reader } = await readTable(readUtf8(file), {
    countKnown,
    take: ({ line, fields }) => {
      if (rows.length === shownRows) throw new EnoughSeen()
      rows.push({ line, fields: fields.map((field) => field.slice(0, shownChars)) })
      return ''
    },
    end: () => {},
  })
  await pipeline(text, reader.resume()).catch((error: unknown) => {
    // How the file goes on is seen when it is imported.
    if (!(error instanceof EnoughSeen)) throw error
  })
  const filled = ({ fields }: CsvRow) => fields.filter((field) => field.trim() !== '').length
  const most = Math.max(...rows.map(filled))
  const header =
    rows.find(({ fields }) => countKnown(fields) > 1) ?? rows.find((row) => filled(row) === most) ?? null
  return {
    rows: rows.map((row) => ({ ...row, columns: row.fields.map((name) => columnOf(map, name)) })),
    headerLine: header?.line ?? null,
  }
}

class EnoughSeen extends Error {}

function columnOf(map: ColumnMap<MemberColumn>, name: string): MemberColumn | '' | null {
  const meaning = meaningOf(memberFile, map, name)
  return meaning === undefined ? null : (meaning ?? '')
}
