import { z } from 'zod'
import { nameSchema } from '../platform/values/value-schemas.ts'
import { approvalKinds } from './approval-rules.ts'

export const approvalSchema = z
  .object({
    approvalId: z.uuid(),
    approvalKind: z.enum(approvalKinds),
    subject: z.uuid().meta({
      description:
        'Of undo-death and start-cycle the claim, of revoke-cycle the cycle, of wallet-refund the member, of new-approver the user; of self-approval, which is the fund’s, all zeros; of import the first half of the file’s SHA-256.',
    }),
    content: z
      .record(z.string(), z.unknown())
      .meta({ description: 'What is approved; if it has changed, it can no longer be approved.' }),
    reason: z.string(),
    requestedBy: z.string(),
    requestedAt: z.string(),
  })
  .meta({ id: 'Approval' })

/** Why something is asked for. */
export const requestSchema = z.strictObject({ reason: nameSchema })
