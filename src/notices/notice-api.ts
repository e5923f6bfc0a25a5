import { z } from 'zod'
import { deliveryStatuses } from './delivery-rules.ts'
import { noticeKinds } from './notice-rules.ts'

export const noticeSchema = z
  .object({
    noticeId: z.uuid(),
    noticeKind: z.enum(noticeKinds),
    cycleId: z.uuid(),
    cycleCode: z.string(),
    claimCode: z.string(),
    deceasedFullName: z.string(),
    dateOfDeath: z.iso.date(),
    contributionAmount: z.int().nullable(),
    currency: z.string(),
    deadline: z.iso.date(),
    totalMembers: z.int().meta({ description: 'Members who are asked in all.' }),
    members: z.int().nullable().meta({ description: 'Of a digest: members of the agent who owe.' }),
    amount: z.int().nullable().meta({ description: 'Of a digest: what they owe together.' }),
    failureReason: z.string().nullable(),
    madeAt: z.string(),
    readAt: z.string().nullable(),
  })
  .meta({ id: 'Notice' })

export const channels = ['email', 'webhook'] as const

export const endpointSchema = z
  .object({
    endpointId: z.uuid(),
    url: z.string(),
    createdAt: z.string(),
    disabledAt: z.string().nullable(),
    disabledReason: z.string().nullable(),
  })
  .meta({ id: 'Webhook' })

export const endpointWithSecretSchema = endpointSchema
  .extend({
    secret: z.string().meta({ description: 'Shown this once. Receivers check the signature with it.' }),
  })
  .meta({ id: 'WebhookWithSecret' })

/** @param isInsecureAllowed whether it may be without TLS, as in one's own network */
export const newEndpointSchema = (isInsecureAllowed: boolean) =>
  z.strictObject({
    url: z
      .string()
      .max(2000)
      .refine(
        (text) =>
          URL.canParse(text) &&
          (text.startsWith('https://') || (isInsecureAllowed && text.startsWith('http://'))) &&
          new URL(text).username === '',
        { error: 'must be an https URL without a name or a password in it' },
      ),
  })

export const endpointChangesSchema = z.strictObject({ enabled: z.boolean() })

export const deliverySchema = z
  .object({
    deliveryId: z.uuid(),
    noticeKind: z.enum(noticeKinds),
    channel: z.enum(channels),
    deliveryStatus: z.enum(deliveryStatuses),
    recipientName: z.string(),
    address: z.string(),
    cycleId: z.uuid(),
    cycleCode: z.string(),
    attempts: z.int(),
    notBefore: z.string().nullable().meta({ description: 'When it is tried next; null when it is not.' }),
    error: z.string().nullable().meta({ description: 'Of the last attempt, or why it was withdrawn.' }),
    providerId: z.string().nullable().meta({ description: 'The message id.' }),
    createdAt: z.string(),
    updatedAt: z.string(),
  })
  .meta({ id: 'Delivery' })
