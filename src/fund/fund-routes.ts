import { z } from 'zod'
import { requireStepUp } from '../access/principal.ts'
import { approvalSchema, requestSchema } from '../approvals/approval-api.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import { decodeCursor, pageFrom, pageOf, pageQuery } from '../platform/http/paging.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import { changeFund } from './change-fund.ts'
import { fundChangesSchema, fundSchema, newTierSchema, tierChangesSchema, tierSchema } from './fund-api.ts'
import { findFund, findTiers } from './fund-sql.ts'
import { addTier, changeTier, removeTier } from './keep-tiers.ts'
import { allowSelfApproval, requestSelfApproval, withdrawSelfApproval } from './self-approval.ts'

export function fundRoutes(deps: AnnounceDeps): HttpRoutes {
  return async (app) => {
    app.get(
      '/api/fund',
      {
        config: { access: 'fund.read' },
        schema: { summary: 'The fund', tags: ['fund'], response: { 200: fundSchema } },
      },
      async () => findFund(deps.db),
    )

    app.patch(
      '/api/fund',
      {
        config: { access: 'fund.change' },
        schema: {
          summary: 'Change the fund',
          tags: ['fund'],
          body: fundChangesSchema,
          response: { 200: fundSchema, ...problemResponses(400, 409) },
        },
      },
      async (request) => {
        // These settings decide what one person may do alone.
        const { selfApproval, importStatusLimitPercent, startLimitPercent } = request.body
        const decisive = [selfApproval, importStatusLimitPercent, startLimitPercent]
        if (decisive.some((given) => given !== undefined)) requireStepUp(request)
        return changeFund(deps, { changes: request.body, actor: request.actor })
      },
    )

    app.post(
      '/api/fund/self-approval',
      {
        config: { access: 'fund.change', stepUp: true },
        schema: {
          summary: 'Ask that whoever submits a claim may approve it',
          description: 'It is so when another person approves it. It is taken back by changing the fund.',
          tags: ['fund'],
          body: requestSchema,
          response: { 201: approvalSchema, ...problemResponses(400, 409) },
        },
      },
      async (request, reply) =>
        reply.code(201).send(await requestSelfApproval(deps, { ...request.body, actor: request.actor })),
    )

    app.post(
      '/api/fund/self-approval/approval',
      {
        config: { access: 'fund.change', stepUp: true },
        schema: {
          summary: 'Let whoever submits a claim approve it, as somebody else has asked',
          tags: ['fund'],
          response: { 200: fundSchema, ...problemResponses(409) },
        },
      },
      async (request) => allowSelfApproval(deps, request.actor),
    )

    app.delete(
      '/api/fund/self-approval',
      {
        config: { access: 'fund.change' },
        schema: {
          summary: 'Take back that whoever submits a claim is to approve it',
          tags: ['fund'],
          response: { 204: z.null(), ...problemResponses(409) },
        },
      },
      async (request, reply) => {
        await withdrawSelfApproval(deps, request.actor)
        return reply.code(204).send(null)
      },
    )

    app.get(
      '/api/tiers',
      {
        config: { access: 'fund.read' },
        schema: {
          summary: 'Tiers, by code',
          tags: ['fund'],
          querystring: z.strictObject(pageQuery),
          response: { 200: pageOf(tierSchema), ...problemResponses(400) },
        },
      },
      async (request) => {
        const { cursor, limit } = request.query
        const [after] = decodeCursor(cursor, z.tuple([z.string()])) ?? []
        const rows = await findTiers(deps.db, { limit: limit + 1, ...(after !== undefined && { after }) })
        return pageFrom(rows, limit, (tier) => [tier.tierCode])
      },
    )

    app.post(
      '/api/tiers',
      {
        config: { access: 'fund.change' },
        schema: {
          summary: 'Add a tier',
          tags: ['fund'],
          body: newTierSchema,
          response: { 201: tierSchema, ...problemResponses(400, 409) },
        },
      },
      async (request, reply) =>
        reply.code(201).send(await addTier(deps, { ...request.body, actor: request.actor })),
    )

    app.patch(
      '/api/tiers/:tierId',
      {
        config: { access: 'fund.change' },
        schema: {
          summary: 'Change a tier’s name or amounts, or retire it',
          tags: ['fund'],
          params: z.strictObject({ tierId: z.uuid() }),
          body: tierChangesSchema,
          response: { 200: tierSchema, ...problemResponses(400, 404) },
        },
      },
      async (request) =>
        changeTier(deps, { tierId: request.params.tierId, changes: request.body, actor: request.actor }),
    )

    app.delete(
      '/api/tiers/:tierId',
      {
        config: { access: 'fund.change' },
        schema: {
          summary: 'Remove a tier that was never used',
          tags: ['fund'],
          params: z.strictObject({ tierId: z.uuid() }),
          response: { 204: z.null(), ...problemResponses(404, 409) },
        },
      },
      async (request, reply) => {
        await removeTier(deps, { ...request.params, actor: request.actor })
        return reply.code(204).send(null)
      },
    )
  }
}
