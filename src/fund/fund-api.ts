import { z } from 'zod'
import { amountSchema, codeSchema, exponentSchema, nameSchema } from '../platform/values/value-schemas.ts'
import { letterLanguages, maxStartLimitPercent, personalChannels } from './fund-rules.ts'

/** Each at most once. */
export const channelsSchema = z
  .array(z.enum(personalChannels))
  .transform((channels) => personalChannels.filter((channel) => channels.includes(channel)))

export const fundSchema = z
  .object({
    name: z.string(),
    currency: z.string().meta({ description: 'ISO 4217' }),
    currencyExponent: exponentSchema,
    timeZone: z.string().meta({ description: 'IANA' }),
    cycleCodePrefix: z.string(),
    roundingStep: z.int().meta({ description: 'Apportioned amounts are rounded up to a multiple of this.' }),
    selfApproval: z.boolean().meta({
      description: 'Whether whoever submitted a claim may approve it: for a fund of one person.',
    }),
    startLimitPercent: z.int().meta({
      description:
        'How far the total of a cycle may go beyond its target, in percent, when one person starts it.',
    }),
    noticeLanguage: z.enum(letterLanguages).meta({ description: 'In which letters are written.' }),
    agentChannels: z.array(z.enum(personalChannels)).meta({ description: 'By which agents are told.' }),
    memberChannels: z
      .array(z.enum(personalChannels))
      .meta({ description: 'By which members are told of a cycle; empty: they are not.' }),
    paymentLimit: z.int().nullable().meta({ description: 'The largest payment that is taken; null: any.' }),
    importStatusLimitPercent: z
      .int()
      .meta({ description: 'Of the register: an import that changes more statuses needs two persons.' }),
  })
  .meta({ id: 'Fund' })

export const fundChangesSchema = z.strictObject({
  name: nameSchema.exactOptional(),
  currency: z.string().exactOptional(),
  timeZone: z.string().exactOptional(),
  cycleCodePrefix: z
    .string()
    .regex(/^[A-Z]{1,8}$/, { error: 'must be 1–8 capital letters' })
    .exactOptional(),
  roundingStep: amountSchema.exactOptional(),
  selfApproval: z.boolean().exactOptional(),
  startLimitPercent: z.int().min(0).max(maxStartLimitPercent).exactOptional(),
  noticeLanguage: z.enum(letterLanguages).exactOptional(),
  agentChannels: channelsSchema.exactOptional(),
  memberChannels: channelsSchema.exactOptional(),
  paymentLimit: amountSchema.nullable().exactOptional(),
  importStatusLimitPercent: z.int().min(0).max(100).exactOptional(),
})

export const tierSchema = z
  .object({
    tierId: z.uuid(),
    tierCode: z.string(),
    tierName: z.string(),
    contributionAmount: z.int().nullable(),
    benefitAmount: z.int().nullable(),
    createdAt: z.string(),
    retiredAt: z.string().nullable().meta({ description: 'Since when no member comes into it.' }),
  })
  .meta({ id: 'Tier' })

export const newTierSchema = z.strictObject({
  tierCode: codeSchema,
  tierName: nameSchema,
  contributionAmount: amountSchema.nullable().default(null),
  benefitAmount: amountSchema.nullable().default(null),
})

export const tierChangesSchema = z
  .strictObject({
    tierName: nameSchema.exactOptional(),
    contributionAmount: amountSchema.nullable().exactOptional(),
    benefitAmount: amountSchema.nullable().exactOptional(),
    isRetired: z.boolean().exactOptional(),
  })
  .refine((changes) => Object.keys(changes).length > 0, { error: 'must change something' })
