import { z } from 'zod'
import { approvalSchema } from '../approvals/approval-api.ts'
import {
  type Answer,
  idempotencyHeaders,
  idempotently,
  idempotentRequest,
} from '../platform/http/idempotency.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import { openAskedCycle, requestStart, withdrawStart } from './approve-start.ts'
import { previewSchema, startedSchema, startRequestSchema, startSchema } from './cycle-api.ts'
import type { Strategy } from './cycle-rules.ts'
import type { CycleView } from './cycle-sql.ts'
import { previewCycle } from './preview-cycle.ts'
import { openCycle, type StartDeps, wakeCycle } from './start-cycle.ts'

const base = '/api/contribution-cycles'
const tags = ['contribution cycles']
const claimParams = z.strictObject({ claimId: z.uuid() })

export interface StartRoutesDeps extends StartDeps {
  readonly creationStrategy: Strategy
}

/** Previews and starts, by one person or by two. */
export function startRoutes(deps: StartRoutesDeps): HttpRoutes {
  return async (app) => {
    const startBody = startSchema(deps.creationStrategy)

    app.post(
      base,
      {
        config: { access: 'cycles.start' },
        schema: {
          summary: 'Start the contribution cycle of an approved claim',
          description:
            '202: the contributions are being created in the background. 201: they are there, the cycle is Active. ' +
            'A small cycle is answered with 202 too while somebody is writing to the register. What goes too far for one person is ' +
            'refused (beyond-start-limit): ask for it by /requests.',
          tags,
          headers: idempotencyHeaders,
          body: startBody,
          response: { 201: startedSchema, 202: startedSchema, ...problemResponses(400, 404, 409, 422) },
        },
      },
      async (request, reply) => {
        const { statusCode, body } = await idempotently(deps.db, idempotentRequest(request), async (tx) =>
          started(await openCycle(deps, tx, { ...request.body, actor: request.actor })),
        )
        // Also for a replayed answer: then it is a token too many, and harmless.
        await wakeCycle(deps.engine, body.cycle)
        return reply.code(statusCode).header('location', `${base}/${body.cycle.cycleId}`).send(body)
      },
    )

    app.post(
      `${base}/requests`,
      {
        config: { access: 'cycles.start', stepUp: true },
        schema: {
          summary: 'Ask for a start that goes too far for one person',
          description:
            'The cycle is started when another person approves it, for those who are in good standing now.',
          tags,
          body: startRequestSchema(deps.creationStrategy),
          response: { 201: approvalSchema, ...problemResponses(400, 404, 409, 422) },
        },
      },
      async (request, reply) =>
        reply.code(201).send(await requestStart(deps, { ...request.body, actor: request.actor })),
    )

    app.post(
      `${base}/requests/:claimId/approval`,
      {
        config: { access: 'cycles.start', stepUp: true },
        schema: {
          summary: 'Start the cycle of a claim, as somebody else has asked',
          description: '201 and 202 as of a start.',
          tags,
          headers: idempotencyHeaders,
          params: claimParams,
          response: { 201: startedSchema, 202: startedSchema, ...problemResponses(400, 404, 409, 422) },
        },
      },
      async (request, reply) => {
        const { statusCode, body } = await idempotently(deps.db, idempotentRequest(request), async (tx) =>
          started(await openAskedCycle(deps, tx, { ...request.params, actor: request.actor })),
        )
        await wakeCycle(deps.engine, body.cycle)
        return reply.code(statusCode).header('location', `${base}/${body.cycle.cycleId}`).send(body)
      },
    )

    app.delete(
      `${base}/requests/:claimId`,
      {
        config: { access: 'cycles.start' },
        schema: {
          summary: 'Take back that a cycle is to be started',
          tags,
          params: claimParams,
          response: { 204: z.null(), ...problemResponses(404, 409) },
        },
      },
      async (request, reply) => {
        await withdrawStart(deps, { ...request.params, actor: request.actor })
        return reply.code(204).send(null)
      },
    )

    app.post(
      `${base}/preview`,
      {
        config: { access: 'cycles.start' },
        schema: {
          summary: 'What a start would do; nothing is written',
          tags,
          body: startBody,
          response: { 200: previewSchema, ...problemResponses(400, 404, 409, 422) },
        },
      },
      async (request) => previewCycle(deps, request.body),
    )
  }
}

/** What a start is answered with. */
function started(cycle: CycleView): Answer<z.infer<typeof startedSchema>, 201 | 202> {
  const { cycleCode, totalMembers } = cycle
  return cycle.cycleStatus === 'Active'
    ? {
        statusCode: 201,
        body: { cycle, message: `Cycle ${cycleCode} is Active: ${totalMembers} contributions.` },
      }
    : {
        statusCode: 202,
        body: { cycle, message: `Cycle ${cycleCode} is being created in the background.` },
      }
}
