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
    tierId: z.uuid(),
    tierCode: z.string(),
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

export const rejectionSchema = z.strictObject({ reason: nameSchema })
