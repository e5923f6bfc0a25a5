import { z } from 'zod'
import { letterLanguages } from '../notices/letter-rules.ts'
import { channelsSchema } from '../notices/notice-api.ts'
import { personalChannels } from '../notices/notice-rules.ts'
import { reasonAgainstCode, reasonAgainstName, textSchema } from '../platform/values/text-rules.ts'

/** Integer minor units of the fund's currency. */
export const amountSchema = z
  .int({ error: 'must be a whole number of minor units' })
  .min(1, { error: 'must be at least 1 minor unit' })
  .meta({ description: 'Minor units of the fund’s currency: 9950 is 99.50 in USD.' })

/** A date of the calendar. PostgreSQL's has no year 0. */
export const dateSchema = z.iso
  .date({ error: 'must be a date such as 2026-11-23' })
  .refine((date) => date >= '0001', { error: 'must be a date such as 2026-11-23' })

/** PostgreSQL's calendar has no year 0, wherever on earth it begins, and Temporal counts nanoseconds at most. */
export const instantSchema = z.iso
  .datetime({ offset: true, error: 'must be an instant such as 2026-11-23T10:00:00Z' })
  .refine((instant) => instant >= '0002' && !/\.\d{10}/.test(instant), {
    error: 'must be an instant such as 2026-11-23T10:00:00Z',
  })

export const codeSchema = textSchema(reasonAgainstCode)
export const nameSchema = textSchema(reasonAgainstName)

export const fundSchema = z
  .object({
    name: z.string(),
    currency: z.string().meta({ description: 'ISO 4217' }),
    timeZone: z.string().meta({ description: 'IANA' }),
    cycleCodePrefix: z.string(),
    roundingStep: z.int().meta({ description: 'Apportioned amounts are rounded up to a multiple of this.' }),
    selfApproval: z.boolean().meta({
      description: 'Whether whoever submitted a claim may approve it: for a fund of one person.',
    }),
    noticeLanguage: z.enum(letterLanguages).meta({ description: 'In which letters are written.' }),
    agentChannels: z.array(z.enum(personalChannels)).meta({ description: 'By which agents are told.' }),
    memberChannels: z
      .array(z.enum(personalChannels))
      .meta({ description: 'By which members are told of a cycle; empty: they are not.' }),
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
  noticeLanguage: z.enum(letterLanguages).exactOptional(),
  agentChannels: channelsSchema.exactOptional(),
  memberChannels: channelsSchema.exactOptional(),
})

export const tierSchema = z
  .object({
    tierId: z.uuid(),
    tierCode: z.string(),
    tierName: z.string(),
    contributionAmount: z.int().nullable(),
    benefitAmount: z.int().nullable(),
    createdAt: z.string(),
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
  })
  .refine((changes) => Object.keys(changes).length > 0, { error: 'must change something' })
