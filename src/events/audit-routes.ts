import { Readable } from 'node:stream'
import { stringify } from 'csv-stringify'
import { z } from 'zod'
import type { Db } from '../platform/database/connect.ts'
import { decodeCursor, pageFrom, pageOf, pageQuery } from '../platform/http/paging.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import { exportCost, streamResponse } from '../platform/http/stream-response.ts'
import type { AnnounceDeps } from './announce.ts'
import { auditEventSchema, auditFilter } from './event-api.ts'
import { type AuditFilter, findAuditEvents } from './event-sql.ts'

const tags = ['audit']

/** Rows that an export reads at once. */
const exportPageRows = 5000

export interface AuditRoutesDeps extends AnnounceDeps {
  readonly exportDb: Db
  readonly listDb: Db
}

export function auditRoutes({ db, announce, exportDb, listDb }: AuditRoutesDeps): HttpRoutes {
  return async (app) => {
    app.get(
      '/api/audit',
      {
        config: { access: 'audit.read', atATime: 4 },
        schema: {
          summary: 'Who did what, newest first',
          tags,
          querystring: z.strictObject({ ...pageQuery, ...auditFilter }),
          response: { 200: pageOf(auditEventSchema), ...problemResponses(400) },
        },
      },
      async (request) => {
        const { cursor, limit, ...filter } = request.query
        const [before] = decodeCursor(cursor, z.tuple([z.int()])) ?? []
        const rows = await findAuditEvents(listDb, filter, { before, limit: limit + 1 })
        return pageFrom(rows, limit, (event) => [event.eventId])
      },
    )

    app.get(
      '/api/audit.csv',
      {
        config: { access: 'audit.read', cost: exportCost, atATime: 2 },
        schema: {
          summary: 'The same as a CSV file, whole',
          tags,
          querystring: z.strictObject(auditFilter),
          response: {
            200: streamResponse('text/csv', 'All events that pass the filter.'),
            ...problemResponses(400),
          },
        },
      },
      async (request, reply) => {
        await db.transaction().execute((tx) =>
          announce(tx, {
            eventName: 'DataExported',
            subject: null,
            actor: request.actor,
            payload: { file: 'audit.csv', filter: request.query },
          }),
        )
        const rows = Readable.from(eachEvent(exportDb, request.query))
        const csv = stringify({
          header: true,
          bom: true,
          columns: [
            'eventId',
            'at',
            'eventName',
            'subject',
            'actor',
            'role',
            'via',
            'address',
            'requestId',
            'payload',
          ],
          escape_formulas: true,
          record_delimiter: 'windows',
        })
        rows.on('error', (error) => csv.destroy(error))
        return reply
          .type('text/csv; charset=utf-8')
          .header('content-disposition', 'attachment; filename="audit.csv"')
          .send(rows.pipe(csv))
      },
    )
  }
}

async function* eachEvent(db: Db, filter: AuditFilter): AsyncGenerator<Record<string, unknown>> {
  let before: number | undefined
  do {
    const rows = await findAuditEvents(db, filter, { before, limit: exportPageRows })
    for (const { payload, ...event } of rows) yield { ...event, payload: JSON.stringify(payload) }
    before = rows.length === exportPageRows ? rows.at(-1)?.eventId : undefined
  } while (before !== undefined)
}
