import type { Db } from '../database/connect.ts'
import { DomainError } from '../errors.ts'
import { formatDecimal } from '../money.ts'
import { type ContributionFilter, type ContributionView, findContributions } from './contribution-sql.ts'
import { type CycleView, requireCycle } from './cycle-sql.ts'

/** Rows that an export reads at once. */
const exportPageRows = 5000

/**
 * Nobody sees a contribution before its cycle is Active: until then it may still be taken back, and an agent who
 * collects by it would collect for nothing.
 *
 * @throws DomainError `cycle-not-found`, `cycle-not-active`
 */
export async function requireActive(db: Db, cycleId: string): Promise<CycleView> {
  const cycle = await requireCycle(db, cycleId)
  if (cycle.activatedAt === null || cycle.cycleStatus === 'Cancelled') {
    throw new DomainError(
      'cycle-not-active',
      `Cycle ${cycle.cycleCode} is ${cycle.cycleStatus}: its contributions are shown once it is Active.`,
    )
  }
  return cycle
}

/** @throws DomainError `cycle-not-found`, `cycle-not-active` */
export async function listContributions(
  { db }: { db: Db },
  cycleId: string,
  filter: ContributionFilter,
  page: { after?: string | undefined; limit: number },
): Promise<ContributionView[]> {
  await requireActive(db, cycleId)
  return findContributions(db, cycleId, filter, page)
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
        contributionAmount: formatDecimal(contributionAmount, cycle.currency),
        paidAmount: formatDecimal(paidAmount, cycle.currency),
        currency: cycle.currency,
      }
    }
    after = rows.length === exportPageRows ? rows.at(-1)?.memberId : undefined
  } while (after !== undefined)
}
