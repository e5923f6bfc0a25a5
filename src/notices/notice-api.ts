import { z } from 'zod'
import { channelsSchema } from '../fund/fund-api.ts'
import { letterLanguages, personalChannels } from '../fund/fund-rules.ts'
import { exponentSchema } from '../platform/values/value-schemas.ts'
import { deliveryStatuses } from './delivery-rules.ts'
import { type LetterKind, letterForms, letterKinds } from './letter-rules.ts'
import { channels, noticeKinds } from './notice-rules.ts'

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
    currencyExponent: exponentSchema,
    deadline: z.iso.date(),
    totalMembers: z.int().meta({ description: 'Members who are asked in all.' }),
    members: z.int().nullable().meta({ description: 'Of a digest: members of the agent who owe.' }),
    amount: z.int().nullable().meta({ description: 'Of a digest: what they owe together.' }),
    failureReason: z.string().nullable(),
    madeAt: z.string(),
    readAt: z.string().nullable(),
  })
  .meta({ id: 'Notice' })

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

/** @param isInsecureAllowed whether it may be without TLS, for addresses in one's own network */
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

export const templateKeySchema = z.strictObject({
  noticeKind: z.enum(Object.keys(letterKinds) as [LetterKind, ...LetterKind[]]),
  form: z.enum(letterForms),
  language: z.enum(letterLanguages),
})

const words = (maxChars: number) =>
  z
    .string()
    .trim()
    .min(1, { error: 'is missing' })
    .max(maxChars, { error: `has more than ${maxChars} characters` })

export const templateWordsSchema = z.strictObject({
  subject: z.string().trim().max(300, { error: 'has more than 300 characters' }).default(''),
  body: words(10_000),
})

export const templatePreviewSchema = templateKeySchema.extend(templateWordsSchema.shape)

export const templateSchema = templateKeySchema
  .extend({
    subject: z.string(),
    body: z.string(),
    updatedAt: z.string().nullable().meta({ description: 'When the fund worded it; null: it is Almoner’s.' }),
  })
  .meta({ id: 'NoticeTemplate' })

export const letterSchema = z
  .object({
    subject: z.string(),
    text: z.string(),
    link: z.string(),
    isInvented: z.boolean().meta({ description: 'Whether there was no such notice yet to show it with.' }),
  })
  .meta({ id: 'Letter' })

export const preferencesSchema = z
  .object({
    language: z.enum(letterLanguages).nullable().meta({ description: 'Null: that of the fund.' }),
    refusedChannels: z.array(z.enum(personalChannels)).meta({ description: 'By which nothing is sent.' }),
  })
  .meta({ id: 'NoticePreferences' })

export const newPreferencesSchema = z.strictObject({
  language: z.enum(letterLanguages).nullable().default(null),
  refusedChannels: channelsSchema,
})
