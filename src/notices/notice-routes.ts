import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { AnnounceDeps } from '../events/announce.ts'
import type { Listener } from '../platform/database/listen.ts'
import { streamEvents } from '../platform/http/event-stream.ts'
import { decodeCursor, instantValue, pageFrom, pageOf, pageQuery } from '../platform/http/paging.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import { streamResponse } from '../platform/http/stream-response.ts'
import { deliveryStatuses } from './delivery-rules.ts'
import { findDeliveries } from './delivery-sql.ts'
import { deliverySchema, noticeSchema } from './notice-api.ts'
import { channels } from './notice-rules.ts'
import { findNotices, markRead } from './notice-sql.ts'
import { resendDelivery } from './resend-delivery.ts'

const tags = ['notices']
/** How often the permission of a stream's reader is checked again. */
const streamMs = 60_000

/** Whose notices a user reads: her own, and a user with the role agent also those of the agent. */
function recipientsOf({ principal }: FastifyRequest): string[] {
  return [principal?.userId, principal?.agentId].filter((id) => typeof id === 'string')
}

export interface NoticeRoutesDeps extends AnnounceDeps {
  /** Called whenever notices are created. */
  readonly noticeListener: Listener
}

export function noticeRoutes(deps: NoticeRoutesDeps): HttpRoutes {
  const { db } = deps
  return async (app) => {
    app.get(
      '/api/notices',
      {
        config: { access: 'notices.read' },
        schema: {
          summary: 'What one was told, newest first',
          tags,
          querystring: z.strictObject(pageQuery),
          response: { 200: pageOf(noticeSchema), ...problemResponses(400) },
        },
      },
      async (request) => {
        const { cursor, limit } = request.query
        const key = decodeCursor(cursor, z.tuple([instantValue, z.uuid()]))
        const before = key && { madeAt: key[0], noticeId: key[1] }
        const rows = await findNotices(db, recipientsOf(request), { before, limit: limit + 1 })
        return pageFrom(rows, limit, (notice) => [notice.madeAt, notice.noticeId])
      },
    )

    app.get(
      '/api/notices/stream',
      {
        config: { access: 'notices.read' },
        schema: {
          summary: 'The newest ten as server-sent events: now, at each change, and after a minute `end`',
          tags,
          response: {
            200: streamResponse('text/event-stream', '`notices` events, each with a page of notices.'),
          },
        },
      },
      async (request, reply) => {
        const recipients = recipientsOf(request)
        const endsAt = performance.now() + streamMs
        await streamEvents(request, reply, {
          eventName: 'notices',
          async read() {
            const items = await findNotices(db, recipients, { limit: 10 })
            return { data: { items, nextCursor: null }, final: performance.now() >= endsAt }
          },
          onChange: deps.noticeListener.subscribe,
          // A large cycle notifies many times a second, and every stream gets each notification.
          minIntervalMs: 1_000,
          // Reading a notice in another tab sends no notification.
          pollMs: 5_000,
        })
      },
    )

    app.post(
      '/api/notices/read',
      {
        config: { access: 'notices.read' },
        schema: {
          summary: 'All that is there was read',
          tags,
          response: { 200: z.object({ done: z.literal(true) }) },
        },
      },
      async (request) => {
        await markRead(db, recipientsOf(request))
        return { done: true as const }
      },
    )

    app.get(
      '/api/deliveries',
      {
        config: { access: 'deliveries.read' },
        schema: {
          summary: 'Letters and webhooks, newest first, with how they fared',
          tags,
          querystring: z.strictObject({
            ...pageQuery,
            status: z.enum(deliveryStatuses).optional(),
            channel: z.enum(channels).optional(),
            cycleId: z.uuid().optional(),
            recipientId: z
              .uuid()
              .optional()
              .meta({ description: 'A user, an agent, a member or a webhook.' }),
          }),
          response: { 200: pageOf(deliverySchema), ...problemResponses(400) },
        },
      },
      async (request) => {
        const { cursor, limit, ...filter } = request.query
        const key = decodeCursor(cursor, z.tuple([instantValue, z.uuid()]))
        const before = key && { createdAt: key[0], deliveryId: key[1] }
        const rows = await findDeliveries(db, filter, { before, limit: limit + 1 })
        return pageFrom(rows, limit, (delivery) => [delivery.createdAt, delivery.deliveryId])
      },
    )

    app.post(
      '/api/deliveries/:deliveryId/resend',
      {
        config: { access: 'deliveries.resend' },
        schema: {
          summary: 'Have something sent again that could not be sent',
          tags,
          params: z.strictObject({ deliveryId: z.uuid() }),
          response: { 200: deliverySchema, ...problemResponses(404, 409) },
        },
      },
      async (request) =>
        resendDelivery(deps, { deliveryId: request.params.deliveryId, actor: request.actor }),
    )
  }
}
