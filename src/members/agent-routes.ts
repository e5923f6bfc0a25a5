import { z } from 'zod'
import type { AnnounceDeps } from '../events/announce.ts'
import { decodeCursor, pageFrom, pageOf, pageQuery } from '../platform/http/paging.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import { addAgent, changeAgent, moveMembersOfAgent, removeAgent } from './keep-agents.ts'
import { agentChangesSchema, agentSchema, moveMembersSchema, newAgentSchema } from './member-api.ts'
import { findAgents } from './member-sql.ts'

const agentParams = z.strictObject({ agentId: z.uuid() })

export function agentRoutes(deps: AnnounceDeps): HttpRoutes {
  return async (app) => {
    app.get(
      '/api/agents',
      {
        config: { access: 'agents.read' },
        schema: {
          summary: 'Agents, by code',
          tags: ['members'],
          querystring: z.strictObject(pageQuery),
          response: { 200: pageOf(agentSchema), ...problemResponses(400) },
        },
      },
      async (request) => {
        const { cursor, limit } = request.query
        const [after] = decodeCursor(cursor, z.tuple([z.string()])) ?? []
        const rows = await findAgents(deps.db, { limit: limit + 1, ...(after !== undefined && { after }) })
        return pageFrom(rows, limit, (agent) => [agent.agentCode])
      },
    )

    app.post(
      '/api/agents',
      {
        config: { access: 'members.change' },
        schema: {
          summary: 'Add an agent',
          tags: ['members'],
          body: newAgentSchema,
          response: { 201: agentSchema, ...problemResponses(400, 409) },
        },
      },
      async (request, reply) =>
        reply.code(201).send(await addAgent(deps, { ...request.body, actor: request.actor })),
    )

    app.patch(
      '/api/agents/:agentId',
      {
        config: { access: 'members.change' },
        schema: {
          summary: 'Change what is kept of an agent, or retire one without members',
          tags: ['members'],
          params: agentParams,
          body: agentChangesSchema,
          response: { 200: agentSchema, ...problemResponses(400, 404, 409) },
        },
      },
      async (request) =>
        changeAgent(deps, { ...request.params, changes: request.body, actor: request.actor }),
    )

    app.delete(
      '/api/agents/:agentId',
      {
        config: { access: 'members.change' },
        schema: {
          summary: 'Remove an agent who was never used',
          tags: ['members'],
          params: agentParams,
          response: { 204: z.null(), ...problemResponses(404, 409) },
        },
      },
      async (request, reply) => {
        await removeAgent(deps, { ...request.params, actor: request.actor })
        return reply.code(204).send(null)
      },
    )

    app.post(
      '/api/agents/:agentId/move-members',
      {
        config: { access: 'members.change' },
        schema: {
          summary: 'Give all members of an agent to another',
          description: 'What was asked in cycles that are Active stays with the former agent.',
          tags: ['members'],
          params: agentParams,
          body: moveMembersSchema,
          response: { 200: z.object({ members: z.int() }), ...problemResponses(400, 404, 409) },
        },
      },
      async (request) => ({
        members: await moveMembersOfAgent(deps, {
          ...request.params,
          ...request.body,
          actor: request.actor,
        }),
      }),
    )
  }
}
