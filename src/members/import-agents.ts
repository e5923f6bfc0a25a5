import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { AnnounceDeps } from '../events/announce.ts'
import type { Tx } from '../platform/database/connect.ts'
import type { Actor } from '../platform/values/actor.ts'
import { type AgentColumn, agentFile, type ColumnMap, refusal } from './column-rules.ts'
import { readUtf8 } from './file-text.ts'
import type { FaultGroup, FoundFault } from './import-faults-sql.ts'
import { agentReaders, registerReasons } from './import-rules.ts'
import { type AgentChanges, insertAnnounced, type NewAgent, updateAnnounced } from './keep-agents.ts'
import { type AgentRow, findAgents, findCodeKeys, holdAgents } from './member-sql.ts'
import { type CheckedRow, type ImportCounts, rowCheck } from './row-check-rules.ts'
import { readTable } from './table-csv.ts'
import { belowHeader } from './table-header.ts'

export interface AgentImportInput {
  /** The bytes of the file; destroyed when the import fails. */
  readonly csv: Readable
  /** What columns of other names mean. */
  readonly map?: ColumnMap<AgentColumn>
  /** Whether an agent who is there, and differs, becomes what the file says; an empty cell keeps what is there. */
  readonly update: boolean
  /** Checks and counts the same, and writes nothing. */
  readonly dryRun: boolean
  readonly actor: Actor
  /** Gets every fault and warning, by line, when the import is over. */
  readonly onFault?: (fault: FoundFault) => void | Promise<void>
  /** Heeded until the rows are written. */
  readonly signal?: AbortSignal
}

export interface AgentImportResult extends ImportCounts {
  /** Faults and warnings of one kind in one entry, the most rows first. */
  readonly problems: FaultGroup[]
}

/** Agents are few: their file is read into memory. One of members, taken for it, is not. */
const maxRows = 20_000
const mostAgents = 1_000_000
const listedExamples = 5

/**
 * Imports a file of agents: all its good rows in one transaction, while each bad one is reported. What becomes of each agent is
 * announced as if somebody had done it by hand. The same file again changes nothing.
 *
 * @throws DomainError `import-refused` when the file as a whole cannot be read, or has too many rows
 * @throws the signal's reason, or the error of the input stream; nothing has then been written
 */
export async function importAgents(
  { db, announce }: AnnounceDeps,
  input: AgentImportInput,
): Promise<AgentImportResult> {
  const rows = await readRows(input)
  const faults = new Faults(rows)
  const { signal, actor, dryRun } = input
  const { plan, ...counts } = await db.transaction().execute(async (tx) => {
    await holdAgents(tx)
    const judged = await judge(tx, rows, faults, input.update)
    if (dryRun) return judged
    for (const step of judged.plan) {
      signal?.throwIfAborted()
      if ('before' in step) await updateAnnounced(tx, announce, step, actor)
      else await insertAnnounced(tx, announce, step, actor)
    }
    return judged
  })
  for (const fault of faults.byLine()) await input.onFault?.(fault)
  const updated = plan.filter((step) => 'before' in step).length
  const faulty = faults.faultyLines.size
  return {
    rows: rows.length,
    inserted: plan.length - updated,
    updated,
    ...counts,
    faulty,
    problems: faults.inGroups(),
    dryRun,
  }
}

async function readRows({ csv, map = new Map(), signal }: AgentImportInput): Promise<CheckedRow[]> {
  const rows: CheckedRow[] = []
  const taker = belowHeader(agentFile, map, (header) => {
    const check = rowCheck(agentFile, agentReaders, header, {})
    return (row) => {
      if (rows.length === maxRows) throw refusal(`A file of agents has at most ${maxRows} rows.`)
      rows.push(check(row))
      return ''
    }
  })
  const { text, reader } = await readTable(readUtf8(csv), taker)
  await pipeline(text, reader.resume(), signal ? { signal } : {})
  return rows
}

type Step = NewAgent | { readonly before: AgentRow; readonly changes: AgentChanges }

