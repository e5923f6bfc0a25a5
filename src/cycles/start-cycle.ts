import { randomUUID } from 'node:crypto'
import { Temporal } from 'temporal-polyfill'
import { type ClaimView, requireClaim } from '../claims/claim-sql.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import { type FundRow, findFund, findTier, type TierRow, takeCode } from '../fund/fund-sql.ts'
import type { Tx } from '../platform/database/connect.ts'
import { isUniqueViolation } from '../platform/database/sql-state.ts'
import { type Engine, wakeJob } from '../platform/jobs/engine.ts'
import { insertJob } from '../platform/jobs/job-sql.ts'
import { runJobInline } from '../platform/jobs/run-inline.ts'
import type { Actor } from '../platform/values/actor.ts'
import type { Clock } from '../platform/values/clock.ts'
import { DomainError } from '../platform/values/errors.ts'
import { apportion } from '../platform/values/money-rules.ts'
import { creationJobKind } from './create-contributions.ts'
import {
  type Beyond,
  beyondLimit,
  collectingPeriod,
  type Limits,
  limitsOf,
  type Strategy,
  sayBeyond,
  strategyFor,
} from './cycle-rules.ts'
import {
  type CycleView,
  findLiveCycleCode,
  insertCycle,
  readInstant,
  requireCycle,
  setStrategy,
} from './cycle-sql.ts'
import { countEligible, type Roster } from './roster-sql.ts'

export interface StartInput {
  readonly claimId: string
  /** Minor units of the fund's currency; the tier's own amount when absent; or the target shared by the members. */
  readonly contributionAmount?: number | 'apportion' | undefined
  /** 1–365, from the start date to the deadline. */
  readonly cycleDuration: number
  /** RFC 3339; whoever the register held as Active then is asked. Now when absent. */
  readonly eligibleAsOf?: string | undefined
  readonly strategy: Strategy
}

export interface StartDeps extends AnnounceDeps {
  readonly engine: Engine
  readonly clock: Clock
  readonly inlineMemberLimit: number
}

/**
 * Starts the contribution cycle of an approved claim and answers at once, however many members there are. Queued,
 * the cycle comes back Initializing and its contributions are created in the background; inline, it is Active.
 *
 * @throws DomainError `claim-not-found`, `claim-not-approved`, `claim-has-cycle`, `tier-has-no-amount`,
 *   `tier-has-no-members`, `eligible-as-of-in-future`, and `beyond-start-limit` for what `requestStart` is for
 */
export async function startCycle(deps: StartDeps, input: StartInput & { actor: Actor }): Promise<CycleView> {
  const cycle = await deps.db.transaction().execute((tx) => openCycle(deps, tx, input))
  await wakeCycle(deps.engine, cycle)
  return cycle
}

/** The part of a start that is one transaction, of which it must be the first to write. The caller wakes the cycle. */
export async function openCycle(
  deps: Omit<StartDeps, 'db'>,
  tx: Tx,
  input: StartInput & { actor: Actor },
): Promise<CycleView> {
  // What is created in the request takes as long as there are members in any case.
  const order = await checkStart(tx, deps, input, input.strategy !== 'inline')
  const { beyond, isCounted, limits } = order
  if (isCounted && beyond.length > 0) {
    throw new DomainError('beyond-start-limit', sayBeyond(beyond, order.fund))
  }
  return writeStart(deps, tx, { ...input, order, ...(!isCounted && { limits }) })
}

/**
 * Writes the cycle that was checked, and sends nothing.
 *
 * @param limits for planning, which counts all who are asked
 * @param asked by whom it was asked for, and why, where it needed another person
 */
export async function writeStart(
  deps: Omit<StartDeps, 'db'>,
  tx: Tx,
  input: {
    readonly order: StartOrder
    readonly cycleDuration: number
    readonly actor: Actor
    readonly limits?: Limits
    readonly asked?: { readonly requestedBy: string; readonly reason: string }
  },
): Promise<CycleView> {
  const { order } = input
  const { claim, fund, roster } = order
  const period = collectingPeriod(deps.clock.now(), fund.timeZone, input.cycleDuration)
  const cycleId = randomUUID()
  const cycleCode = await takeCode(tx, fund.cycleCodePrefix, Number(period.startDate.slice(0, 4)))
  const jobId = await insertJob(tx, {
    jobKind: creationJobKind,
    subject: cycleId,
    params: {
      apportionStep: order.isApportioned ? fund.roundingStep : null,
      ...(input.limits && { limits: input.limits }),
    },
    createdBy: input.actor.name,
  })
  try {
    await insertCycle(tx, {
      cycleId,
      cycleCode,
      jobId,
      claimId: claim.claimId,
      ...roster,
      ...period,
      strategy: order.strategy,
      currency: fund.currency,
      currencyExponent: fund.currencyExponent,
      contributionAmount: order.isApportioned ? null : order.contributionAmount,
      targetAmount: claim.benefitAmount,
      timeZone: fund.timeZone,
      createdBy: input.actor.name,
    })
  } catch (error) {
    // Two starts at once: the index lets one through.
    if (!isUniqueViolation(error, 'contribution_cycles_one_live_per_claim')) throw error
    throw new DomainError('claim-has-cycle', `Claim ${claim.claimCode} has just got its cycle.`, [], {
      cause: error,
    })
  }
  await deps.announce(tx, {
    eventName: 'ContributionCycleInitiated',
    subject: cycleId,
    actor: input.actor,
    payload: {
      cycleCode,
      claimCode: claim.claimCode,
      strategy: order.strategy,
      currency: fund.currency,
      currencyExponent: fund.currencyExponent,
      ...input.asked,
    },
  })
  if (order.strategy === 'inline' && !(await runJobInline(deps.engine, tx, jobId))) {
    // Somebody is still writing to the register: the background waits for them, a request does not.
    await setStrategy(tx, cycleId, 'queued')
  }
  return requireCycle(tx, cycleId)
}

