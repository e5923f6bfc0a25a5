import { z } from 'zod'
import { nameSchema } from '../platform/values/value-schemas.ts'
import { approvalKinds } from './approval-rules.ts'

export const approvalSchema = z
  .object({
    approvalId: z.uuid(),
    approvalKind: z.enum(approvalKinds),
    subject: z.uuid().meta({
      description: 'Of undo-death the claim, of revoke-cycle the cycle, of wallet-refund the member.',
    }),
    content: z.unknown().meta({
      description:
        'What was asked for, by its fields, such as `amount` and `sourceCode` of wallet-refund; it is approved as long as it has not changed.',
    }),
    reason: z.string(),
    requestedBy: z.string(),
    requestedAt: z.string(),
  })
  .meta({ id: 'Approval' })

/** Why something is asked for. */
export const requestSchema = z.strictObject({ reason: nameSchema })
