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
  'agentName',
  'agentEmail',
  'agentPhone',
] as const

export type MemberColumn = (typeof memberColumns)[number]

/** What a file of members says of an agent that it makes. It means nothing without the agent's code. */
export const agentDetails = ['agentName', 'agentEmail', 'agentPhone'] as const satisfies MemberColumn[]

const agentColumns = ['agentCode', 'fullName', 'email', 'phone'] as const

export type AgentColumn = (typeof agentColumns)[number]

/** In a file of faults, which can be corrected and imported again. */
export const faultColumns = ['line', 'problem'] as const

/** A kind of file, by its columns. */
export interface FileKind<Column extends string> {
  readonly columns: readonly Column[]
  readonly required: readonly Column[]
  /** What names mean, by the name as `columnKey` writes it; null: nothing that is imported. */
  readonly known: ReadonlyMap<string, Column | null>
}

export const memberFile = fileKind(memberColumns, ['memberCode', 'fullName', 'tier', 'status', 'joinedOn'])

/** Its columns may be called as a file of members calls them. */
export const agentFile = fileKind(agentColumns, ['agentCode', 'fullName'], {
  name: 'fullName',
  agentName: 'fullName',
  agentEmail: 'email',
  agentPhone: 'phone',
})

function fileKind<Column extends string>(
  columns: readonly Column[],
  required: readonly Column[],
  otherNames: Readonly<Record<string, Column>> = {},
): FileKind<Column> {
  const known = new Map<string, Column | null>([
    ...columns.map((column) => [columnKey(column), column] as const),
    ...Object.entries(otherNames).map(([name, column]) => [columnKey(name), column] as const),
    ...faultColumns.map((column) => [columnKey(column), null] as const),
  ])
  return { columns, required, known }
}

/** What the columns of a file mean, in their order; null: nothing that is imported. */
export type Header<Column extends string> = readonly (Column | null)[]

/** What columns of other names mean, by the name as `columnKey` writes it. */
export type ColumnMap<Column extends string> = ReadonlyMap<string, Column | null>

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
export function readColumnMap<Column extends string>(
  kind: FileKind<Column>,
  entries: readonly string[],
): ColumnMap<Column> {
  return new Map(
    entries.map((entry) => {
      // The name may have such a sign in it; what it means has none.
      const sign = entry.lastIndexOf('=')
      const [key, column] = [columnKey(entry.slice(0, Math.max(sign, 0))), entry.slice(sign + 1)]
      const found = kind.known.get(columnKey(column)) ?? null
      if (sign === -1 || key === '' || (found === null && column.trim() !== '')) {
        throw new DomainError(
          'invalid-input',
          `"${entry}" does not say what a column means: write "Member No=memberCode", or "Village=" to leave it out.`,
        )
      }
      return [key, found] as const
    }),
  )
}

/** What a column of this name means; null: nothing that is imported; undefined: nobody knows. */
export function meaningOf<Column extends string>(
  kind: FileKind<Column>,
  map: ColumnMap<Column>,
  name: string,
): Column | null | undefined {
  const key = columnKey(name)
  // A column without a name is one without a use.
  return key === '' ? null : map.has(key) ? map.get(key) : kind.known.get(key)
}

/** How many of the names are those of columns. A line with two of them is the header; above it there may be a title. */
export function countColumns<Column extends string>(
  kind: FileKind<Column>,
  map: ColumnMap<Column>,
  names: readonly string[],
): number {
  return names.filter((name) => meaningOf(kind, map, name) != null).length
}

/** @throws DomainError `import-refused` when a column is unknown, given twice, or missing */
export function readHeader<Column extends string>(
  kind: FileKind<Column>,
  map: ColumnMap<Column>,
  fields: readonly string[],
): Header<Column> {
  const names = fields.map((field) => field.trim())
  // Spreadsheets add empty columns at the end.
  while (names.at(-1) === '') names.pop()
  if (names.some((name) => /[\0\uFFFD]/.test(name))) {
    throw refusal('The file is not text: save it as CSV in UTF-8.')
  }
  const header = names.map((name) => {
    const column = meaningOf(kind, map, name)
    if (column === undefined) {
      throw refusal(
        `There is no column ${JSON.stringify(name.slice(0, 80))}; the columns are ${kind.columns.join(', ')}. Say what it means, or that it is left out, by mapping it.`,
      )
    }
    return column
  })
  const twice = header.find((column, index) => column !== null && header.indexOf(column) !== index)
  if (twice) throw refusal(`The column ${twice} is there twice.`)
  const missing = kind.required.filter((column) => !header.includes(column))
  if (missing.length > 0) throw refusal(`The file lacks the columns ${missing.join(', ')}.`)
  return header
}

export function refusal(detail: string, cause?: Error): DomainError {
  return new DomainError('import-refused', detail, [], { cause })
}