/** Sends the token of a cycle that was left to the background. */
export async function wakeCycle(engine: Engine, cycle: CycleView): Promise<void> {
  const { jobId, jobStatus } = cycle
  if (jobStatus === 'Queued' && jobId !== null) {
    await wakeJob(engine, { jobId, jobKind: creationJobKind })
  }
}

export interface StartOrder {
  readonly claim: ClaimView
  readonly fund: FundRow
  readonly tier: TierRow
  readonly roster: Roster
  readonly eligibleMembers: number
  /** Minor units, what each owes: as it was given, the tier's own, or what the target comes to when it is shared. */
  readonly contributionAmount: number
  readonly isApportioned: boolean
  readonly apportionedAmount: number
  readonly expectedAmount: number
  /** Where it goes too far for one person. */
  readonly beyond: Beyond[]
  readonly limits: Limits
  /** Whether the figures are of all who would be asked, or of the first of them. */
  readonly isCounted: boolean
  readonly strategy: 'inline' | 'queued'
}

/** So many are counted in a few milliseconds. */
const countedAtOnce = 50_000

/**
 * Everything that is checked before a start; a preview checks the same. Writes nothing.
 *
 * @param mayStopCounting whether it is enough to have counted the first of a large tier, so that a start is answered as quickly there
 */
export async function checkStart(
  tx: Tx,
  deps: { readonly inlineMemberLimit: number },
  input: StartInput,
  mayStopCounting = false,
): Promise<StartOrder> {
  const now = await readInstant(tx)
  const fund = await findFund(tx)
  const claim = await requireClaim(tx, input.claimId)
  if (claim.claimStatus !== 'Approved') {
    throw new DomainError(
      'claim-not-approved',
      `Claim ${claim.claimCode} is ${claim.claimStatus}, not Approved.`,
    )
  }
  const cycleCode = await findLiveCycleCode(tx, claim.claimId)
  if (cycleCode !== undefined) {
    throw new DomainError('claim-has-cycle', `Claim ${claim.claimCode} has cycle ${cycleCode} already.`)
  }
  // In UTC, for PostgreSQL does not take every offset that is an offset.
  const eligibleAsOf = Temporal.Instant.from(input.eligibleAsOf ?? now).toString()
  if (Temporal.Instant.compare(eligibleAsOf, now) > 0) {
    throw new DomainError(
      'eligible-as-of-in-future',
      'The register can only be read as it stood, not as it will.',
    )
  }
  const tier = (await findTier(tx, { tierId: claim.tierId })) as TierRow
  const isApportioned = input.contributionAmount === 'apportion'
  const fixedAmount = isApportioned ? null : (input.contributionAmount ?? tier.contributionAmount)
  if (fixedAmount === null && !isApportioned) {
    throw new DomainError(
      'tier-has-no-amount',
      `Tier ${tier.tierCode} has no contribution amount: give one, or ask for it to be apportioned.`,
    )
  }
  const roster = { tierId: claim.tierId, eligibleAsOf, deceasedMemberId: claim.deceasedMemberId }
  const limits = limitsOf(claim.benefitAmount, tier.contributionAmount, fund.startLimitPercent)
  const reckon = (members: number) => {
    const apportionedAmount = apportion(claim.benefitAmount, members, fund.roundingStep)
    const contributionAmount = fixedAmount ?? apportionedAmount
    const beyond = beyondLimit({ contributionAmount, members }, limits)
    return { eligibleMembers: members, apportionedAmount, contributionAmount, beyond }
  }
  const enough = mayStopCounting ? Math.max(countedAtOnce, deps.inlineMemberLimit) : Number.MAX_SAFE_INTEGER
  const atLeast = await countEligible(tx, roster, mayStopCounting ? enough + 1 : undefined)
  if (atLeast === 0) {
    throw new DomainError('tier-has-no-members', `Nobody is in good standing in tier ${tier.tierCode} then.`)
  }
  let figures = reckon(atLeast)
  let isCounted = atLeast <= enough
  // What is too much for some is too much for all; but they share a target, and the more they are, the less each owes.
  if (!isCounted && !isApportioned && figures.beyond.length > 0) {
    figures = reckon(await countEligible(tx, roster))
    isCounted = true
  }
  const expectedAmount = figures.contributionAmount * figures.eligibleMembers
  if (!Number.isSafeInteger(expectedAmount)) {
    throw new DomainError(
      'invalid-input',
      'The contributions would add up to more than can be reckoned with.',
    )
  }
  return {
    claim,
    fund,
    tier,
    roster,
    ...figures,
    isApportioned,
    expectedAmount,
    limits,
    isCounted,
    strategy: strategyFor(input.strategy, figures.eligibleMembers, deps.inlineMemberLimit),
  }
}
