import { z } from 'zod'
import { nameSchema } from '../platform/values/value-schemas.ts'
import { approvalKinds } from './approval-rules.ts'

export const approvalSchema = z
  .object({
    approvalId: z.uuid(),
    approvalKind: z.enum(approvalKinds),
    subject: z.uuid().meta({
      description: 'Of undo-death and start-cycle the claim, of revoke-cycle the cycle.',
    }),
    content: z.record(z.string(), z.unknown()).meta({
      description: 'What is asked for, and what it rests on. If that changes, the request is void.',
    }),
    reason: z.string(),
    requestedBy: z.string(),
    requestedAt: z.string(),
  })
  .meta({ id: 'Approval' })

/** Why something is asked for. */
export const requestSchema = z.strictObject({ reason: nameSchema })
