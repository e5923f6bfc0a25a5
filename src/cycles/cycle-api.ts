import { z } from 'zod'
import { requestSchema } from '../approvals/approval-api.ts'
import { searchSchema } from '../members/member-api.ts'
import { amountSchema, exponentSchema, instantSchema, nameSchema } from '../platform/values/value-schemas.ts'
import {
  beyondReasons,
  type ContributionStatus,
  type CycleStatus,
  contributionMoves,
  cycleMoves,
  defaultDurationDays,
  maxDurationDays,
  minDurationDays,
  strategies,
} from './cycle-rules.ts'

export const cycleStatuses = Object.keys(cycleMoves) as [CycleStatus, ...CycleStatus[]]
const contributionStatuses = Object.keys(contributionMoves) as [ContributionStatus, ...ContributionStatus[]]
const jobStatuses = z.enum(['Queued', 'Processing', 'Paused', 'Completed', 'Failed', 'Cancelled'])

export const cycleSchema = z
  .object({
    cycleId: z.uuid(),
    cycleCode: z.string(),
    claimId: z.uuid(),
    claimCode: z.string(),
    tierId: z.uuid(),
    tierCode: z.string(),
    deceasedMemberId: z.uuid(),
    deceasedMemberCode: z.string(),
    deceasedFullName: z.string(),
    cycleStatus: z.enum(cycleStatuses),
    strategy: z.enum(['inline', 'queued']),
    currency: z.string(),
    currencyExponent: exponentSchema,
    contributionAmount: z.int().nullable().meta({ description: 'Null while it is still to be apportioned.' }),
    targetAmount: z.int(),
    collectedAmount: z.int(),
    timeZone: z.string(),
    startDate: z.iso.date(),
    deadline: z.iso.date(),
    deadlineAt: z.string(),
    eligibleAsOf: z.string(),
    failureReason: z.string().nullable(),
    totalMembers: z.int(),
    pendingMembers: z.int(),
    paidMembers: z.int(),
    failedMembers: z.int(),
    waivedMembers: z.int(),
    createdBy: z.string(),
    createdAt: z.string(),
    updatedAt: z.string(),
    activatedAt: z.string().nullable(),
    jobId: z.uuid().nullable(),
    jobStatus: jobStatuses.nullable(),
    jobProgress: z.int().min(0).max(100),
    jobStartedAt: z.string().nullable(),
    jobCompletedAt: z.string().nullable(),
    jobError: z.string().nullable(),
    jobHoldReason: z.string().nullable().meta({
      description: 'Why nothing is created for the moment, as the end of “on hold because …”.',
    }),
  })
  .meta({ id: 'ContributionCycle' })

export const startSchema = (defaultStrategy: (typeof strategies)[number]) =>
  z.strictObject({
    claimId: z.uuid(),
    contributionAmount: z
      .union([amountSchema, z.literal('apportion')], {
        error: 'must be a positive whole number of minor units, or "apportion"',
      })
      .optional()
      .meta({ description: 'The tier’s own amount when absent.' }),
    cycleDuration: z
      .int()
      .min(minDurationDays)
      .max(maxDurationDays)
      .default(defaultDurationDays)
      .meta({ description: 'Days from the start date to the deadline.' }),
    eligibleAsOf: instantSchema
      .optional()
      .meta({ description: 'Whoever was in standing then is asked. Now when absent.' }),
    strategy: z.enum(strategies).default(defaultStrategy),
  })

/** A start that another person has to approve, and why it is asked for. */
export const startRequestSchema = (defaultStrategy: (typeof strategies)[number]) =>
  startSchema(defaultStrategy).extend(requestSchema.shape)

/** The content of a request of the kind start-cycle. */
export const askedStartSchema = z.object({
  contributionAmount: z.int(),
  isApportioned: z.boolean(),
  cycleDuration: z.int(),
  eligibleAsOf: z.string(),
  strategy: z.enum(strategies),
  eligibleMembers: z.int(),
  expectedAmount: z.int(),
  targetAmount: z.int(),
  tierAmount: z.int().nullable(),
})

