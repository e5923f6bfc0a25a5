import { z } from 'zod'
import { requestSchema } from '../approvals/approval-api.ts'
import { amountSchema, codeSchema } from '../platform/values/value-schemas.ts'

export const walletSchema = z
  .object({ memberId: z.uuid(), memberCode: z.string(), balance: z.int() })
  .meta({ id: 'Wallet', description: 'A member’s money that nothing has been asked of yet.' })

/** What whoever approves has seen. */
export const refundSchema = z.strictObject({
  amount: amountSchema,
  sourceCode: codeSchema.meta({ description: 'The till or account that it is given out of.' }),
})

export const newRefundSchema = refundSchema.extend(requestSchema.shape)
