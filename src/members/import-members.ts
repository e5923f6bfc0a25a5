import type pg from 'pg'
import { localDate } from '../fund/fund-rules.ts'
import type { Actor } from '../platform/values/actor.ts'
import type { Clock } from '../platform/values/clock.ts'
import * as detailStatements from './import-details-sql.ts'
import * as faultStatements from './import-faults-sql.ts'
import * as rowStatements from './import-rows-sql.ts'
import { registerReasons } from './import-rules.ts'
import * as sessionStatements from './import-session-sql.ts'
import * as verdictStatements from './import-verdicts-sql.ts'
import * as writeStatements from './import-write-sql.ts'
import { judgeSize, type LargeChange } from './large-import.ts'
import type { ImportCounts } from './row-check-rules.ts'
import { type StagedFile, type StagedInput, stageRows } from './stage-rows.ts'

export interface ImportInput extends StagedInput {
  /** What to do with a row whose member is on the register already and differs. */
  readonly onDuplicate: 'skip' | 'update'
  /**
   * Whether an agent or a tier that does not exist is created, or is a fault. A tier has its code as its name; an agent too, unless
   * the file says more of it.
   */
  readonly createAgents: boolean
  readonly createTiers: boolean
  /** Checks and counts the same, and writes nothing. */
  readonly dryRun: boolean
  readonly actor: Actor
  /** Gets every fault and warning, by line, when the import is over. If it throws, the import is still done. */
  readonly onFault?: (fault: faultStatements.FoundFault) => void | Promise<void>
}

export interface ImportResult extends ImportCounts {
  /** Agents and tiers that were made, or in a dry run would be. */
  readonly createdAgents: number
  readonly createdTiers: number
  /** The first hundred. */
  readonly newAgents: detailStatements.NewAgent[]
  /** The first hundred codes. */
  readonly newTiers: string[]
  readonly statusChanges: verdictStatements.StatusChange[]
  /** SHA-256, hexadecimal. */
  readonly fileDigest: string
  /** Not null when so many members get another status that another person has to approve it. */
  readonly largeChange: LargeChange | null
  /** Faults and warnings of one kind in one entry, the most rows first. */
  readonly problems: faultStatements.FaultGroup[]
  /** The id to undo it; null for a dry run. */
  readonly importId: string | null
}

const listedCodes = 100
const listedExamples = 5
const cancelEveryMs = 500
const faultPage = 1000
/** With more rows, planning a cycle would be slow without a vacuum. */
const vacuumRows = 10_000

/**
 * Imports a CSV file of members: all its good rows in one transaction, while each bad one is reported. The same file
 * again changes nothing. Imports wait for each other.
 *
 * @throws DomainError `import-refused` when the file as a whole cannot be read, `import-needs-approval` and `approval-void` when
 *   it changes the status of more members than one person may
 * @throws the signal's reason, or the error of the input stream; nothing has then been written
 */
export async function importMembers(
  deps: { pool: pg.Pool; clock: Clock },
  input: ImportInput,
): Promise<ImportResult> {
  // The stream may fail before anything reads it, which would end the process; the pipeline reports it later.
  input.csv.on('error', () => {})
  input.signal?.throwIfAborted()
  const client = await deps.pool.connect()
  try {
    const result = await readAndWrite(deps, client, input)
    await reportFaults(client, input.onFault)
    // The rows are committed; if this fails, autovacuum does it later.
    if (!input.dryRun && result.inserted + result.updated > vacuumRows) {
      await writeStatements.vacuumRegister(client).catch(() => {})
    }
    return result
  } finally {
    // Closed, not returned to the pool: that drops the temporary tables and the settings in any state.
    client.release(true)
  }
}

/** The part that the signal can stop: all of it is written, or nothing. */
async function readAndWrite(
  { pool, clock }: { pool: pg.Pool; clock: Clock },
  client: pg.ClientBase,
  input: ImportInput,
): Promise<ImportResult> {
  const { signal } = input
  const pid = await sessionStatements.findBackendPid(client)
  // The signal ends the pipeline by itself; a running statement must be cancelled in the database. One that begins at the same
  // moment is missed, so this is repeated until all has ended.
  let again: NodeJS.Timeout | undefined
  const cancel = () => void sessionStatements.cancelBackend(pool, pid).catch(() => {})
  const keepCancelling = () => {
    cancel()
    again = setInterval(cancel, cancelEveryMs)
  }
  signal?.addEventListener('abort', keepCancelling, { once: true })
  try {
    const today = localDate(clock.now(), await rowStatements.findTimeZone(client))
    const file = await stageRows(client, today, input)
    return await judgeAndWrite(client, file, input)
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', keepCancelling)
    clearInterval(again)
  }
}

