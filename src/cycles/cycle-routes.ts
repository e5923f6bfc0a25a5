import { z } from 'zod'
import { ownAgentId } from '../access/principal.ts'
import { approvalSchema, requestSchema } from '../approvals/approval-api.ts'
import { eventSchema } from '../events/event-api.ts'
import { findEvents } from '../events/event-sql.ts'
import type { Listener } from '../platform/database/listen.ts'
import { streamEvents } from '../platform/http/event-stream.ts'
import { decodeCursor, instantValue, pageFrom, pageOf, pageQuery } from '../platform/http/paging.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import { streamResponse } from '../platform/http/stream-response.ts'
import type { Clock } from '../platform/values/clock.ts'
import { isOver, readCreationProgress } from './creation-progress.ts'
import { creationProgressSchema, cycleSchema, cycleStatuses, waiverSchema } from './cycle-api.ts'
import { findCycles, requireCycle } from './cycle-sql.ts'
import { requireVisible } from './list-contributions.ts'
import { requestRevocation, revokeCycle, withdrawRevocation } from './revoke-cycle.ts'
import { cancelCycle, pauseCycle, resumeCycle, retryCycle, type SteerDeps } from './steer-cycle.ts'
import { undoWaiver, waiveContribution } from './waive-contribution.ts'

const base = '/api/contribution-cycles'
const tags = ['contribution cycles']
const params = z.strictObject({ cycleId: z.uuid() })

export interface CycleRoutesDeps extends SteerDeps {
  readonly clock: Clock
  /** Hears of every change of a job. */
  readonly jobListener: Listener
}

