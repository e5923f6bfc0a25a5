import { z } from 'zod'
import type { Db } from '../platform/database/connect.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import { approvalSchema } from './approval-api.ts'
import { findOpenApprovals } from './approval-sql.ts'

/** There are never more waiting requests than this. */
const listedApprovals = 200

export function approvalRoutes({ db }: { readonly db: Db }): HttpRoutes {
  return async (app) => {
    app.get(
      '/api/approvals',
      {
        config: { access: 'claims.read' },
        schema: {
          summary: 'What waits for another person to approve it, newest first',
          tags: ['approvals'],
          querystring: z.strictObject({ subject: z.uuid().optional() }),
          response: { 200: z.object({ items: z.array(approvalSchema) }), ...problemResponses(400) },
        },
      },
      async (request) => ({ items: await findOpenApprovals(db, request.query, listedApprovals) }),
    )
  }
}
