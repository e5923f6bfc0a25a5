import { createHash, type Hash } from 'node:crypto'
import { addAbortSignal, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { agentDetails, type ColumnMap, type Header, type MemberColumn, memberFile } from './column-rules.ts'
import { readUtf8 } from './file-text.ts'
import type { DateOrder } from './import-dates.ts'
import * as faultStatements from './import-faults-sql.ts'
import * as rowStatements from './import-rows-sql.ts'
import { memberReaders } from './import-rules.ts'
import * as sessionStatements from './import-session-sql.ts'
import * as verdictStatements from './import-verdicts-sql.ts'
import { rowCheck } from './row-check-rules.ts'
import { readTable } from './table-csv.ts'
import { belowHeader } from './table-header.ts'

const progressRows = 1000

/** A file, and how it is read. */
export interface StagedInput {
  /** The bytes of the file; destroyed when the import fails. */
  readonly csv: Readable
  /** What columns of other names mean. */
  readonly map?: ColumnMap<MemberColumn>
  /** For dates in numbers, such as 05.01.2020. */
  readonly dateOrder?: DateOrder | undefined
  /** Whether an empty cell erases the value of a member who is updated; otherwise it is kept. */
  readonly blankErases?: boolean
  readonly onProgress?: (rowsRead: number) => void
  /** Respected until the rows are committed. */
  readonly signal?: AbortSignal
}

export interface StagedFile {
  readonly rows: number
  readonly given: verdictStatements.GivenColumns
  /** Whether it has columns of agents, beside their codes. */
  readonly saysOfAgents: boolean
  /** SHA-256, hexadecimal. */
  readonly digest: string
}

/** Copies the checked rows into a temporary table while the file is being read; only a chunk is in memory. */
export async function stageRows(
  client: pg.ClientBase,
  today: string,
  input: StagedInput,
): Promise<StagedFile> {
  await sessionStatements.unboundStatements(client)
  await sessionStatements.allowSortMemory(client)
  await rowStatements.createRows(client)
  await faultStatements.createFaults(client)
  await verdictStatements.createVerdicts(client)

  let rows = 0
  let columns: Header<MemberColumn> = []
  const hash = createHash('sha256')
  const bytes = input.signal ? addAbortSignal(input.signal, input.csv) : input.csv
  const source = readUtf8(hashed(bytes, hash))
  const taker = belowHeader(memberFile, input.map ?? new Map(), (header) => {
    columns = header
    const check = rowCheck(memberFile, memberReaders, header, { today, dateOrder: input.dateOrder })
    return (row) => {
      rows += 1
      if (rows % progressRows === 0) input.onProgress?.(rows)
      return rowStatements.copyLine(check(row))
    }
  })
  const { text, reader } = await readTable(source, taker)
  await pipeline(text, reader, rowStatements.copyRows(client), input.signal ? { signal: input.signal } : {})
  input.onProgress?.(rows)
  await rowStatements.analyzeRows(client)
  const given = {
    agentCode: columns.includes('agentCode'),
    phone: columns.includes('phone'),
    email: columns.includes('email'),
    blankErases: input.blankErases === true,
  }
  const saysOfAgents = agentDetails.some((column) => columns.includes(column))
  return { rows, given, saysOfAgents, digest: hash.digest('hex') }
}

async function* hashed(bytes: AsyncIterable<Buffer | string>, hash: Hash): AsyncGenerator<Buffer | string> {
  for await (const chunk of bytes) {
    hash.update(chunk)
    yield chunk
  }
}
