import { z } from 'zod'
import { approvalSchema, requestSchema } from '../approvals/approval-api.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import { decodeCursor, instantValue, pageFrom, pageOf, pageQuery } from '../platform/http/paging.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import type { Clock } from '../platform/values/clock.ts'
import { claimApprovalSchema, claimSchema, newClaimSchema, rejectionSchema } from './claim-api.ts'
import { claimStatuses } from './claim-rules.ts'
import { findClaims, requireClaim } from './claim-sql.ts'
import { approveClaim, rejectClaim } from './decide-claim.ts'
import { submitClaim } from './submit-claim.ts'
import { requestUndoDeath, undoDeath, withdrawUndoDeath } from './undo-death.ts'

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
          body: claimApprovalSchema,
          response: { 200: claimSchema, ...problemResponses(400, 404, 409) },
        },
      },
      async (request) =>
        approveClaim(deps, {
          claimId: request.params.claimId,
          reason: request.body?.reason,
          actor: request.actor,
        }),
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

    app.post(
      '/api/claims/:claimId/revocation',
      {
        config: { access: 'claims.decide', stepUp: true },
        schema: {
          summary: 'Ask for a death to be undone that was none',
          description: 'It is done when another person approves it.',
          tags: ['claims'],
          params: claimParams,
          body: requestSchema,
          response: { 201: approvalSchema, ...problemResponses(400, 404, 409) },
        },
      },
      async (request, reply) =>
        reply
          .code(201)
          .send(await requestUndoDeath(deps, { ...request.params, ...request.body, actor: request.actor })),
    )

    app.post(
      '/api/claims/:claimId/revocation/approval',
      {
        config: { access: 'claims.decide', stepUp: true },
        schema: {
          summary: 'Undo a death, as somebody else has asked',
          description:
            'The member is what it was before, asked again for what was waived, and a cycle that collects for the claim is given up.',
          tags: ['claims'],
          params: claimParams,
          response: { 200: claimSchema, ...problemResponses(404, 409) },
        },
      },
      async (request) => undoDeath(deps, { ...request.params, actor: request.actor }),
    )

    app.delete(
      '/api/claims/:claimId/revocation',
      {
        config: { access: 'claims.decide' },
        schema: {
          summary: 'Take back that a death is to be undone',
          tags: ['claims'],
          params: claimParams,
          response: { 204: z.null(), ...problemResponses(404, 409) },
        },
      },
      async (request, reply) => {
        await withdrawUndoDeath(deps, { ...request.params, actor: request.actor })
        return reply.code(204).send(null)
      },
    )
  }
}
