import { z } from 'zod'
import { instantSchema } from '../platform/values/value-schemas.ts'

export const eventSchema = z
  .object({
    eventId: z.int(),
    eventName: z.string(),
    payload: z.record(z.string(), z.unknown()),
    at: z.string(),
    actor: z.string(),
  })
  .meta({ id: 'Event' })

export const auditEventSchema = eventSchema
  .extend({
    subject: z.uuid().nullable(),
    role: z.string().nullable(),
    via: z.string().nullable().meta({ description: 'The API key that spoke for the actor.' }),
    address: z.string().nullable(),
    requestId: z.string().nullable(),
  })
  .meta({ id: 'AuditEvent' })

export const auditFilter = {
  actor: z.string().min(1).max(300).optional(),
  eventName: z.string().min(1).max(100).optional(),
  subject: z.uuid().optional(),
  from: instantSchema.optional().meta({ description: 'Included.' }),
  to: instantSchema.optional().meta({ description: 'Not included.' }),
}
