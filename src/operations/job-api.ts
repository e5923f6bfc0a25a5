import { z } from 'zod'
import { eventSchema } from '../events/event-api.ts'

export const jobStatuses = ['Queued', 'Processing', 'Paused', 'Completed', 'Failed', 'Cancelled'] as const

export const jobSchema = z
  .object({
    jobId: z.uuid(),
    jobKind: z.string(),
    subject: z.uuid().meta({ description: 'What it works on, e.g. a cycle.' }),
    jobStatus: z.enum(jobStatuses),
    chunkRows: z.int().nullable(),
    total: z.int().nullable().meta({ description: 'Null until it is planned.' }),
    processed: z.int(),
    percentage: z.int().min(0).max(100),
    chunks: z.object({ pending: z.int(), done: z.int(), failed: z.int() }),
    error: z.string().nullable(),
    holdReason: z.string().nullable().meta({
      description:
        'Why nothing is done for the moment, as the end of “on hold because …”; it goes on by itself.',
    }),
    attempts: z.int(),
    createdBy: z.string(),
    createdAt: z.string(),
    startedAt: z.string().nullable(),
    completedAt: z.string().nullable(),
    runningMs: z.int().meta({ description: 'Time it has been Processing, without pauses.' }),
  })
  .meta({ id: 'Job' })

export const jobDetailSchema = jobSchema
  .extend({
    errors: z.array(
      z.object({
        chunkNo: z.int(),
        chunkStatus: z.enum(['Pending', 'Failed']),
        attempts: z.int(),
        error: z.string(),
        notBefore: z.string().nullable(),
      }),
    ),
    chunkStrip: z
      .string()
      .meta({ description: 'A letter a chunk, in their order: d done, p pending, f failed.' }),
    log: z.array(eventSchema),
  })
  .meta({ id: 'JobDetail' })
