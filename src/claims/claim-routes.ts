import { z } from 'zod'
import type { AnnounceDeps } from '../events/announce.ts'
import { decodeCursor, instantValue, pageFrom, pageOf, pageQuery } from '../platform/http/paging.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import type { Clock } from '../platform/values/clock.ts'
import { claimSchema, newClaimSchema, rejectionSchema } from './claim-api.ts'
import { claimStatuses } from './claim-rules.ts'
import { findClaims, requireClaim } from './claim-sql.ts'
import { approveClaim, rejectClaim } from './decide-claim.ts'
import { submitClaim } from './submit-claim.ts'

const claimParams = z.strictObject({ claimId: z.uuid() })

export function claimRoutes(deps: AnnounceDeps & { readonly clock: Clock }): HttpRoutes {
  return async (app) => {
    app.get(
      '/api/claims',
      {
        config: { access: 'claims.read' },
        schema: {
          summary: 'Claims, newest first',
          tags: ['claims'],
          querystring: z.strictObject({
            ...pageQuery,
            status: z.enum(claimStatuses).optional(),
            hasCycle: z.stringbool({ truthy: ['true'], falsy: ['false'] }).optional(),
          }),
          response: { 200: pageOf(claimSchema), ...problemResponses(400) },
        },
      },
      async (request) => {
        const { cursor, limit, ...filter } = request.query
        const key = decodeCursor(cursor, z.tuple([instantValue, z.uuid()]))
        const before = key && { submittedAt: key[0], claimId: key[1] }
        const rows = await findClaims(deps.db, filter, { limit: limit + 1, ...(before && { before }) })
        return pageFrom(rows, limit, (claim) => [claim.submittedAt, claim.claimId])
      },
    )

    app.post(
      '/api/claims',
      {
        config: { access: 'claims.submit' },
        schema: {
          summary: 'Submit a death claim',
          tags: ['claims'],
          body: newClaimSchema,
          response: { 201: claimSchema, ...problemResponses(400, 404, 409) },
        },
      },
      async (request, reply) => {
        const claim = await submitClaim(deps, { ...request.body, actor: request.actor })
        return reply.code(201).header('location', `/api/claims/${claim.claimId}`).send(claim)
      },
    )

    app.get(
      '/api/claims/:claimId',
      {
        config: { access: 'claims.read' },
        schema: {
          summary: 'A claim',
          tags: ['claims'],
          params: claimParams,
          response: { 200: claimSchema, ...problemResponses(404) },
        },
      },
      async (request) => requireClaim(deps.db, request.params.claimId),
    )

    app.post(
      '/api/claims/:claimId/approve',
      {
        config: { access: 'claims.decide' },
        schema: {
          summary: 'Approve a claim; the member becomes Deceased',
          tags: ['claims'],
          params: claimParams,
          response: { 200: claimSchema, ...problemResponses(404, 409) },
        },
      },
      async (request) => approveClaim(deps, { claimId: request.params.claimId, actor: request.actor }),
    )

    app.post(
      '/api/claims/:claimId/reject',
      {
        config: { access: 'claims.decide' },
        schema: {
          summary: 'Reject a claim',
          tags: ['claims'],
          params: claimParams,
          body: rejectionSchema,
          response: { 200: claimSchema, ...problemResponses(400, 404, 409) },
        },
      },
      async (request) =>
        rejectClaim(deps, { claimId: request.params.claimId, ...request.body, actor: request.actor }),
    )
  }
}