/** Holds the rows against the agents who are there: what is to be done. */
async function judge(
  tx: Tx,
  rows: readonly CheckedRow[],
  faults: Faults,
  update: boolean,
): Promise<{ plan: Step[]; unchanged: number; skipped: number }> {
  const there = await findAgents(tx, { limit: mostAgents })
  const keys = await findCodeKeys(tx, [
    ...there.map(({ agentCode }) => agentCode),
    ...rows.flatMap(({ values: [code] }) => code ?? []),
  ])
  const keyOf = (code: string) => keys.get(code) ?? code
  const byKey = new Map(there.map((agent) => [keyOf(agent.agentCode), agent]))
  // A register of before may have two of one key.
  const byCode = new Map(there.map((agent) => [agent.agentCode, agent]))
  const lines = new Map<string, number>()
  const plan: Step[] = []
  const counts = { unchanged: 0, skipped: 0 }
  for (const { line, values } of rows) {
    if (faults.faultyLines.has(line)) continue
    const [agentCode = '', fullName = '', email = null, phone = null] = values as [string, string]
    const before = byCode.get(agentCode) ?? byKey.get(keyOf(agentCode))
    const seen = before?.agentCode ?? keyOf(agentCode)
    const first = lines.get(seen)
    if (first !== undefined) {
      faults.add(line, agentCode, registerReasons.repeatedAgent, [first])
      continue
    }
    lines.set(seen, line)
    if (!before) {
      plan.push({ agentCode, fullName, email, phone })
      continue
    }
    if (before.agentCode !== agentCode) {
      faults.add(line, agentCode, registerReasons.takenAs, [before.agentCode], { isWarning: true })
    }
    const changes = {
      ...(fullName !== before.fullName && { fullName }),
      ...(email !== null && email !== before.email && { email }),
      ...(phone !== null && phone !== before.phone && { phone }),
    }
    if (Object.keys(changes).length === 0) counts.unchanged += 1
    else if (update) plan.push({ before, changes })
    else counts.skipped += 1
  }
  return { plan, ...counts }
}

interface KeptFault extends FoundFault {
  /** What the reasons of one kind share. */
  readonly kind: string
}

/** What is wrong in the rows, as the import of members tells it. */
class Faults {
  readonly faultyLines = new Set<number>()
  readonly #rows: ReadonlyMap<number, CheckedRow>
  readonly #found: KeptFault[] = []

  constructor(rows: readonly CheckedRow[]) {
    this.#rows = new Map(rows.map((row) => [row.line, row]))
    for (const { line, faults } of rows)
      for (const fault of faults) this.#keep({ line, kind: fault.reason, ...fault })
  }

  /** @param reason the `%s` in it become the names */
  add(
    line: number,
    value: string,
    reason: string,
    names: readonly (string | number)[],
    { isWarning } = { isWarning: false },
  ): void {
    const rest = [...names]
    const sentence = reason.replaceAll('%s', () => String(rest.shift()))
    this.#keep({ line, column: 'agentCode', value, reason: sentence, kind: reason, isWarning })
  }

  #keep(fault: Omit<KeptFault, 'faultNo' | 'written'>): void {
    const { written, values } = this.#rows.get(fault.line) as CheckedRow
    this.#found.push({
      ...fault,
      faultNo: this.#found.length,
      written: written.length === 0 ? values : written,
    })
    if (!fault.isWarning) this.faultyLines.add(fault.line)
  }

  /** A warning of a row that has a fault is left out. */
  byLine(): FoundFault[] {
    return this.#told().map(({ kind: _, ...fault }) => fault)
  }

  inGroups(): FaultGroup[] {
    const groups = new Map<string, FoundFault[]>()
    for (const { kind, ...fault } of this.#told()) {
      const key = JSON.stringify([fault.isWarning, fault.column, kind])
      groups.set(key, [...(groups.get(key) ?? []), fault])
    }
    return [...groups.values()]
      .map((faults) => {
        const [{ column, reason, isWarning }] = faults as [FoundFault]
        const examples = faults.slice(0, listedExamples).map(({ line, value }) => ({ line, value }))
        return { column, reason, isWarning, rows: faults.length, examples }
      })
      .sort((one, other) => Number(one.isWarning) - Number(other.isWarning) || other.rows - one.rows)
  }

  #told() {
    return this.#found
      .filter(({ line, isWarning }) => !isWarning || !this.faultyLines.has(line))
      .sort((one, other) => one.line - other.line || one.faultNo - other.faultNo)
  }
}
