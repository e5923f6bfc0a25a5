import { z } from 'zod'
import type { Seal } from '../access/seal.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import { decodeCursor, instantValue, pageFrom, pageOf, pageQuery } from '../platform/http/paging.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import { addEndpoint, enableEndpoint, rotateSecret } from './keep-webhooks.ts'
import {
  endpointChangesSchema,
  endpointSchema,
  endpointWithSecretSchema,
  newEndpointSchema,
} from './notice-api.ts'
import { findEndpoints } from './webhook-sql.ts'

const tags = ['webhooks']
const params = z.strictObject({ endpointId: z.uuid() })

/** The webhooks, which send events of cycles to other programs. */
export function webhookRoutes(
  deps: AnnounceDeps & { readonly seal: Seal; readonly isInsecureAllowed: boolean },
): HttpRoutes {
  return async (app) => {
    app.get(
      '/api/webhooks',
      {
        config: { access: 'deliveries.read' },
        schema: {
          summary: 'Webhooks, newest first',
          tags,
          querystring: z.strictObject(pageQuery),
          response: { 200: pageOf(endpointSchema), ...problemResponses(400) },
        },
      },
      async (request) => {
        const { cursor, limit } = request.query
        const key = decodeCursor(cursor, z.tuple([instantValue, z.uuid()]))
        const before = key && { createdAt: key[0], endpointId: key[1] }
        const rows = await findEndpoints(deps.db, { before, limit: limit + 1 })
        return pageFrom(rows, limit, (endpoint) => [endpoint.createdAt, endpoint.endpointId])
      },
    )

    app.post(
      '/api/webhooks',
      {
        config: { access: 'webhooks.change', stepUp: true },
        schema: {
          summary: 'Have what happens to cycles posted to an address',
          description:
            'In the form of Standard Webhooks: signed, with an id that is the same over all attempts, and in the order of ' +
            'what happened to each cycle. Addresses of private networks are refused when it is delivered.',
          tags,
          body: newEndpointSchema(deps.isInsecureAllowed),
          response: { 201: endpointWithSecretSchema, ...problemResponses(400) },
        },
      },
      async (request, reply) =>
        reply.code(201).send(await addEndpoint(deps, { url: request.body.url, actor: request.actor })),
    )

    app.patch(
      '/api/webhooks/:endpointId',
      {
        config: { access: 'webhooks.change' },
        schema: {
          summary: 'Switch a webhook on or off',
          tags,
          params,
          body: endpointChangesSchema,
          response: { 200: endpointSchema, ...problemResponses(400, 404) },
        },
      },
      async (request) =>
        enableEndpoint(deps, {
          endpointId: request.params.endpointId,
          isEnabled: request.body.enabled,
          actor: request.actor,
        }),
    )

    app.post(
      '/api/webhooks/:endpointId/rotate-secret',
      {
        config: { access: 'webhooks.change', stepUp: true },
        schema: {
          summary: 'Give a webhook another secret; for a day both sign',
          tags,
          params,
          response: { 200: endpointWithSecretSchema, ...problemResponses(404) },
        },
      },
      async (request) => rotateSecret(deps, { endpointId: request.params.endpointId, actor: request.actor }),
    )
  }
}
