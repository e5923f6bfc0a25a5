import {
  codeRule,
  emailRule,
  memberCodeRule,
  nameRule,
  phoneRule,
  type TextRule,
} from '../platform/values/text-rules.ts'
import { type DateOrder, readDate } from './import-dates.ts'
import { type Header, type MemberColumn, memberColumns, requiredColumns } from './member-columns.ts'
import type { CsvRow } from './member-csv.ts'
import { memberStatuses } from './member-rules.ts'

/** What is wrong in a row: a fault, for which it is not imported, or a warning, with which it is. */
export interface RowFault {
  /** The physical line on which the row begins. */
  readonly line: number
  /** Null when the fault is the row's as a whole. */
  readonly column: MemberColumn | null
  /** The value, shortened, with control characters made visible. */
  readonly value: string | null
  /** One sentence. */
  readonly reason: string
  readonly isWarning: boolean
}

export interface CheckedRow {
  readonly line: number
  /** In the order of `memberColumns`. Null for an empty or refused value. */
  readonly values: readonly (string | null)[]
  readonly faults: readonly Omit<RowFault, 'line'>[]
  /** Of a row with faults: as it is written in the file, in the order of `memberColumns`. */
  readonly written: readonly string[]
}

/** The reasons that depend on the register; the statements that find these faults get the sentence from here. */
export const registerReasons = {
  unknownTier: 'There is no such tier.',
  unknownAgent: 'There is no such agent.',
  retired: 'It is retired: nobody new comes to it.',
  repeatedCode: 'The member is on line %s already.',
  twinInFile: 'The code differs from %s, on line %s, in capitals or leading zeros only.',
  twinOnRegister: 'There is a member %s, whose code differs from this in capitals or leading zeros only.',
  takenAs: 'It is taken as %s, which differs in capitals or leading zeros only.',
  erased: 'The member was erased: nothing can change any more.',
  deceased: 'The member is Deceased: neither status nor tier can change any more.',
  dies: 'Nobody becomes Deceased by a file: submit a death claim for the member.',
} as const

const shownChars = 80

/** Columns in which the same values repeat. */
const repeated: readonly MemberColumn[] = ['tier', 'agentCode', 'status', 'joinedOn']
const maxReadings = 20_000

/** How a column reads its value. */
interface Reading {
  readonly value: string | null
  readonly reason?: string
  readonly isWarning?: boolean
}

export interface RowCheckOptions {
  /** The last day on which somebody can have joined, YYYY-MM-DD. */
  readonly today: string
  readonly dateOrder: DateOrder | undefined
}

/** Makes the check of a row by itself, without the register. */
export function rowCheck(header: Header, options: RowCheckOptions): (row: CsvRow) => CheckedRow {
  const places = memberColumns.map((column) => header.indexOf(column))
  const readings = repeated.map(() => new Map<string, Reading>())
  /** A million rows have few tiers, agents and days: each value is checked once. */
  const readOnce = (column: MemberColumn, written: string): Reading => {
    const known = readings[repeated.indexOf(column)]
    const found = known?.get(written)
    if (found) return found
    const reading = read(column, written, options)
    if (known && known.size < maxReadings) known.set(written, reading)
    return reading
  }
  const lastRequired = Math.max(...requiredColumns.map((column) => header.indexOf(column)))
  return ({ line, fields }) => {
    const hasMore =
      fields.length > header.length && fields.slice(header.length).some((field) => field.trim() !== '')
    if (fields.length <= lastRequired || hasMore) {
      const reason = `The row has ${fields.length} fields and the header ${header.length}.`
      const fault = { column: null, value: null, reason, isWarning: false }
      return { line, values: memberColumns.map(() => null), faults: [fault], written: fields }
    }
    const faults: Omit<RowFault, 'line'>[] = []
    const values = memberColumns.map((column, index) => {
      const written = fields[places[index] as number] ?? ''
      const { value, reason, isWarning = false } = readOnce(column, written)
      if (reason !== undefined) faults.push({ column, value: shown(written), reason, isWarning })
      return value
    })
    return {
      line,
      values,
      faults,
      // Few rows need this text.
      written: faults.length === 0 ? [] : places.map((place) => fields[place] ?? ''),
    }
  }
}

function read(column: MemberColumn, written: string, options: RowCheckOptions): Reading {
  const reader = readers[column]
  // A spreadsheet marks a text with an apostrophe.
  const text = reader.tidy(written.includes("'") ? written.replace(/^\s*'(?=[=+@-])/, '') : written)
  if (text === '') {
    if (!requiredColumns.includes(column)) return { value: null }
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

const trimmed = (text: string) => text.replaceAll(/\p{Cf}/gu, '').trim()

interface Reader {
  readonly tidy: (written: string) => string
  readonly read: (text: string, options: RowCheckOptions) => Reading
}

function required({ tidy, reasonAgainst }: TextRule): Reader {
  return {
    tidy,
    read: (text) => {
      const reason = reasonAgainst(text)
      return reason === undefined ? { value: text } : { value: null, reason }
    },
  }
}

/** What people write for an empty value. */
const nothing = /^(-+|n\/?a|#n\/a|nil|null|none)$/i

/** A wrong telephone number or address never refuses the row. */
function contact({ tidy, reasonAgainst }: TextRule): Reader {
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

const agentCode = required(codeRule)

const readers: Readonly<Record<MemberColumn, Reader>> = {
  memberCode: required(memberCodeRule),
  fullName: required(nameRule),
  tier: required(codeRule),
  agentCode: {
    tidy: agentCode.tidy,
    read: (text, options) =>
      nothing.test(text)
        ? { value: null, reason: 'This is taken as: no agent.', isWarning: true }
        : agentCode.read(text, options),
  },
  status: {
    tidy: trimmed,
    read: (text) => {
      const status = memberStatuses.find((known) => known.toLowerCase() === text.toLowerCase())
      return status === undefined
        ? { value: null, reason: `The status is one of ${memberStatuses.join(', ')}.` }
        : { value: status }
    },
  },
  joinedOn: {
    tidy: phoneRule.tidy,
    read: (text, { today, dateOrder }) => {
      const found = readDate(text, dateOrder)
      if ('reason' in found) return { value: null, reason: found.reason }
      return found.date > today
        ? { value: null, reason: `Nobody joins in the future; today is ${today}.` }
        : { value: found.date }
    },
  },
  phone: contact(phoneRule),
  email: contact(emailRule),
}

function shown(value: string): string {
  const text = value.trim()
  const cut = text.length > shownChars ? `${[...text.slice(0, shownChars)].slice(0, -1).join('')}…` : text
  return cut.replace(/\p{Cc}/gu, (control) => {
    const code = control.charCodeAt(0)
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\u2421'
  })
}
