import { z } from 'zod'

export const eventSchema = z
  .object({
    eventId: z.int(),
    eventName: z.string(),
    payload: z.record(z.string(), z.unknown()),
    at: z.string(),
    actor: z.string(),
  })
  .meta({ id: 'Event' })
