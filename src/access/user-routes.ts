import { z } from 'zod'
import type { AnnounceDeps } from '../events/announce.ts'
import { decodeCursor, instantValue, pageFrom, pageOf, pageQuery } from '../platform/http/paging.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import {
  apiKeySchema,
  createdApiKeySchema,
  newApiKeySchema,
  newUserSchema,
  userChangesSchema,
  userSchema,
  userWithLinkSchema,
} from './access-api.ts'
import { findUsers } from './access-sql.ts'
import { findApiKeys } from './api-key-sql.ts'
import { createApiKey, revokeApiKey } from './api-keys.ts'
import { addUser, changeUser, resetUser } from './keep-users.ts'
import { type LinkDeps, mailLink } from './password-link.ts'
import type { Principal } from './principal.ts'

const tags = ['access']
const userParams = z.strictObject({ userId: z.uuid() })

export interface UserRoutesDeps extends AnnounceDeps, LinkDeps {
  /** Called with the reason when a mail could not be sent. */
  readonly onFailure: (error: unknown) => void
}

/** Users, and the API keys of programs. */
export function userRoutes(deps: UserRoutesDeps): HttpRoutes {
  const { db } = deps
  return async (app) => {
    app.get(
      '/api/users',
      {
        config: { access: 'users.read' },
        schema: {
          summary: 'Users, by e-mail',
          tags,
          querystring: z.strictObject(pageQuery),
          response: { 200: pageOf(userSchema), ...problemResponses(400) },
        },
      },
      async (request) => {
        const { cursor, limit } = request.query
        const [after] = decodeCursor(cursor, z.tuple([z.string()])) ?? []
        const rows = await findUsers(db, { limit: limit + 1, ...(after !== undefined && { after }) })
        return pageFrom(rows, limit, (user) => [user.email])
      },
    )

    app.post(
      '/api/users',
      {
        config: { access: 'users.change', stepUp: true },
        schema: {
          summary: 'Add a user, who is sent a link to set a password',
          tags,
          body: newUserSchema,
          response: { 201: userWithLinkSchema, ...problemResponses(400, 404, 409) },
        },
      },
      async (request, reply) => {
        const added = await addUser(deps, { ...request.body, actor: request.actor })
        return reply
          .code(201)
          .send({ ...added.user, passwordLink: await mailLink(deps, added, deps.onFailure) })
      },
    )

    app.patch(
      '/api/users/:userId',
      {
        config: { access: 'users.change', stepUp: true },
        schema: {
          summary: 'Change or disable a user',
          tags,
          params: userParams,
          body: userChangesSchema,
          response: { 200: userSchema, ...problemResponses(400, 404, 409) },
        },
      },
      async (request) =>
        changeUser(deps, { userId: request.params.userId, changes: request.body, actor: request.actor }),
    )

    app.post(
      '/api/users/:userId/reset',
      {
        config: { access: 'users.change', stepUp: true },
        schema: {
          summary:
            'For a user who has lost password or telephone: the password is void, keys and sessions end, and a link is sent; using it removes the second factor',
          tags,
          params: userParams,
          response: { 200: userWithLinkSchema, ...problemResponses(404) },
        },
      },
      async (request) => {
        const reset = await resetUser(deps, { userId: request.params.userId, actor: request.actor })
        return { ...reset.user, passwordLink: await mailLink(deps, reset, deps.onFailure) }
      },
    )

    app.get(
      '/api/api-keys',
      {
        config: { access: 'users.read' },
        schema: {
          summary: 'API keys, newest first; the keys themselves are not kept',
          tags,
          querystring: z.strictObject(pageQuery),
          response: { 200: pageOf(apiKeySchema), ...problemResponses(400) },
        },
      },
      async (request) => {
        const { cursor, limit } = request.query
        const key = decodeCursor(cursor, z.tuple([instantValue, z.uuid()]))
        const before = key && { createdAt: key[0], keyId: key[1] }
        const rows = await findApiKeys(db, { limit: limit + 1, ...(before && { before }) })
        return pageFrom(rows, limit, (row) => [row.createdAt, row.keyId])
      },
    )

    app.post(
      '/api/api-keys',
      {
        config: { access: 'keys.change', stepUp: true },
        schema: {
          summary: 'Make an API key of one’s own',
          tags,
          body: newApiKeySchema,
          response: { 201: createdApiKeySchema, ...problemResponses(400) },
        },
      },
      async (request, reply) => {
        const { userId } = request.principal as Principal
        return reply
          .code(201)
          .send(await createApiKey(deps, { ...request.body, userId, actor: request.actor }))
      },
    )

    app.delete(
      '/api/api-keys/:keyId',
      {
        config: { access: 'keys.change' },
        schema: {
          summary: 'Revoke an API key',
          tags,
          params: z.strictObject({ keyId: z.uuid() }),
          response: { 200: apiKeySchema, ...problemResponses(404) },
        },
      },
      async (request) => revokeApiKey(deps, { keyId: request.params.keyId, actor: request.actor }),
    )
  }
}
