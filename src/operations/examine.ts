import { findCycles } from '../cycles/cycle-sql.ts'
import { proveCycle } from '../cycles/prove-cycle.ts'
import { countRedacted, findBrokenLinks, findChainHead } from '../events/event-sql.ts'
import { findFund } from '../fund/fund-sql.ts'
import { proveLedger } from '../ledger/prove-ledger.ts'
import type { Db } from '../platform/database/connect.ts'
import { findNeglectedJobs } from '../platform/jobs/job-sql.ts'
import type { Queue } from '../platform/queue/queue.ts'
import { findContradictions } from './contradiction-sql.ts'
import {
  countDeadPending,
  countDeliveries,
  countOrphans,
  countStrays,
  countWorkers,
  findFailedJobs,
  findTwins,
  findUntidyCycles,
  findVersions,
} from './operation-sql.ts'
import { findLostGuards } from './schema-guard-sql.ts'

export interface Finding {
  readonly check: string
  readonly ok: boolean
  readonly detail: string
}

/** Work that waits longer is stuck: the sweep of any worker would have found it many times. */
const stuckAfterMs = 60_000
const cyclesAPage = 100
/** Events that are named at most; the others follow from them. */
const listedLinks = 20
/** Rows of a kind that are named at most. */
const listedOfAKind = 20

/** Checks everything that must be true and reports each finding as it comes; changes nothing. */
export async function* examine(deps: { db: Db; queue: Queue; version: string }): AsyncGenerator<Finding> {
  const { db, queue } = deps
  const { postgres, schema } = await findVersions(db)
  yield finding(
    'versions',
    true,
    `Almoner ${deps.version}, Node ${process.versions.node}, PostgreSQL ${postgres}, schema ${schema}`,
  )

  let proved = 0
  let before: { createdAt: string; cycleId: string } | undefined
  do {
    const page = await findCycles(db, {}, { limit: cyclesAPage, ...(before && { before }) })
    for (const cycle of page) {
      if (cycle.cycleStatus !== 'Active' && cycle.cycleStatus !== 'Completed') continue
      const { holds, ...proof } = await proveCycle(db, cycle.cycleId)
      proved += 1
      if (!holds)
        yield finding(`cycle ${cycle.cycleCode}`, false, `I1–I3 do not hold: ${JSON.stringify(proof)}`)
    }
    before = page.length === cyclesAPage ? page.at(-1) : undefined
  } while (before)
  yield finding('contributions', true, `I1–I3 asked of ${proved} cycles`)

  for (const { invariant, promise, exceptions } of await proveLedger(db, listedOfAKind)) {
    yield finding(
      invariant,
      exceptions.length === 0,
      exceptions.length === 0 ? promise : `it does not hold that ${promise}: ${exceptions.join(', ')}`,
    )
  }

  const strays = await countStrays(db)
  yield finding('register', strays === 0, `${strays} members of no tier or of no agent that is there`)
  const twins = await findTwins(db, listedOfAKind)
  yield finding(
    'codes',
    true,
    twins.length === 0
      ? 'no two are the same but for capitals and leading zeros'
      : `the same but for capitals or leading zeros: ${twins.join('; ')}`,
  )
  const orphans = await countOrphans(db)
  yield finding('orphans', orphans === 0, `${orphans} contributions of nobody or of no cycle`)
  const deadPending = await countDeadPending(db)
  yield finding('the dead', deadPending === 0, `${deadPending} contributions asked of members who have died`)
  const untidy = await findUntidyCycles(db)
  yield finding(
    'cancelled cycles',
    untidy.length === 0,
    `${untidy.length} with contributions left ${untidy.join(' ')}`.trim(),
  )

  const head = await findChainHead(db)
  const broken = await findBrokenLinks(db, listedLinks)
  for (const { eventId, fault } of broken) yield finding(`audit event ${eventId}`, false, fault)
  yield finding(
    'audit',
    broken.length === 0,
    `${head.position} events chained, the last ${head.digest}`.trim(),
  )
  const redacted = await countRedacted(db)
  if (redacted > 0) {
    const detail = `${redacted} events of erased members, from before personal data was kept beside the chain, cannot be checked`
    yield finding('audit', true, detail)
  }
  const contradictions = await findContradictions(db, listedOfAKind)
  for (const { what, fault, fields } of contradictions) {
    yield finding(
      what,
      false,
      fault === 'differs' ? `${fields.join(', ')} as no event says` : `it ${fault}, as far as events say`,
    )
  }
  yield finding(
    'rows and events',
    contradictions.length === 0,
    contradictions.length === 0
      ? 'fund, tiers, users, API keys, claims and cycles are as their events say'
      : 'what is named above was written past Almoner',
  )
  const lost = await findLostGuards(db)
  for (const sentence of lost) yield finding('schema', false, sentence)
  yield finding(
    'schema',
    lost.length === 0,
    `${lost.length} triggers and functions are not as they were made`,
  )
  const { selfApproval } = await findFund(db)
  yield finding(
    'approval',
    true,
    selfApproval ? 'whoever submits a claim may approve it' : 'claims are approved by somebody else',
  )

  const workers = await countWorkers(db)
  const stuck = (await findNeglectedJobs(db, stuckAfterMs))
    .filter(({ idleMs }) => idleMs >= stuckAfterMs)
    .map(({ jobId }) => jobId)
  yield finding('jobs', stuck.length === 0, `${stuck.length} stuck ${stuck.join(' ')}`.trim())
  const failed = (await findFailedJobs(db)).map(({ jobId, cycleCode }) =>
    cycleCode === null ? `almoner jobs retry ${jobId}` : `almoner cycles retry ${cycleCode}`,
  )
  yield finding('failed jobs', failed.length === 0, failed.length === 0 ? 'none' : failed.join('; '))
  const deliveries = await countDeliveries(db)
  yield finding('letters', true, `${deliveries.pending} to be sent, ${deliveries.dead} could not be sent`)
  // Without work no worker is needed; a treasurer may start Almoner only when she needs it.
  yield finding('workers', workers > 0 || stuck.length === 0, workers > 0 ? 'connected' : 'none connected')
  // A dead letter needs no work: the sweep handles the job of its token.
  yield await queue.depth().then(
    ({ waiting, active, delayed, dead }) =>
      finding('queue', true, `${waiting} waiting, ${active} active, ${delayed} delayed, ${dead} dead`),
    (error: Error) => finding('queue', false, error.message),
  )
}

function finding(check: string, ok: boolean, detail: string): Finding {
  return { check, ok, detail }
}
