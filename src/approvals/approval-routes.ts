import { z } from 'zod'
import { userSchema } from '../access/access-api.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import { approvalSchema, requestSchema } from './approval-api.ts'
import { findOpenApprovals } from './approval-sql.ts'
import { confirmUser, requestConfirmation, withdrawConfirmation } from './new-approver.ts'

/** There are never more waiting requests than this. */
const listedApprovals = 200

const userParams = z.strictObject({ userId: z.uuid() })

export function approvalRoutes(deps: AnnounceDeps): HttpRoutes {
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
      async (request) => ({ items: await findOpenApprovals(deps.db, request.query, listedApprovals) }),
    )

    app.post(
      '/api/users/:userId/confirmation',
      {
        config: { access: 'users.change', stepUp: true },
        schema: {
          summary:
            'Ask for a user whose role is new to be confirmed, so that she decides before the day is over',
          tags: ['access'],
          params: userParams,
          body: requestSchema,
          response: { 201: approvalSchema, ...problemResponses(400, 404, 409) },
        },
      },
      async (request, reply) =>
        reply
          .code(201)
          .send(
            await requestConfirmation(deps, { ...request.params, ...request.body, actor: request.actor }),
          ),
    )

    app.post(
      '/api/users/:userId/confirmation/approval',
      {
        config: { access: 'users.change', stepUp: true },
        schema: {
          summary: 'Confirm a user whose role is new, as somebody else has asked',
          tags: ['access'],
          params: userParams,
          response: { 200: userSchema, ...problemResponses(404, 409) },
        },
      },
      async (request) => confirmUser(deps, { ...request.params, actor: request.actor }),
    )

    app.delete(
      '/api/users/:userId/confirmation',
      {
        config: { access: 'users.change' },
        schema: {
          summary: 'Take back that a user is to be confirmed',
          tags: ['access'],
          params: userParams,
          response: { 204: z.null(), ...problemResponses(409) },
        },
      },
      async (request, reply) => {
        await withdrawConfirmation(deps, { ...request.params, actor: request.actor })
        return reply.code(204).send(null)
      },
    )
  }
}
