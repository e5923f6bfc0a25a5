import type { Db } from '../platform/database/connect.ts'
import { DomainError } from '../platform/values/errors.ts'
import { formatDecimal } from '../platform/values/money-rules.ts'
import { type ContributionFilter, type ContributionView, findContributions } from './contribution-sql.ts'
import { type CycleView, cycleNotFound, requireCycle } from './cycle-sql.ts'

/** Rows that an export reads at once. */
const exportPageRows = 5000

/**
 * The cycle, if whoever asks may know of it: to an agent one that has not become Active is not there.
 *
 * @param agentId the agent who asks; undefined for everybody else
 * @throws DomainError `cycle-not-found`
 */
export async function requireVisible(
  db: Db,
  cycleId: string,
  agentId: string | undefined,
): Promise<CycleView> {
  const cycle = await requireCycle(db, cycleId)
  if (agentId !== undefined && !isActivated(cycle)) throw cycleNotFound()
  return cycle
}

function isActivated(cycle: CycleView): boolean {
  return cycle.cycleStatus === 'Active' || cycle.cycleStatus === 'Completed'
}

/**
 * Nobody sees a contribution before its cycle is Active: until then it may still be taken back, and an agent who
 * collects by it would collect for nothing.
 *
 * @throws DomainError `cycle-not-found`, `cycle-not-active`
 */
export async function requireActive(
  db: Db,
  cycleId: string,
  agentId: string | undefined,
): Promise<CycleView> {
  const cycle = await requireVisible(db, cycleId, agentId)
  if (!isActivated(cycle)) {
    throw new DomainError(
      'cycle-not-active',
      `Cycle ${cycle.cycleCode} is ${cycle.cycleStatus}: its contributions are shown once it is Active.`,
    )
  }
  return cycle
}

/**
 * @param ownAgentId the agent who asks and sees only her own; undefined for everybody else
 * @throws DomainError `cycle-not-found`, `cycle-not-active`
 */
export async function listContributions(
  { db }: { db: Db },
  cycleId: string,
  ownAgentId: string | undefined,
  filter: ContributionFilter,
  page: { after?: string | undefined; limit: number },
): Promise<ContributionView[]> {
  await requireActive(db, cycleId, ownAgentId)
  return findContributions(db, cycleId, ofAgent(filter, ownAgentId), page)
}

/** The filter, narrowed to the members of the agent who asks. */
export function ofAgent(filter: ContributionFilter, agentId: string | undefined): ContributionFilter {
  return agentId === undefined ? filter : { ...filter, agentId }
}

/** All contributions of the cycle that pass the filter, page by page, with amounts as people write them. */
export async function* eachContribution(
  db: Db,
  cycle: CycleView,
  filter: ContributionFilter,
): AsyncGenerator<Record<string, string | null>> {
  let after: string | undefined
  do {
    const rows = await findContributions(db, cycle.cycleId, filter, { after, limit: exportPageRows })
    for (const { contributionAmount, paidAmount, ...row } of rows) {
      yield {
        ...row,
        contributionAmount: formatDecimal(contributionAmount, cycle),
        paidAmount: formatDecimal(paidAmount, cycle),
        currency: cycle.currency,
      }
    }
    after = rows.length === exportPageRows ? rows.at(-1)?.memberId : undefined
  } while (after !== undefined)
}
