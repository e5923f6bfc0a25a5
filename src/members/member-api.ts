import { z } from 'zod'
import { emailRule, memberCodeRule, phoneRule, textSchema } from '../platform/values/text-rules.ts'
import { codeSchema, dateSchema, nameSchema } from '../platform/values/value-schemas.ts'
import { memberColumns } from './column-rules.ts'
import { dateOrders } from './import-dates.ts'
import { memberStatuses } from './member-rules.ts'

const email = textSchema(emailRule)
const phone = textSchema(phoneRule)

export const agentSchema = z
  .object({
    agentId: z.uuid(),
    agentCode: z.string(),
    fullName: z.string(),
    email: z.string().nullable(),
    phone: z.string().nullable(),
    createdAt: z.string(),
    retiredAt: z.string().nullable().meta({ description: 'Since when no member is given to the agent.' }),
  })
  .meta({ id: 'Agent' })

export const agentChangesSchema = z
  .strictObject({
    fullName: nameSchema.exactOptional(),
    email: email.nullable().exactOptional(),
    phone: phone.nullable().exactOptional(),
    isRetired: z.boolean().exactOptional(),
  })
  .refine((changes) => Object.keys(changes).length > 0, { error: 'must change something' })

export const moveMembersSchema = z.strictObject({
  toAgentId: z.uuid().nullable().meta({ description: 'Null: to nobody.' }),
})

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
  memberCode: textSchema(memberCodeRule),
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

/** What somebody types to find a member. */
export const searchSchema = z.string().min(1).max(100).meta({
  description:
    'The beginnings of words of a name, the beginning of a code, or the last digits of a telephone number.',
})

const flag = z.enum(['true', 'false'], { error: 'must be true or false' }).default('false')

const mapSchema = z
  .union([z.string().transform((entry) => [entry]), z.array(z.string()).max(50)])
  .default([])
  .meta({
    description: 'What a column of another name means: `Member No=memberCode`; `Village=` leaves it out.',
  })

export const agentImportQuerySchema = z.strictObject({
  update: flag.meta({
    description:
      'Whether agents who are there, and differ, become what the file says. An empty cell keeps what is there.',
  }),
  map: mapSchema,
  dryRun: flag,
})

export const importQuerySchema = z.strictObject({
  onDuplicate: z.enum(['skip', 'update']).default('skip'),
  blank: z
    .enum(['keep', 'erase'])
    .default('keep')
    .meta({ description: 'What an empty cell does to what the register says of a member who is updated.' }),
  dates: z
    .enum(dateOrders)
    .optional()
    .meta({ description: 'The order of dates that are written in numbers, such as 05.01.2020.' }),
  profile: codeSchema.optional().meta({ description: 'The name under which `map` and `dates` were saved.' }),
  saveProfile: codeSchema.optional().meta({ description: 'Saves them under this name.' }),
  map: mapSchema,
  createAgents: flag,
  createTiers: flag,
  dryRun: flag,
  reason: nameSchema.optional().meta({
    description:
      'Asks another person to approve the import, which changes the status of too many members for one, and says why; nothing is imported.',
  }),
})

/** Faults listed in an answer; the counts are of all. */
export const maxListedFaults = 1000

const importFaultSchema = z.object({
  line: z.int(),
  column: z.string().nullable(),
  value: z.string().nullable(),
  reason: z.string(),
})

const importedAgentSchema = z.object({
  agentCode: z.string(),
  fullName: z.string(),
  email: z.string().nullable(),
  phone: z.string().nullable(),
})

