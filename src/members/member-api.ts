import { z } from 'zod'
import {
  reasonAgainstEmail,
  reasonAgainstMemberCode,
  reasonAgainstPhone,
  textSchema,
} from '../platform/values/text-rules.ts'
import { codeSchema, dateSchema, nameSchema } from '../platform/values/value-schemas.ts'
import { memberStatuses } from './member-rules.ts'

const email = textSchema(reasonAgainstEmail)
const phone = textSchema(reasonAgainstPhone)

export const agentSchema = z
  .object({
    agentId: z.uuid(),
    agentCode: z.string(),
    fullName: z.string(),
    email: z.string().nullable(),
    phone: z.string().nullable(),
    createdAt: z.string(),
  })
  .meta({ id: 'Agent' })

export const newAgentSchema = z.strictObject({
  agentCode: codeSchema,
  fullName: nameSchema,
  email: email.nullable().default(null),
  phone: phone.nullable().default(null),
})

export const memberSchema = z
  .object({
    memberId: z.uuid(),
    memberCode: z.string(),
    fullName: z.string(),
    tierId: z.uuid(),
    tierCode: z.string(),
    agentId: z.uuid().nullable(),
    agentCode: z.string().nullable(),
    walletId: z.string().nullable(),
    memberStatus: z.enum(memberStatuses),
    joinedOn: z.iso.date(),
    email: z.string().nullable(),
    phone: z.string().nullable(),
    createdAt: z.string(),
    updatedAt: z.string(),
    erasedAt: z.string().nullable().meta({ description: 'When all that says who it is was removed.' }),
  })
  .meta({ id: 'Member' })

export const erasureRequestSchema = z
  .object({
    memberId: z.uuid(),
    reason: z.string(),
    requestedBy: z.string(),
    requestedAt: z.string(),
  })
  .meta({ id: 'ErasureRequest' })

export const newErasureSchema = z.strictObject({ reason: nameSchema })

export const memberWithStandingsSchema = memberSchema
  .extend({
    standings: z
      .array(
        z.object({
          tierCode: z.string(),
          validFrom: z.string(),
          validTo: z.string().meta({ description: '`infinity` while it lasts' }),
        }),
      )
      .meta({ description: 'When the register held the member as Active, and in which tier; oldest first.' }),
    erasure: erasureRequestSchema
      .nullable()
      .meta({ description: 'That somebody has asked for the member to be erased.' }),
  })
  .meta({ id: 'MemberWithStandings' })

export const newMemberSchema = z.strictObject({
  memberCode: textSchema(reasonAgainstMemberCode),
  fullName: nameSchema,
  tierId: z.uuid(),
  agentId: z.uuid().nullable().default(null),
  walletId: z.string().max(100).nullable().default(null),
  memberStatus: z.enum(memberStatuses).default('Active'),
  joinedOn: dateSchema,
  email: email.nullable().default(null),
  phone: phone.nullable().default(null),
})

export const memberChangesSchema = z
  .strictObject({
    fullName: nameSchema.exactOptional(),
    tierId: z.uuid().exactOptional(),
    agentId: z.uuid().nullable().exactOptional(),
    walletId: z.string().max(100).nullable().exactOptional(),
    memberStatus: z.enum(memberStatuses).exactOptional(),
    joinedOn: dateSchema.exactOptional(),
    email: email.nullable().exactOptional(),
    phone: phone.nullable().exactOptional(),
  })
  .refine((changes) => Object.keys(changes).length > 0, { error: 'must change something' })

const flag = z.enum(['true', 'false'], { error: 'must be true or false' }).default('false')

export const importQuerySchema = z.strictObject({
  onDuplicate: z.enum(['skip', 'update']).default('skip'),
  createAgents: flag,
  createTiers: flag,
  dryRun: flag,
})

/** Faults listed in an answer; the counts are of all. */
export const maxListedFaults = 1000

export const importResultSchema = z
  .object({
    dryRun: z.boolean(),
    rows: z.int(),
    inserted: z.int(),
    updated: z.int(),
    unchanged: z.int(),
    skipped: z.int().meta({ description: 'There already, and different: `onDuplicate` is `skip`.' }),
    faulty: z.int(),
    createdAgents: z.int(),
    createdTiers: z.int(),
    faults: z
      .array(
        z.object({
          line: z.int(),
          column: z.string().nullable(),
          value: z.string().nullable(),
          reason: z.string(),
        }),
      )
      .meta({ description: `The first ${maxListedFaults}.` }),
  })
  .meta({ id: 'ImportResult' })