export const startedSchema = z
  .object({ cycle: cycleSchema, message: z.string() })
  .meta({ id: 'StartedContributionCycle' })

export const previewSchema = z
  .object({
    claimCode: z.string(),
    tierCode: z.string(),
    currency: z.string(),
    currencyExponent: exponentSchema,
    eligibleMembers: z.int(),
    contributionAmount: z.int(),
    apportionedAmount: z.int(),
    expectedAmount: z.int(),
    targetAmount: z.int(),
    shortfallAmount: z.int(),
    surplusAmount: z.int(),
    beyondLimit: z.array(z.object({ reason: z.enum(beyondReasons), figure: z.int(), limit: z.int() })).meta({
      description:
        'Where it goes too far for one person, with the figure and the largest that one person may start; another then has to approve it.',
    }),
    deadline: z.iso.date(),
    strategy: z.enum(['inline', 'queued']),
    estimatedSeconds: z.int().nullable(),
    exclusions: z.object({ deceased: z.int(), notActive: z.int(), registeredAfter: z.int() }),
    joinedAfterDeath: z
      .int()
      .meta({ description: 'Members who would be asked though they joined after the day of death.' }),
    reportedDead: z
      .array(z.object({ memberCode: z.string(), fullName: z.string(), claimCode: z.string() }))
      .meta({
        description:
          'Members who would be asked though their death is reported: no letter goes to them, and their contribution is waived when the claim is approved.',
      }),
    largestAgents: z.array(
      z.object({
        agentId: z.uuid(),
        agentCode: z.string(),
        fullName: z.string(),
        members: z.int(),
        expectedAmount: z.int(),
      }),
    ),
  })
  .meta({ id: 'ContributionCyclePreview' })

export const creationProgressSchema = z
  .object({
    cycleId: z.uuid(),
    status: z.enum(cycleStatuses),
    progress: z.object({ total: z.int(), processed: z.int(), percentage: z.int() }),
    estimatedTimeRemaining: z.int().nullable().meta({ description: 'Seconds; null while unknown.' }),
    jobStatus: jobStatuses,
    jobError: z.string().nullable(),
  })
  .meta({ id: 'CreationProgress' })

const waivedBy = z.string().nullable().meta({
  description: 'Who has waived it by hand; null of one that is waived because of a death.',
})

export const contributionSchema = z
  .object({
    contributionId: z.string(),
    memberId: z.uuid(),
    memberCode: z.string(),
    fullName: z.string(),
    agentId: z.uuid().nullable(),
    agentCode: z.string().nullable(),
    contributionAmount: z.int(),
    paidAmount: z.int(),
    contributionStatus: z.enum(contributionStatuses),
    waivedBy,
    dueDate: z.iso.date(),
  })
  .meta({ id: 'MemberContribution' })

export const contributionOfMemberSchema = z
  .object({
    contributionId: z.string(),
    cycleId: z.uuid(),
    cycleCode: z.string(),
    cycleStatus: z.enum(cycleStatuses),
    currency: z.string(),
    currencyExponent: exponentSchema,
    deceasedFullName: z.string(),
    contributionAmount: z.int(),
    paidAmount: z.int(),
    contributionStatus: z.enum(contributionStatuses),
    waivedBy,
    dueDate: z.iso.date(),
    createdAt: z.string().meta({ description: 'When the cycle was started.' }),
  })
  .meta({ id: 'ContributionOfMember' })

export const agentShareSchema = z
  .object({
    agentId: z.uuid().nullable().meta({ description: 'Null for members whom no agent looks after.' }),
    agentCode: z.string().nullable(),
    fullName: z.string().nullable(),
    members: z.int(),
    pendingMembers: z.int(),
    expectedAmount: z.int().meta({ description: 'Without what is waived.' }),
    paidAmount: z.int(),
  })
  .meta({ id: 'AgentShare' })

/** Whose contribution is waived, or asked again, and why. */
export const waiverSchema = z.strictObject({ memberId: z.uuid(), reason: nameSchema })

export const contributionFilter = {
  status: z.enum(contributionStatuses).optional(),
  agentId: z.uuid().optional(),
  q: searchSchema.optional(),
}
