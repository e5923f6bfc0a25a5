import { z } from 'zod'
import { findEvents } from '../events/event-sql.ts'
import type { Db } from '../platform/database/connect.ts'
import { decodeCursor, instantValue, pageFrom, pageOf, pageQuery } from '../platform/http/paging.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import { findChunkStrip, findJobView, findJobViews, findTroubles } from '../platform/jobs/job-view-sql.ts'
import { DomainError } from '../platform/values/errors.ts'
import { jobDetailSchema, jobSchema, jobStatuses } from './job-api.ts'

/** How many failed chunks and log lines a job's page shows at most. */
const listed = 100

export function jobRoutes(deps: { readonly db: Db }): HttpRoutes {
  return async (app) => {
    app.get(
      '/api/jobs',
      {
        config: { access: 'jobs.read' },
        schema: {
          summary: 'Jobs, newest first',
          tags: ['jobs'],
          querystring: z.strictObject({ ...pageQuery, status: z.enum(jobStatuses).optional() }),
          response: { 200: pageOf(jobSchema), ...problemResponses(400) },
        },
      },
      async (request) => {
        const { cursor, limit, status } = request.query
        const key = decodeCursor(cursor, z.tuple([instantValue, z.uuid()]))
        const before = key && { createdAt: key[0], jobId: key[1] }
        const rows = await findJobViews(deps.db, { status }, { limit: limit + 1, ...(before && { before }) })
        return pageFrom(rows, limit, (job) => [job.createdAt, job.jobId])
      },
    )

    app.get(
      '/api/jobs/:jobId',
      {
        config: { access: 'jobs.read' },
        schema: {
          summary: 'A job, with what went wrong and what happened to its subject',
          tags: ['jobs'],
          params: z.strictObject({ jobId: z.uuid() }),
          response: { 200: jobDetailSchema, ...problemResponses(404) },
        },
      },
      async (request) => {
        const { jobId } = request.params
        const job = await findJobView(deps.db, jobId)
        if (!job) throw new DomainError('job-not-found', 'There is no such job.')
        return {
          ...job,
          chunkStrip: await findChunkStrip(deps.db, jobId),
          errors: await findTroubles(deps.db, jobId, listed),
          log: await findEvents(deps.db, job.subject, { limit: listed }),
        }
      },
    )
  }
}