/** Compares the rows with the register and writes the good ones, in one transaction. */
async function judgeAndWrite(
  client: pg.ClientBase,
  file: StagedFile,
  input: ImportInput,
): Promise<ImportResult> {
  await sessionStatements.begin(client)
  await sessionStatements.lockImports(client)
  await faultStatements.insertFaultsOfRows(client)
  await faultStatements.takeTwinsAsOne(client, registerReasons.takenAs)
  await findFaults(client, input)
  await verdictStatements.insertVerdicts(client, input.onDuplicate, file.given)
  await verdictStatements.analyzeVerdicts(client)
  const statusChanges = await verdictStatements.countStatusChanges(client)
  const largeChange = await judgeSize(
    client,
    { digest: file.digest, content: { rows: file.rows, options: optionsOf(input) } },
    statusChanges,
    !input.dryRun,
  )
  const missing = await findMissing(client, file.saysOfAgents)
  const importId = input.dryRun
    ? null
    : await writeStatements.insertImport(client, { fileDigest: file.digest, actor: input.actor })
  const written: Written =
    importId === null ? { missing } : await write(client, file.given, input, { missing, importId })
  const outcome = await verdictStatements.countOutcome(client)
  await faultStatements.orderFaults(client)

  const { faulty, update, unchanged, skip } = outcome
  const fresh = file.rows - faulty - update - unchanged - skip
  const inserted = written.inserted ?? fresh
  const result: ImportResult = {
    rows: file.rows,
    inserted,
    updated: update,
    unchanged,
    skipped: skip + fresh - inserted,
    faulty,
    createdAgents: written.missing.agents.length,
    createdTiers: written.missing.tiers.length,
    newAgents: written.missing.agents.slice(0, listedCodes),
    newTiers: written.missing.tiers.slice(0, listedCodes),
    statusChanges,
    fileDigest: file.digest,
    largeChange,
    problems: await faultStatements.groupFaults(client, listedExamples),
    dryRun: input.dryRun,
    importId,
  }
  if (importId !== null) {
    const { problems: _, importId: __, ...counts } = result
    await writeStatements.keepCounts(client, importId, counts)
    await writeStatements.insertImportEvent(client, importId, input.actor, counts)
  }
  input.signal?.throwIfAborted()
  await sessionStatements.commit(client)
  return result
}

/** All that tells how the file is read and what becomes of its rows. */
function optionsOf(input: ImportInput): Record<string, unknown> {
  const {
    map = new Map(),
    dateOrder = null,
    blankErases = false,
    onDuplicate,
    createAgents,
    createTiers,
  } = input
  return { columns: [...map], dateOrder, blankErases, onDuplicate, createAgents, createTiers }
}

async function findFaults(client: pg.ClientBase, input: ImportInput): Promise<void> {
  if (!input.createTiers) await faultStatements.insertFaultsOfTiers(client, registerReasons.unknownTier)
  if (!input.createAgents) await faultStatements.insertFaultsOfAgents(client, registerReasons.unknownAgent)
  await faultStatements.insertFaultsOfRetired(client, registerReasons.retired)
  await faultStatements.insertFaultsOfDeaths(client, registerReasons.dies)
  await faultStatements.insertFaultsOfTwins(client, registerReasons.twinOnRegister)
  if (input.onDuplicate === 'update') {
    await faultStatements.insertFaultsOfTheDead(client, registerReasons.deceased)
    await faultStatements.insertFaultsOfTheErased(client, registerReasons.erased)
  }
  // Last, because the first row without another fault is the one that counts.
  await faultStatements.insertFaultsOfRepeats(client, {
    same: registerReasons.repeatedCode,
    twin: registerReasons.twinInFile,
  })
}

/** The tiers and agents that are to be made, with what the file says of them; it is held against the agents who are there. */
async function findMissing(client: pg.ClientBase, saysOfAgents: boolean): Promise<writeStatements.Missing> {
  const { tiers, agents: codes } = await writeStatements.findMissing(client)
  if (!saysOfAgents) {
    return {
      tiers,
      agents: codes.map((code) => ({ agentCode: code, fullName: code, email: null, phone: null })),
    }
  }
  await detailStatements.createDetails(client)
  await detailStatements.insertWarningsOfNoAgent(client, registerReasons.detailOfNobody)
  await detailStatements.insertWarningsOfKept(client, registerReasons.detailKept)
  await detailStatements.insertWarningsOfDisagreement(client, codes, registerReasons.detailDiffers)
  return { tiers, agents: await detailStatements.findNewAgents(client, codes) }
}

interface Written {
  readonly missing: writeStatements.Missing
  /** Undefined when nothing was to be inserted in earnest. */
  readonly inserted?: number
}

async function write(
  client: pg.ClientBase,
  given: verdictStatements.GivenColumns,
  input: ImportInput,
  { missing, importId }: { missing: writeStatements.Missing; importId: string },
): Promise<Written> {
  const made = await writeStatements.insertMissing(client, missing)
  const inserted = await writeStatements.insertMembers(client)
  if (input.onDuplicate === 'update') {
    await writeStatements.noteBefore(client)
    await writeStatements.updateMembers(client, given)
    await writeStatements.keepChanges(client, importId)
    // The update skipped members who died since the rows were checked: their rows are faults, as if they had died before.
    await faultStatements.insertFaultsOfTheDead(client, registerReasons.deceased)
    await faultStatements.insertFaultsOfTheErased(client, registerReasons.erased)
  }
  return { missing: made, inserted }
}

async function reportFaults(client: pg.ClientBase, onFault: ImportInput['onFault']): Promise<void> {
  if (!onFault) return
  let after = { line: 0, faultNo: 0 }
  for (;;) {
    const page = await faultStatements.findFaults(client, after, faultPage)
    for (const fault of page) {
      await onFault(fault)
      after = fault
    }
    if (page.length < faultPage) return
  }
}
