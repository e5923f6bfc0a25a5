import { z } from 'zod'
import { ownAgentId } from '../access/principal.ts'
import { requireVisible } from '../cycles/list-contributions.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import type { Db } from '../platform/database/connect.ts'
import { idempotencyHeaders, idempotently, idempotentRequest } from '../platform/http/idempotency.ts'
import { decodeCursor, pageFrom, pageOf, pageQuery } from '../platform/http/paging.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import type { Clock } from '../platform/values/clock.ts'
import { addSource } from './keep-sources.ts'
import {
  collectedSchema,
  newPaymentSchema,
  newSourceSchema,
  paymentDetailSchema,
  paymentSchema,
  paymentStatuses,
  referenceSchema,
  reversalSchema,
  sourceSchema,
} from './payment-api.ts'
import { findCollectedByDay, findPayments } from './payment-sql.ts'
import { requirePayment } from './read-payment.ts'
import { recordIn } from './record-payment.ts'
import { reversePayment } from './reverse-payment.ts'
import { findSources } from './source-sql.ts'

const base = '/api/payments'
const tags = ['payments']
const params = z.strictObject({ paymentId: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) })

export interface PaymentRoutesDeps extends AnnounceDeps {
  readonly listDb: Db
  readonly clock: Clock
}

export function paymentRoutes(deps: PaymentRoutesDeps): HttpRoutes {
  return async (app) => {
    app.post(
      base,
      {
        config: { access: 'payments.record' },
        schema: {
          summary: 'Record money that has come in',
          description:
            '201: it is posted. 200: the source has told of this reference before, with the same amount and payer; nothing is posted again. ' +
            'It pays the contribution that it is for, then what else the member owes, oldest first; the rest is kept in the wallet. ' +
            'Without a member it is kept in suspense.',
          tags,
          headers: idempotencyHeaders,
          body: newPaymentSchema,
          response: {
            200: paymentDetailSchema,
            201: paymentDetailSchema,
            ...problemResponses(400, 404, 409, 422),
          },
        },
      },
      async (request, reply) => {
        const { statusCode, body } = await idempotently(deps.db, idempotentRequest(request), async (tx) => {
          const { payment, isKnown } = await recordIn(tx, deps, { ...request.body, actor: request.actor })
          return { statusCode: isKnown ? (200 as const) : (201 as const), body: payment }
        })
        return reply.code(statusCode).header('location', `${base}/${body.paymentId}`).send(body)
      },
    )

    app.get(
      base,
      {
        config: { access: 'payments.read', atATime: 4 },
        schema: {
          summary: 'Payments, newest first',
          tags,
          querystring: z.strictObject({
            ...pageQuery,
            sourceId: z.uuid().optional(),
            memberId: z.uuid().optional(),
            cycleId: z.uuid().optional(),
            status: z.enum(paymentStatuses).optional(),
            reference: referenceSchema.optional(),
          }),
          response: { 200: pageOf(paymentSchema), ...problemResponses(400) },
        },
      },
      async (request) => {
        const { cursor, limit, ...filter } = request.query
        const [before] = decodeCursor(cursor, z.tuple([z.int()])) ?? []
        const rows = await findPayments(deps.listDb, filter, { before, limit: limit + 1 })
        return pageFrom(rows, limit, (payment) => [payment.paymentId])
      },
    )

    app.get(
      `${base}/:paymentId`,
      {
        config: { access: 'payments.read' },
        schema: {
          summary: 'A payment, with each movement of its money',
          tags,
          params,
          response: { 200: paymentDetailSchema, ...problemResponses(400, 404) },
        },
      },
      async (request) => requirePayment(deps.db, request.params.paymentId),
    )

    app.post(
      `${base}/:paymentId/reverse`,
      {
        config: { access: 'payments.reverse' },
        schema: {
          summary: 'Undo a payment that was never true',
          description: 'What it paid is owed again. Who has just recorded it takes it back without a reason.',
          tags,
          params,
          body: reversalSchema,
          response: { 200: paymentDetailSchema, ...problemResponses(400, 404, 409) },
        },
      },
      async (request) => reversePayment(deps, { ...request.params, ...request.body, actor: request.actor }),
    )

    app.get(
      '/api/payment-sources',
      {
        config: { access: 'payments.read' },
        schema: {
          summary: 'Where payments come from, by code',
          tags,
          response: { 200: z.object({ items: z.array(sourceSchema) }) },
        },
      },
      async () => ({ items: await findSources(deps.db) }),
    )

    app.post(
      '/api/payment-sources',
      {
        config: { access: 'sources.change' },
        schema: {
          summary: 'Add where payments come from',
          tags,
          body: newSourceSchema,
          response: { 201: sourceSchema, ...problemResponses(400, 404, 409) },
        },
      },
      async (request, reply) =>
        reply.code(201).send(await addSource(deps, { ...request.body, actor: request.actor })),
    )

    app.get(
      '/api/contribution-cycles/:cycleId/collected',
      {
        config: { access: 'cycles.read', atATime: 4 },
        schema: {
          summary: 'What was collected for a cycle on each day, oldest first',
          tags: ['contribution cycles'],
          params: z.strictObject({ cycleId: z.uuid() }),
          response: { 200: z.object({ items: z.array(collectedSchema) }), ...problemResponses(404) },
        },
      },
      async (request) => {
        const { cycleId } = await requireVisible(deps.db, request.params.cycleId, ownAgentId(request))
        return { items: await findCollectedByDay(deps.listDb, cycleId) }
      },
    )
  }
}
