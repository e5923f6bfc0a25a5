import { z } from 'zod'
import { amountSchema, dateSchema, nameSchema } from '../platform/values/value-schemas.ts'
import { claimStatuses } from './claim-rules.ts'

export const claimSchema = z
  .object({
    claimId: z.uuid(),
    claimCode: z.string(),
    deceasedMemberId: z.uuid(),
    deceasedMemberCode: z.string(),
    deceasedFullName: z.string(),
    tierId: z.uuid().meta({ description: 'In which the deceased was on the day of death.' }),
    tierCode: z.string(),
    joinedOn: z.iso.date(),
    inStanding: z
      .boolean()
      .nullable()
      .meta({ description: 'Whether the deceased was in good standing on the day of death.' }),
    registerDiffers: z
      .array(z.enum(['fullName', 'joinedOn', 'tier']))
      .meta({ description: 'What the register says otherwise by now.' }),
    dateOfDeath: z.iso.date(),
    placeOfDeath: z.string().nullable(),
    benefitAmount: z.int(),
    claimStatus: z.enum(claimStatuses),
    submittedBy: z.string(),
    submittedAt: z.string(),
    approvedBy: z.string().nullable(),
    approvedAt: z.string().nullable(),
    rejectedBy: z.string().nullable(),
    rejectedAt: z.string().nullable(),
    rejectionReason: z.string().nullable(),
    approvalReason: z.string().nullable(),
    revokedBy: z.string().nullable(),
    revokedAt: z.string().nullable(),
    revocationReason: z.string().nullable(),
    cycleId: z.uuid().nullable().meta({ description: 'Its cycle that is not Cancelled.' }),
    cycleCode: z.string().nullable(),
  })
  .meta({ id: 'Claim' })

export const newClaimSchema = z.strictObject({
  deceasedMemberId: z.uuid(),
  dateOfDeath: dateSchema,
  placeOfDeath: nameSchema.nullable().default(null),
  benefitAmount: amountSchema,
})

/** Needed when the deceased was not in good standing, or the register has changed. */
export const claimApprovalSchema = z.strictObject({ reason: nameSchema.optional() }).nullish()

export const rejectionSchema = z.strictObject({ reason: nameSchema })
