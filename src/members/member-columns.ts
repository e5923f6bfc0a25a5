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

/** What the columns of a file mean, in their order; null: nothing that is imported. */
export type Header = readonly (MemberColumn | null)[]

/** What columns of other names mean, by the name as `columnKey` writes it. */
export type ColumnMap = ReadonlyMap<string, MemberColumn | null>

/** In a file of faults, which can be corrected and imported again. */
export const faultColumns = ['line', 'problem'] as const

const known: ColumnMap = new Map<string, MemberColumn | null>([
  ...memberColumns.map((column) => [columnKey(column), column] as const),
  ...faultColumns.map((column) => [columnKey(column), null] as const),
])

/** `Member Code`, `member_code` and `memberCode` are one name: capitals, blanks, signs and invisible characters make no difference. */
export function columnKey(name: string): string {
  return name
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}]/gu, '')
}

/**
 * Reads how columns of other names are to be understood.
 *
 * @param entries each `Member No=memberCode`, or `Village=` for a column that is left out
 * @throws DomainError `invalid-input`
 */
export function readColumnMap(entries: readonly string[]): ColumnMap {
  return new Map(
    entries.map((entry) => {
      const [name = '', column, ...more] = entry.split('=')
      const found = column === undefined ? undefined : known.get(columnKey(column))
      const isKnown = found !== undefined && found !== null
      if (columnKey(name) === '' || more.length > 0 || !(isKnown || column?.trim() === '')) {
        throw new DomainError(
          'invalid-input',
          `"${entry}" does not say what a column means: write "Member No=memberCode", or "Village=" to leave it out.`,
        )
      }
      return [columnKey(name), isKnown ? found : null] as const
    }),
  )
}

/** How many of the names are those of columns. A line with two of them is the header; above it there may be a title. */
export function countColumns(names: readonly string[], map: ColumnMap): number {
  return names.filter((name) => (map.get(columnKey(name)) ?? known.get(columnKey(name))) != null).length
}

/** @throws DomainError `import-refused` when a column is unknown, given twice, or missing */
export function readHeader(fields: readonly string[], map: ColumnMap): Header {
  const names = fields.map((field) => field.trim())
  // Spreadsheets add empty columns at the end.
  while (names.at(-1) === '') names.pop()
  if (names.some((name) => /[\0\uFFFD]/.test(name))) {
    throw refusal('The file is not text: save it as CSV in UTF-8.')
  }
  const header = names.map((name) => {
    const key = columnKey(name)
    const column = map.has(key) ? map.get(key) : known.get(key)
    // A column without a name and without a use.
    if (column === undefined && key !== '') {
      const columns = memberColumns.join(', ')
      throw refusal(
        `There is no column ${JSON.stringify(name.slice(0, 80))}; the columns are ${columns}. Say what it means, or that it is left out, by mapping it.`,
      )
    }
    return column ?? null
  })
  const twice = header.find((column, index) => column !== null && header.indexOf(column) !== index)
  if (twice) throw refusal(`The column ${twice} is there twice.`)
  const missing = requiredColumns.filter((column) => !header.includes(column))
  if (missing.length > 0) throw refusal(`The file lacks the columns ${missing.join(', ')}.`)
  return header
}

export function refusal(detail: string, cause?: Error): DomainError {
  return new DomainError('import-refused', detail, [], { cause })
}