/** What every import answers. */
const importCounts = {
  dryRun: z.boolean(),
  rows: z.int(),
  inserted: z.int(),
  updated: z.int(),
  unchanged: z.int(),
  skipped: z.int().meta({ description: 'There already, and different, and not to be updated.' }),
  faulty: z.int(),
  problems: z
    .array(
      z.object({
        column: z.string().nullable(),
        reason: z.string(),
        isWarning: z.boolean().meta({ description: 'The rows are imported all the same.' }),
        rows: z.int(),
        examples: z.array(z.object({ line: z.int(), value: z.string().nullable() })),
      }),
    )
    .meta({ description: 'All faults and warnings, those of one kind in one entry.' }),
  faults: z.array(importFaultSchema).meta({ description: `The first ${maxListedFaults}.` }),
  warnings: z.array(importFaultSchema).meta({ description: `The first ${maxListedFaults}.` }),
}

export const agentImportResultSchema = z.object(importCounts).meta({ id: 'AgentImportResult' })

export const importResultSchema = z
  .object({
    ...importCounts,
    importId: z.uuid().nullable().meta({ description: 'By which it can be undone; null for a dry run.' }),
    createdAgents: z.int(),
    createdTiers: z.int(),
    newAgents: z.array(importedAgentSchema).meta({ description: 'The first hundred.' }),
    newTiers: z.array(z.string()).meta({ description: 'Their codes, the first hundred.' }),
    statusChanges: z
      .array(
        z.object({ from: z.enum(memberStatuses).nullable(), to: z.enum(memberStatuses), members: z.int() }),
      )
      .meta({ description: 'How many members get another status; `from` is null for those who are new.' }),
    fileDigest: z.string().meta({ description: 'SHA-256 of the file.' }),
    largeChange: z
      .object({
        subject: z.uuid().meta({ description: 'Of the file: by it the import is approved.' }),
        changed: z.int().meta({ description: 'Members who get another status.' }),
        members: z.int().meta({ description: 'On the register.' }),
        percent: z.int().meta({ description: 'Of the register, what one person may change.' }),
        isApproved: z.boolean(),
        content: z.record(z.string(), z.unknown()).meta({ description: 'What is approved.' }),
      })
      .nullable()
      .meta({ description: 'Not null: another person has to approve it.' }),
  })
  .meta({ id: 'ImportResult' })

export const filePreviewSchema = z
  .object({
    rows: z.array(
      z.object({
        line: z.int(),
        fields: z.array(z.string()),
        columns: z.array(z.enum([...memberColumns, '']).nullable()).meta({
          description:
            'What each field means as the name of a column; empty: it is left out; null: it is not known.',
        }),
      }),
    ),
    headerLine: z.int().nullable().meta({ description: 'The line that names the columns, or seems to.' }),
  })
  .meta({ id: 'FilePreview' })

export const newProfileSchema = z.strictObject({
  columns: z
    .array(z.string().max(300))
    .max(50)
    .meta({ description: 'What columns of other names mean, each as `Member No=memberCode`.' }),
  dateOrder: z.enum(dateOrders).nullable().default(null),
})

export const profileSchema = z
  .object({
    profileName: z.string(),
    columns: z.array(z.string()),
    dateOrder: z.enum(dateOrders).nullable(),
  })
  .meta({ id: 'ImportProfile', description: 'How the files of one source are read.' })

export const importSchema = z
  .object({
    importId: z.uuid(),
    fileDigest: z.string().meta({ description: 'SHA-256 of the file.' }),
    importedAt: z.string(),
    importedBy: z.string(),
    counts: z.record(z.string(), z.unknown()).meta({ description: 'As the import answered.' }),
    undoneAt: z.string().nullable(),
    undoneBy: z.string().nullable(),
  })
  .meta({ id: 'Import' })

const importableSchema = z.record(z.string(), z.string().nullable())

export const importChangeSchema = z
  .object({
    memberId: z.uuid(),
    memberCode: z.string(),
    before: importableSchema,
    after: importableSchema,
  })
  .meta({ id: 'ImportChange', description: 'What an import changed of a member.' })

export const undoneImportSchema = z.object({
  importId: z.uuid(),
  removed: z.int().meta({ description: 'Members that came with it, and are gone.' }),
  restored: z.int().meta({ description: 'Members that it updated, and that are what they were.' }),
})
