import { findCost } from '../platform/jobs/job-cost-sql.ts'
import { creationJobKind } from './create-contributions.ts'
import { type Beyond, collectingPeriod } from './cycle-rules.ts'
import {
  type AgentShare,
  countExclusions,
  countJoinedAfter,
  type Exclusions,
  findLargestAgents,
  findReportedDead,
  type ReportedDead,
} from './roster-sql.ts'
import { checkStart, type StartDeps, type StartInput } from './start-cycle.ts'

export interface CyclePreview {
  readonly claimCode: string
  readonly tierCode: string
  readonly currency: string
  readonly currencyExponent: number
  readonly eligibleMembers: number
  /** Minor units: what each would owe; given, the tier's, or apportioned. */
  readonly contributionAmount: number
  /** What each would owe if the target were apportioned. */
  readonly apportionedAmount: number
  readonly expectedAmount: number
  readonly targetAmount: number
  /** One of the two is 0. */
  readonly shortfallAmount: number
  readonly surplusAmount: number
  /** Where it goes too far for one person; another then has to approve it. */
  readonly beyondLimit: Beyond[]
  readonly deadline: string
  readonly strategy: 'inline' | 'queued'
  /** From what members have cost lately; null before the first large cycle. */
  readonly estimatedSeconds: number | null
  readonly exclusions: Exclusions
  /** Members who would be asked though they joined after the day of death. */
  readonly joinedAfterDeath: number
  /** Members who would be asked though their death is reported, and not decided yet. */
  readonly reportedDead: ReportedDead[]
  readonly largestAgents: (AgentShare & { expectedAmount: number })[]
}

const largestAgents = 10
const listedReported = 100

/**
 * What a start would do, by the same checks and the same statements, without writing.
 *
 * @throws DomainError as `startCycle` does
 */
export async function previewCycle(
  deps: Pick<StartDeps, 'db' | 'clock' | 'inlineMemberLimit'> & { engine: { lanes: number } },
  input: StartInput,
): Promise<CyclePreview> {
  return deps.db.transaction().execute(async (tx) => {
    const order = await checkStart(tx, deps, input)
    const { claim, fund, tier, roster, strategy, eligibleMembers, contributionAmount, expectedAmount } = order
    const cost = await findCost(tx, creationJobKind)
    const agents = await findLargestAgents(tx, roster, largestAgents)
    return {
      claimCode: claim.claimCode,
      tierCode: tier.tierCode,
      currency: fund.currency,
      currencyExponent: fund.currencyExponent,
      eligibleMembers,
      contributionAmount,
      apportionedAmount: order.apportionedAmount,
      expectedAmount,
      targetAmount: claim.benefitAmount,
      shortfallAmount: Math.max(0, claim.benefitAmount - expectedAmount),
      surplusAmount: Math.max(0, expectedAmount - claim.benefitAmount),
      beyondLimit: order.beyond,
      deadline: collectingPeriod(deps.clock.now(), fund.timeZone, input.cycleDuration).deadline,
      strategy,
      estimatedSeconds:
        cost === undefined ? null : Math.ceil((cost * eligibleMembers) / deps.engine.lanes / 1000),
      exclusions: await countExclusions(tx, roster),
      joinedAfterDeath: await countJoinedAfter(tx, roster, claim.dateOfDeath),
      reportedDead: await findReportedDead(tx, roster, listedReported),
      largestAgents: agents.map((agent) => ({
        ...agent,
        expectedAmount: contributionAmount * agent.members,
      })),
    }
  })
}
