import { z } from 'zod'
import { ownAgentId } from '../access/principal.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import type { Db } from '../platform/database/connect.ts'
import { decodeCursor, pageFrom, pageOf, pageQuery } from '../platform/http/paging.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import type { Clock } from '../platform/values/clock.ts'
import { eraseMember, requestErasure, withdrawErasure } from './erase-member.ts'
import { findErasureRequest } from './erasure-sql.ts'
import { addMember, changeMember, requireMember } from './keep-members.ts'
import {
  erasureRequestSchema,
  memberChangesSchema,
  memberSchema,
  memberWithStandingsSchema,
  newErasureSchema,
  newMemberSchema,
  searchSchema,
} from './member-api.ts'
import { memberStatuses } from './member-rules.ts'
import { findMembers, findStandings } from './member-sql.ts'

const memberParams = z.strictObject({ memberId: z.uuid() })

export interface MemberRoutesDeps extends AnnounceDeps {
  readonly listDb: Db
  readonly clock: Clock
}

export function memberRoutes(deps: MemberRoutesDeps): HttpRoutes {
  return async (app) => {
    app.get(
      '/api/members',
      {
        config: { access: 'members.read', atATime: 4 },
        schema: {
          summary: 'Members, by code',
          tags: ['members'],
          querystring: z.strictObject({
            ...pageQuery,
            status: z.enum(memberStatuses).optional(),
            tierId: z.uuid().optional(),
            agentId: z.uuid().optional(),
            code: z.string().min(1).max(40).optional().meta({ description: 'The beginning of a code.' }),
            q: searchSchema.optional(),
          }),
          response: { 200: pageOf(memberSchema), ...problemResponses(400) },
        },
      },
      async (request) => {
        const { cursor, limit, ...filter } = request.query
        const [after] = decodeCursor(cursor, z.tuple([z.string()])) ?? []
        const page = { limit: limit + 1, ...(after !== undefined && { after }) }
        const own = ownAgentId(request)
        return pageFrom(
          await findMembers(deps.listDb, own ? { ...filter, agentId: own } : filter, page),
          limit,
          (member) => [member.memberCode],
        )
      },
    )

    app.post(
      '/api/members',
      {
        config: { access: 'members.change' },
        schema: {
          summary: 'Put a member on the register',
          tags: ['members'],
          body: newMemberSchema,
          response: { 201: memberSchema, ...problemResponses(400, 404, 409) },
        },
      },
      async (request, reply) =>
        reply.code(201).send(await addMember(deps, { ...request.body, actor: request.actor })),
    )

    app.get(
      '/api/members/:memberId',
      {
        config: { access: 'members.read' },
        schema: {
          summary: 'A member, with the history of their standing',
          tags: ['members'],
          params: memberParams,
          response: { 200: memberWithStandingsSchema, ...problemResponses(404) },
        },
      },
      async (request) => {
        const { memberId } = request.params
        const member = await requireMember(deps.db, memberId, ownAgentId(request))
        return {
          ...member,
          standings: await findStandings(deps.db, memberId),
          erasure: (await findErasureRequest(deps.db, memberId)) ?? null,
        }
      },
    )

    app.patch(
      '/api/members/:memberId',
      {
        config: { access: 'members.change' },
        schema: {
          summary: 'Change what the register says of a member',
          tags: ['members'],
          params: memberParams,
          body: memberChangesSchema,
          response: { 200: memberSchema, ...problemResponses(400, 404, 409) },
        },
      },
      async (request) =>
        changeMember(deps, {
          memberId: request.params.memberId,
          changes: request.body,
          actor: request.actor,
        }),
    )

    app.post(
      '/api/members/:memberId/erasure',
      {
        config: { access: 'members.erase', stepUp: true },
        schema: {
          summary: 'Ask for a member to be forgotten',
          description:
            'Only who has left or has died, and neither owes nor is owed, can be. It is done when another person approves it.',
          tags: ['members'],
          params: memberParams,
          body: newErasureSchema,
          response: { 201: erasureRequestSchema, ...problemResponses(400, 404, 409) },
        },
      },
      async (request, reply) =>
        reply.code(201).send(
          await requestErasure(deps, {
            ...request.params,
            reason: request.body.reason,
            actor: request.actor,
          }),
        ),
    )

    app.post(
      '/api/members/:memberId/erasure/approval',
      {
        config: { access: 'members.erase', stepUp: true },
        schema: {
          summary: 'Erase a member, as somebody else has asked',
          description:
            'Name, telephone, e-mail and wallet are removed for good, from the audit trail too. Code, standings and contributions stay.',
          tags: ['members'],
          params: memberParams,
          response: { 200: memberSchema, ...problemResponses(404, 409) },
        },
      },
      async (request) => eraseMember(deps, { ...request.params, actor: request.actor }),
    )

    app.delete(
      '/api/members/:memberId/erasure',
      {
        config: { access: 'members.erase' },
        schema: {
          summary: 'Take back that a member is to be erased',
          tags: ['members'],
          params: memberParams,
          response: { 204: z.null(), ...problemResponses(404, 409) },
        },
      },
      async (request, reply) => {
        await withdrawErasure(deps, { ...request.params, actor: request.actor })
        return reply.code(204).send(null)
      },
    )
  }
}
