import { z } from 'zod'
import { emailRule, textSchema } from '../platform/values/text-rules.ts'
import { instantSchema, nameSchema } from '../platform/values/value-schemas.ts'
import { permissions, roles } from './permission-rules.ts'

const email = textSchema(emailRule)
const newPassword = z
  .string()
  .min(12, { error: 'must have 12 characters or more' })
  .max(128, { error: 'must have 128 characters or fewer' })
/** A password that is given at the sign-in: the answer does not say what is wrong with it. */
const password = z.string().min(1).max(128)
const token = z.string().min(1).max(200)

export const signInSchema = z.strictObject({ email, password })

export const signedInSchema = z.object({
  secondFactorNeeded: z
    .boolean()
    .meta({ description: 'Whether a code has to follow before anybody is signed in.' }),
})

/** What a user who is signed in gives once more. */
export const confirmationSchema = z.strictObject({
  password,
  code: z
    .string()
    .min(6)
    .max(20)
    .optional()
    .meta({ description: 'Of the second factor; absent for a user who has none.' }),
})

export const oneTimeCodeSchema = z.strictObject({
  code: z.string().min(6).max(20).meta({ description: 'Six digits of the app, or one of the backup codes.' }),
})

export const passwordSchema = z.strictObject({ password })

export const sessionSchema = z
  .object({
    userId: z.uuid(),
    name: z.string(),
    email: z.string(),
    role: z.enum(roles),
    agentId: z.uuid().nullable(),
    secondFactor: z.boolean(),
    secondFactorNeeded: z
      .boolean()
      .meta({ description: 'Whether one must be enrolled before anything else.' }),
    permissions: z.partialRecord(z.enum(permissions), z.enum(['all', 'own'])),
    csrfToken: z.string().nullable().meta({
      description:
        'Goes with everything that changes something, as x-csrf-token. Null for an API key, which needs none.',
    }),
  })
  .meta({ id: 'Session' })

export const liveSessionSchema = z
  .object({
    sessionId: z.uuid(),
    current: z.boolean(),
    createdAt: z.string(),
    updatedAt: z.string(),
    expiresAt: z.string(),
    ipAddress: z.string().nullable(),
    userAgent: z.string().nullable(),
  })
  .meta({ id: 'LiveSession' })

export const enrolmentSchema = z
  .object({
    totpUri: z.string(),
    qrCode: z.string().meta({ description: 'The same as an SVG picture.' }),
    backupCodes: z
      .array(z.string())
      .meta({ description: 'Each is good once, for who has lost the telephone.' }),
  })
  .meta({ id: 'Enrolment' })

export const passwordChangeSchema = z.strictObject({ currentPassword: password, newPassword })
export const linkRequestSchema = z.strictObject({ email })
export const linkUseSchema = z.strictObject({ token, newPassword })
export const setUpSchema = z.strictObject({ token, name: nameSchema, email, newPassword })

export const userSchema = z
  .object({
    userId: z.uuid(),
    name: z.string(),
    email: z.string(),
    role: z.enum(roles),
    agentId: z.uuid().nullable(),
    agentCode: z.string().nullable(),
    secondFactor: z.boolean(),
    hasPassword: z.boolean(),
    createdAt: z.string(),
    disabledAt: z.string().nullable(),
    settledAt: z
      .string()
      .nullable()
      .meta({ description: 'From when on the user decides, where the role is or was new; null: at once.' }),
  })
  .meta({ id: 'User' })

export const newUserSchema = z.strictObject({
  name: nameSchema,
  email,
  role: z.enum(roles),
  agentId: z.uuid().nullable().default(null),
})

export const userChangesSchema = z
  .strictObject({
    name: nameSchema.exactOptional(),
    role: z.enum(roles).exactOptional(),
    agentId: z.uuid().nullable().exactOptional(),
    disabled: z.boolean().exactOptional(),
  })
  .refine((changes) => Object.keys(changes).length > 0, { error: 'must change something' })

/** With a link to set a password where no mail can be sent; the admin who added or reset the user must then pass it on. */
export const userWithLinkSchema = userSchema
  .extend({ passwordLink: z.string().nullable() })
  .meta({ id: 'UserWithLink' })

export const apiKeySchema = z
  .object({
    keyId: z.uuid(),
    keyName: z.string(),
    keyStart: z.string(),
    permissions: z.array(z.enum(permissions)),
    userId: z.uuid(),
    email: z.string(),
    createdAt: z.string(),
    expiresAt: z.string().nullable(),
    lastUsedAt: z.string().nullable(),
    revokedAt: z.string().nullable(),
  })
  .meta({ id: 'ApiKey' })

export const newApiKeySchema = z.strictObject({
  keyName: nameSchema,
  permissions: z.array(z.enum(permissions)).min(1),
  expiresAt: instantSchema.nullable().default(null),
})

export const createdApiKeySchema = apiKeySchema
  .extend({ key: z.string().meta({ description: 'Shown this once.' }) })
  .meta({ id: 'CreatedApiKey' })
