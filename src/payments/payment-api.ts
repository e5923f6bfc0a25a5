import { z } from 'zod'
import { transferSchema } from '../ledger/ledger-api.ts'
import { referenceRule, textSchema } from '../platform/values/text-rules.ts'
import { amountSchema, codeSchema, dateSchema, nameSchema } from '../platform/values/value-schemas.ts'
import { type PaymentStatus, paymentMethods, paymentMoves } from './payment-rules.ts'

export const paymentStatuses = Object.keys(paymentMoves) as [PaymentStatus, ...PaymentStatus[]]

export const referenceSchema = textSchema(referenceRule)

export const sourceSchema = z
  .object({
    sourceId: z.uuid(),
    sourceCode: z.string(),
    sourceName: z.string(),
    accountId: z.uuid(),
    accountCode: z.string().meta({ description: 'The money account into which its payments come.' }),
    paymentMethod: z.enum(paymentMethods),
    createdAt: z.string(),
  })
  .meta({ id: 'PaymentSource' })

export const newSourceSchema = z.strictObject({
  sourceCode: codeSchema,
  sourceName: nameSchema,
  accountCode: codeSchema
    .optional()
    .meta({ description: 'Without it the source gets an account of its own.' }),
  method: z.enum(paymentMethods).default('Cash'),
})

const lineSchema = z.strictObject({ memberId: z.uuid(), amount: amountSchema, cycleId: z.uuid().optional() })

export const newPaymentSchema = z
  .strictObject({
    sourceCode: codeSchema.meta({ description: 'Where it comes from: a till, a bank account, a paybill.' }),
    reference: referenceSchema.meta({
      description:
        'The source’s own number of it, or one that you make: the same source and reference are the same payment, however often it is told.',
    }),
    identifiers: z
      .array(z.strictObject({ scheme: codeSchema, value: referenceSchema }))
      .max(10)
      .optional()
      .meta({ description: 'Other numbers by which the source may call it; each recognises it again.' }),
    amount: amountSchema,
    receivedOn: dateSchema.optional().meta({ description: 'Today when absent.' }),
    method: z.enum(paymentMethods).optional(),
    memberId: z.uuid().optional(),
    cycleId: z.uuid().optional().meta({ description: 'The contribution of that member which it is for.' }),
    lines: z.array(lineSchema).min(1).max(1000).optional().meta({
      description: 'Of a payment for several members, in place of `memberId`: they add up to the amount.',
    }),
    payerText: nameSchema.optional().meta({ description: 'The payer as the source calls them.' }),
  })
  .refine(({ memberId, lines }) => memberId === undefined || lines === undefined, {
    error: 'is either of one member or has lines',
    path: ['lines'],
  })
  .refine(({ memberId, cycleId }) => cycleId === undefined || memberId !== undefined, {
    error: 'needs memberId, or stands in a line',
    path: ['cycleId'],
  })

export const paymentSchema = z
  .object({
    paymentId: z.int(),
    sourceId: z.uuid(),
    sourceCode: z.string(),
    reference: z.string(),
    amount: z.int(),
    receivedOn: z.iso.date(),
    paymentMethod: z.enum(paymentMethods),
    payerMemberId: z.uuid().nullable(),
    payerMemberCode: z.string().nullable(),
    payerFullName: z.string().nullable(),
    payerText: z.string().nullable(),
    cycleId: z.uuid().nullable().meta({ description: 'What it was said to be for.' }),
    cycleCode: z.string().nullable(),
    lines: z
      .array(z.object({ memberId: z.uuid(), amount: z.int(), cycleId: z.uuid().nullable() }))
      .nullable()
      .meta({ description: 'Of a payment for several members.' }),
    agentId: z.uuid().nullable().meta({ description: 'The payer’s agent when it was recorded.' }),
    agentCode: z.string().nullable(),
    paymentStatus: z.enum(paymentStatuses),
    recordedBy: z.string(),
    recordedAt: z.string(),
    reversedBy: z.string().nullable(),
    reversedAt: z.string().nullable(),
    reversalReason: z.string().nullable(),
  })
  .meta({ id: 'Payment' })

export const paymentDetailSchema = paymentSchema
  .extend({
    transfers: z.array(transferSchema).meta({ description: 'Each movement of its money, oldest first.' }),
    alike: z.array(z.int()).meta({
      description:
        'Other payments of the same payer, day and amount: perhaps the same money, told twice under two references.',
    }),
  })
  .meta({ id: 'PaymentDetail' })

export const reversalSchema = z.strictObject({
  reason: nameSchema.optional().meta({
    description: 'Needed, but by who has recorded it less than half a minute ago.',
  }),
})

export const collectedSchema = z
  .object({ day: z.iso.date(), amount: z.int(), payments: z.int() })
  .meta({ id: 'CollectedOnDay' })
