import { z } from 'zod'
import {
  reasonAgainstCode,
  reasonAgainstEmail,
  reasonAgainstMemberCode,
  reasonAgainstName,
  reasonAgainstPhone,
} from '../platform/values/text-rules.ts'
import { type CsvRow, type MemberColumn, memberColumns, requiredColumns } from './member-csv.ts'
import { memberStatuses } from './member-rules.ts'

/** Why a row is not imported. */
export interface RowFault {
  /** The physical line on which the row begins. */
  readonly line: number
  /** Null when the fault is the row's as a whole. */
  readonly column: MemberColumn | null
  /** What stands there, cut, with control characters made visible. */
  readonly value: string | null
  /** One sentence. */
  readonly reason: string
}

export interface CheckedRow {
  readonly line: number
  /** In the order of `memberColumns`. Null where nothing stands, and where what stands there is refused. */
  readonly values: readonly (string | null)[]
  readonly faults: readonly Omit<RowFault, 'line'>[]
}

/** The reasons that only the register knows; the statements that find these faults are handed their sentence. */
export const registerReasons = {
  unknownTier: 'There is no such tier.',
  unknownAgent: 'There is no such agent.',
  repeatedCode: 'The member is on line %s already.',
  erased: 'The member was erased: nothing can change any more.',
  deceased: 'The member is Deceased: neither status nor tier can change any more.',
} as const

const shownChars = 80

/**
 * Makes the check of what a row says by itself, without the register.
 *
 * @param today the last day on which somebody can have joined, YYYY-MM-DD
 */
export function rowCheck(header: readonly MemberColumn[], today: string): (row: CsvRow) => CheckedRow {
  const places = memberColumns.map((column) => header.indexOf(column))
  return ({ line, fields }) => {
    if (fields.length !== header.length) {
      const reason = `The row has ${fields.length} fields and the header ${header.length}.`
      return { line, values: memberColumns.map(() => null), faults: [{ column: null, value: null, reason }] }
    }
    const faults: Omit<RowFault, 'line'>[] = []
    const values = memberColumns.map((column, index) => {
      const value = fields[places[index] as number]?.trim() ?? ''
      const reason = reasonAgainst(column, value, today)
      if (reason === undefined) return value === '' ? null : value
      faults.push({ column, value: shown(value), reason })
      return null
    })
    return { line, values, faults }
  }
}

function reasonAgainst(column: MemberColumn, value: string, today: string): string | undefined {
  if (value === '') return requiredColumns.includes(column) ? `The ${column} is missing.` : undefined
  // The parser puts U+FFFD where bytes are no text; a program before it may have done the same.
  if (/[\0\uFFFD]/.test(value)) return `The ${column} holds bytes that are not UTF-8 text.`
  return checks[column](value, today)
}

const checks: Readonly<Record<MemberColumn, (value: string, today: string) => string | undefined>> = {
  memberCode: reasonAgainstMemberCode,
  fullName: reasonAgainstName,
  tier: reasonAgainstCode,
  agentCode: reasonAgainstCode,
  status: (status) =>
    memberStatuses.some((known) => known === status)
      ? undefined
      : `The status is one of ${memberStatuses.join(', ')}.`,
  joinedOn: (date, today) => {
    // PostgreSQL's calendar has no year 0.
    if (!z.regexes.date.test(date) || date < '0001')
      return 'This is no date of the calendar, written YYYY-MM-DD.'
    return date > today ? `Nobody joins in the future; today is ${today}.` : undefined
  },
  phone: reasonAgainstPhone,
  email: reasonAgainstEmail,
}

function shown(value: string): string {
  const cut = value.length > shownChars ? `${[...value.slice(0, shownChars)].slice(0, -1).join('')}…` : value
  return cut.replace(/\p{Cc}/gu, (control) => {
    const code = control.charCodeAt(0)
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\u2421'
  })
}
