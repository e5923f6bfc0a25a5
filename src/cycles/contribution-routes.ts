import { Readable } from 'node:stream'
import { stringify } from 'csv-stringify'
import { z } from 'zod'
import { ownAgentId } from '../access/principal.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import { requireMember } from '../members/keep-members.ts'
import type { Db } from '../platform/database/connect.ts'
import { decodeCursor, instantValue, pageFrom, pageOf, pageQuery } from '../platform/http/paging.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import { exportCost, streamResponse } from '../platform/http/stream-response.ts'
import { findAgentShares, findContributionsOfMember } from './contribution-sql.ts'
import {
  agentShareSchema,
  contributionFilter,
  contributionOfMemberSchema,
  contributionSchema,
} from './cycle-api.ts'
import { eachContribution, listContributions, ofAgent, requireActive } from './list-contributions.ts'

const params = z.strictObject({ cycleId: z.uuid() })
const tags = ['contribution cycles']

export interface ContributionRoutesDeps extends AnnounceDeps {
  readonly exportDb: Db
  readonly listDb: Db
}

export function contributionRoutes(deps: ContributionRoutesDeps): HttpRoutes {
  return async (app) => {
    app.get(
      '/api/contribution-cycles/:cycleId/contributions',
      {
        config: { access: 'contributions.read', atATime: 4 },
        schema: {
          summary: 'The contributions of an Active cycle',
          tags,
          params,
          querystring: z.strictObject({ ...pageQuery, ...contributionFilter }),
          response: { 200: pageOf(contributionSchema), ...problemResponses(400, 404, 409) },
        },
      },
      async (request) => {
        const { cursor, limit, ...filter } = request.query
        const [after] = decodeCursor(cursor, z.tuple([z.uuid()])) ?? []
        const rows = await listContributions(
          { db: deps.listDb },
          request.params.cycleId,
          ownAgentId(request),
          filter,
          {
            after,
            limit: limit + 1,
          },
        )
        return pageFrom(rows, limit, (contribution) => [contribution.memberId])
      },
    )

    app.get(
      '/api/contribution-cycles/:cycleId/agents',
      {
        config: { access: 'contributions.read' },
        schema: {
          summary: 'What each agent has to collect in an Active cycle',
          tags,
          params,
          response: {
            200: z.object({ items: z.array(agentShareSchema) }),
            ...problemResponses(404, 409),
          },
        },
      },
      async (request) => {
        const agentId = ownAgentId(request)
        const { cycleId } = await requireActive(deps.db, request.params.cycleId, agentId)
        return { items: await findAgentShares(deps.db, cycleId, { agentId }) }
      },
    )

    app.get(
      '/api/members/:memberId/contributions',
      {
        config: { access: 'contributions.read' },
        schema: {
          summary: 'What a member was asked for, newest cycle first',
          tags,
          params: z.strictObject({ memberId: z.uuid() }),
          querystring: z.strictObject(pageQuery),
          response: { 200: pageOf(contributionOfMemberSchema), ...problemResponses(400, 404) },
        },
      },
      async (request) => {
        const { cursor, limit } = request.query
        const { memberId } = await requireMember(deps.db, request.params.memberId, ownAgentId(request))
        const key = decodeCursor(cursor, z.tuple([instantValue, z.uuid()]))
        const before = key && { createdAt: key[0], cycleId: key[1] }
        const rows = await findContributionsOfMember(deps.db, memberId, { before, limit: limit + 1 })
        return pageFrom(rows, limit, (contribution) => [contribution.createdAt, contribution.cycleId])
      },
    )

    app.get(
      '/api/contribution-cycles/:cycleId/contributions.csv',
      {
        config: { access: 'contributions.read', cost: exportCost, atATime: 2 },
        schema: {
          summary: 'The same as a CSV file, whole',
          tags,
          params,
          querystring: z.strictObject(contributionFilter),
          response: {
            200: streamResponse('text/csv', 'All contributions that pass the filter.'),
            ...problemResponses(400, 404, 409),
          },
        },
      },
      async (request, reply) => {
        const agentId = ownAgentId(request)
        const cycle = await requireActive(deps.db, request.params.cycleId, agentId)
        // Without the words that were searched for, which may be a name.
        const { q, ...filter } = request.query
        await deps.db.transaction().execute((tx) =>
          deps.announce(tx, {
            eventName: 'DataExported',
            subject: null,
            actor: request.actor,
            payload: { file: `${cycle.cycleCode}.csv`, filter, isSearched: q !== undefined },
          }),
        )
        const rows = Readable.from(eachContribution(deps.exportDb, cycle, ofAgent(request.query, agentId)))
        // A name that begins like a formula must stay a name in whatever program opens the file.
        const csv = stringify({
          header: true,
          bom: true,
          columns: csvColumns,
          escape_formulas: true,
          record_delimiter: 'windows',
        })
        rows.on('error', (error) => csv.destroy(error))
        return reply
          .type('text/csv; charset=utf-8')
          .header('content-disposition', `attachment; filename="${cycle.cycleCode}.csv"`)
          .send(rows.pipe(csv))
      },
    )
  }
}

const csvColumns = [
  'contributionId',
  'memberCode',
  'fullName',
  'agentCode',
  'contributionAmount',
  'paidAmount',
  'currency',
  'contributionStatus',
  'dueDate',
]
