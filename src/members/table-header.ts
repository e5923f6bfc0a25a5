import {
  type ColumnMap,
  columnKey,
  countColumns,
  type FileKind,
  type Header,
  readHeader,
  refusal,
} from './column-rules.ts'
import type { CsvRow, RowTaker } from './table-csv.ts'

/** Lines above the header: a title, the date, blank lines. */
const maxTitleLines = 20

/**
 * Takes the rows below the header of a file, wherever it is. Some files have it again in the middle: it is no row.
 *
 * @param rowsToText gets the columns once, and then makes the text of each row
 */
export function belowHeader<Column extends string>(
  kind: FileKind<Column>,
  map: ColumnMap<Column>,
  rowsToText: (header: Header<Column>) => (row: CsvRow) => string,
): RowTaker {
  const countKnown = (names: readonly string[]) => countColumns(kind, map, names)
  let toText: ((row: CsvRow) => string) | undefined
  let header: readonly string[] = []
  /** The first line that is not empty. The refusal quotes it when there is no header. */
  let title: readonly string[] | undefined
  const isHeaderAgain = (fields: readonly string[]) =>
    fields[0]?.includes(header[0] ?? '') === true && keyOf(fields) === keyOf(header)
  return {
    countKnown,
    take: ({ line, fields }) => {
      if (toText) return isHeaderAgain(fields) ? '' : toText({ line, fields })
      if (countKnown(fields) > 1) {
        toText = rowsToText(readHeader(kind, map, fields))
        header = fields.map((field) => field.trim())
      } else {
        title ??= fields
        if (line > maxTitleLines) readHeader(kind, map, title)
      }
      return ''
    },
    end: () => {
      if (toText) return
      if (!title) throw refusal('The file is empty; its first line names the columns.')
      readHeader(kind, map, title)
      throw refusal('The file names no columns.')
    },
  }
}

/** A form in which equal lines are equal. */
function keyOf(fields: readonly string[]): string {
  return fields.map(columnKey).join()
}