export function cycleRoutes(deps: CycleRoutesDeps): HttpRoutes {
  return async (app) => {
    app.get(
      base,
      {
        config: { access: 'cycles.read' },
        schema: {
          summary: 'Contribution cycles, newest first',
          tags,
          querystring: z.strictObject({ ...pageQuery, status: z.enum(cycleStatuses).optional() }),
          response: { 200: pageOf(cycleSchema), ...problemResponses(400) },
        },
      },
      async (request) => {
        const { cursor, limit, status } = request.query
        const key = decodeCursor(cursor, z.tuple([instantValue, z.uuid()]))
        const before = key && { createdAt: key[0], cycleId: key[1] }
        const filter = { status, onlyActivated: ownAgentId(request) !== undefined }
        const rows = await findCycles(deps.db, filter, { limit: limit + 1, ...(before && { before }) })
        return pageFrom(rows, limit, (cycle) => [cycle.createdAt, cycle.cycleId])
      },
    )

    app.get(
      `${base}/:cycleId`,
      {
        config: { access: 'cycles.read' },
        schema: {
          summary: 'A contribution cycle, with its job',
          tags,
          params,
          response: { 200: cycleSchema, ...problemResponses(404) },
        },
      },
      async (request) => requireVisible(deps.db, request.params.cycleId, ownAgentId(request)),
    )

    app.get(
      `${base}/:cycleId/creation-progress`,
      {
        config: { access: 'cycles.watch' },
        schema: {
          summary: 'How far the creation of the contributions is',
          tags,
          params,
          response: { 200: creationProgressSchema, ...problemResponses(404) },
        },
      },
      async (request) => readCreationProgress(deps.db, request.params.cycleId),
    )

    app.get(
      `${base}/:cycleId/creation-progress/stream`,
      {
        config: { access: 'cycles.watch' },
        schema: {
          summary: 'The same as server-sent events: now, at each change, and at the end',
          tags,
          params,
          response: {
            200: streamResponse('text/event-stream', '`progress` events, and `end` with the last state.'),
            ...problemResponses(404),
          },
        },
      },
      async (request, reply) => {
        const { cycleId } = request.params
        const { jobId } = await requireCycle(deps.db, cycleId)
        await streamEvents(request, reply, {
          eventName: 'progress',
          async read() {
            const data = await readCreationProgress(deps.db, cycleId)
            return { data, final: isOver(data.status) }
          },
          // Without a payload the listener was away for a while: anything may have changed.
          onChange: (callback) =>
            deps.jobListener.subscribe((changed) => {
              if (changed === undefined || changed === jobId) callback()
            }),
        })
      },
    )

    const steering = { pause: pauseCycle, resume: resumeCycle, cancel: cancelCycle, retry: retryCycle }
    const summaries: Record<keyof typeof steering, string> = {
      pause: 'Pause the creation; once answered, nothing more is written',
      resume: 'Go on with a paused creation',
      cancel: 'Give up a cycle that is not Active; its contributions are removed',
      retry: 'Try again what failed',
    }
    for (const [verb, steer] of Object.entries(steering)) {
      app.post(
        `${base}/:cycleId/${verb}`,
        {
          config: { access: 'cycles.steer' },
          schema: {
            summary: summaries[verb as keyof typeof steering],
            tags,
            params,
            response: { 200: cycleSchema, ...problemResponses(404, 409) },
          },
        },
        async (request) => steer(deps, { cycleId: request.params.cycleId, actor: request.actor }),
      )
    }

    app.post(
      `${base}/:cycleId/revocation`,
      {
        config: { access: 'cycles.start', stepUp: true },
        schema: {
          summary: 'Ask for an Active cycle to be given up that should never have begun',
          description: 'For a day, while nothing is paid. It is done when another person approves it.',
          tags,
          params,
          body: requestSchema,
          response: { 201: approvalSchema, ...problemResponses(400, 404, 409) },
        },
      },
      async (request, reply) =>
        reply
          .code(201)
          .send(await requestRevocation(deps, { ...request.params, ...request.body, actor: request.actor })),
    )

    app.post(
      `${base}/:cycleId/revocation/approval`,
      {
        config: { access: 'cycles.start', stepUp: true },
        schema: {
          summary: 'Give up an Active cycle, as somebody else has asked',
          description: 'It is Cancelled, its contributions are removed, and its claim may get a new one.',
          tags,
          params,
          response: { 200: cycleSchema, ...problemResponses(404, 409) },
        },
      },
      async (request) => revokeCycle(deps, { ...request.params, actor: request.actor }),
    )

    app.delete(
      `${base}/:cycleId/revocation`,
      {
        config: { access: 'cycles.start' },
        schema: {
          summary: 'Take back that a cycle is to be given up',
          tags,
          params,
          response: { 204: z.null(), ...problemResponses(404, 409) },
        },
      },
      async (request, reply) => {
        await withdrawRevocation(deps, { ...request.params, actor: request.actor })
        return reply.code(204).send(null)
      },
    )

    const waivers = {
      waive: [waiveContribution, 'Let a member off what is still owed of a contribution'],
      'waive/undo': [undoWaiver, 'Ask again for what was waived by hand'],
    } as const
    for (const [path, [verb, summary]] of Object.entries(waivers)) {
      app.post(
        `${base}/:cycleId/${path}`,
        {
          config: { access: 'contributions.waive' },
          schema: {
            summary,
            tags,
            params,
            body: waiverSchema,
            response: { 200: cycleSchema, ...problemResponses(400, 404, 409) },
          },
        },
        async (request) => verb(deps, { ...request.params, ...request.body, actor: request.actor }),
      )
    }

    app.get(
      `${base}/:cycleId/events`,
      {
        config: { access: 'cycles.watch' },
        schema: {
          summary: 'What happened to the cycle, oldest first',
          tags,
          params,
          querystring: z.strictObject(pageQuery),
          response: { 200: pageOf(eventSchema), ...problemResponses(400, 404) },
        },
      },
      async (request) => {
        const { cycleId } = await requireCycle(deps.db, request.params.cycleId)
        const { cursor, limit } = request.query
        const [after] = decodeCursor(cursor, z.tuple([z.int()])) ?? []
        const rows = await findEvents(deps.db, cycleId, {
          limit: limit + 1,
          ...(after !== undefined && { after }),
        })
        return pageFrom(rows, limit, (event) => [event.eventId])
      },
    )
  }
}
