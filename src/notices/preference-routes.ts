import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { ownAgentId, type Principal } from '../access/principal.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import { requireMember } from '../members/keep-members.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import { changePreferences, readPreferences } from './keep-preferences.ts'
import { newPreferencesSchema, preferencesSchema } from './notice-api.ts'

const tags = ['notices']

/** For a user with the role agent, the preferences are those of the agent. */
function oneself(request: FastifyRequest): { kind: 'agent' | 'user'; recipientId: string } {
  const { agentId, userId } = request.principal as Principal
  return agentId === null ? { kind: 'user', recipientId: userId } : { kind: 'agent', recipientId: agentId }
}

/** Notice preferences. */
export function preferenceRoutes(deps: AnnounceDeps): HttpRoutes {
  const { db } = deps
  return async (app) => {
    app.get(
      '/api/notice-preferences',
      {
        config: { access: 'notices.read' },
        schema: {
          summary: 'How one is written to oneself',
          tags,
          response: { 200: preferencesSchema },
        },
      },
      async (request) => readPreferences(deps, oneself(request)),
    )

    app.put(
      '/api/notice-preferences',
      {
        config: { access: 'notices.read' },
        schema: {
          summary: 'Say how one wants to be written to',
          tags,
          body: newPreferencesSchema,
          response: { 200: preferencesSchema, ...problemResponses(400) },
        },
      },
      async (request) =>
        changePreferences(deps, {
          recipient: oneself(request),
          preferences: request.body,
          actor: request.actor,
        }),
    )

    app.get(
      '/api/members/:memberId/notice-preferences',
      {
        config: { access: 'members.read' },
        schema: {
          summary: 'How a member is written to',
          tags,
          params: z.strictObject({ memberId: z.uuid() }),
          response: { 200: preferencesSchema, ...problemResponses(404) },
        },
      },
      async (request) => {
        const { memberId } = await requireMember(db, request.params.memberId, ownAgentId(request))
        return readPreferences(deps, { kind: 'member', recipientId: memberId })
      },
    )

    app.put(
      '/api/members/:memberId/notice-preferences',
      {
        config: { access: 'members.change' },
        schema: {
          summary: 'Say how a member wants to be written to',
          tags,
          params: z.strictObject({ memberId: z.uuid() }),
          body: newPreferencesSchema,
          response: { 200: preferencesSchema, ...problemResponses(400, 404) },
        },
      },
      async (request) =>
        changePreferences(deps, {
          recipient: { kind: 'member', recipientId: request.params.memberId },
          preferences: request.body,
          actor: request.actor,
        }),
    )

    app.get(
      '/api/agents/:agentId/notice-preferences',
      {
        config: { access: 'agents.read' },
        schema: {
          summary: 'How an agent is written to',
          tags,
          params: z.strictObject({ agentId: z.uuid() }),
          response: { 200: preferencesSchema, ...problemResponses(404) },
        },
      },
      async (request) => readPreferences(deps, { kind: 'agent', recipientId: request.params.agentId }),
    )

    app.put(
      '/api/agents/:agentId/notice-preferences',
      {
        config: { access: 'members.change' },
        schema: {
          summary: 'Say how an agent wants to be written to',
          tags,
          params: z.strictObject({ agentId: z.uuid() }),
          body: newPreferencesSchema,
          response: { 200: preferencesSchema, ...problemResponses(400, 404) },
        },
      },
      async (request) =>
        changePreferences(deps, {
          recipient: { kind: 'agent', recipientId: request.params.agentId },
          preferences: request.body,
          actor: request.actor,
        }),
    )
  }
}
