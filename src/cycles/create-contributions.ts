import { z } from 'zod'
import type { AnnounceDeps } from '../events/announce.ts'
import { findFund } from '../fund/fund-sql.ts'
import { divideKeys } from '../platform/jobs/divide-keys.ts'
import type { JobKind } from '../platform/jobs/job-kind.ts'
import { UnrecoverableError } from '../platform/jobs/job-kind.ts'
import { almoner } from '../platform/values/actor.ts'
import { apportion } from '../platform/values/money-rules.ts'
import { countContributions, insertContributions, lockDeaths, waiveTheDead } from './contribution-sql.ts'
import { beyondLimit, sayBeyond } from './cycle-rules.ts'
import { activateCycle, findCycleCode, moveCycle, setContributionAmount } from './cycle-sql.ts'
import { countEligible, eligible, findOrder, isSettled } from './roster-sql.ts'

const params = z.strictObject({
  /** Share the target among the members, rounded up to this many minor units; null for a fixed amount. */
  apportionStep: z.int().positive().nullable(),
  /** How far one person may go, where the start has not counted all who are asked. */
  limits: z.strictObject({ total: z.int(), amount: z.int().nullable() }).exactOptional(),
})

/** How jobs of this kind are called in the database. */
export const creationJobKind = 'create-cycle-contributions'

/**
 * Creates a cycle's contributions: one for each member of its roster. The subject is the cycle. The roster is a set
 * that no longer changes once it is settled, so chunks may be run at any time, in any order, hours apart.
 */
export const createContributions = ({
  announce,
}: Pick<AnnounceDeps, 'announce'>): JobKind<z.infer<typeof params>> => ({
  name: creationJobKind,
  params,
  logFields: findCycleCode,

  async plan(tx, job, chunkRows) {
    if (!(await isSettled(tx, job.subject))) return null
    const cycle = await findOrder(tx, job.subject)
    const members = await countEligible(tx, cycle)
    if (members === 0) throw new UnrecoverableError('Nobody is in good standing in the tier at that instant.')
    const { apportionStep, limits } = job.params
    const contributionAmount =
      apportionStep === null
        ? cycle.contributionAmount
        : apportion(cycle.targetAmount, members, apportionStep)
    if (limits !== undefined && contributionAmount !== null) {
      const beyond = beyondLimit({ contributionAmount, members }, limits)
      if (beyond.length > 0) throw new UnrecoverableError(sayBeyond(beyond, await findFund(tx)))
    }
    if (apportionStep !== null && contributionAmount !== null) {
      await setContributionAmount(tx, job.subject, contributionAmount)
    }
    return divideKeys(tx, eligible(cycle), members, chunkRows(members))
  },

  async run(tx, job, chunk) {
    const { contributionAmount, ...cycle } = await findOrder(tx, job.subject)
    if (contributionAmount === null) throw new UnrecoverableError('The cycle was planned without an amount.')
    return insertContributions(tx, { ...cycle, contributionAmount }, chunk)
  },

  /** Reconciles first: who should be asked, counted afresh, against the rows that are there. */
  async finish(tx, job) {
    await lockDeaths(tx)
    const cycle = await findOrder(tx, job.subject)
    const [members, contributions] = [
      await countEligible(tx, cycle),
      await countContributions(tx, job.subject),
    ]
    if (members !== contributions) {
      throw new UnrecoverableError(
        `${members} members are eligible, but ${contributions} contributions were created.`,
      )
    }
    const waivedMembers = await waiveTheDead(tx, job.subject)
    const counts = { totalMembers: members, pendingMembers: members - waivedMembers, waivedMembers }
    if (!(await activateCycle(tx, job.subject, counts))) {
      throw new UnrecoverableError(`The cycle is ${cycle.cycleStatus}, not Initializing.`)
    }
    await announce(tx, {
      eventName: 'ContributionCycleActivated',
      subject: job.subject,
      actor: almoner,
      payload: {
        cycleCode: cycle.cycleCode,
        ...counts,
        contributionAmount: cycle.contributionAmount,
        targetAmount: cycle.targetAmount,
        deadline: cycle.deadline,
      },
    })
  },

  async fail(tx, job, reason) {
    await moveCycle(tx, job.subject, ['Initializing'], 'Failed', reason)
    await announce(tx, {
      eventName: 'ContributionCycleFailed',
      subject: job.subject,
      actor: almoner,
      payload: { reason },
    })
  },

  async cancel(tx, job) {
    await moveCycle(tx, job.subject, ['Initializing', 'Failed'], 'Cancelled')
  },
})
