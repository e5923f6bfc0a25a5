import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import type pg from 'pg'
import { z } from 'zod'
import { requireStepUp } from '../access/principal.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import { withUpload } from '../platform/http/upload.ts'
import type { Clock } from '../platform/values/clock.ts'
import { DomainError } from '../platform/values/errors.ts'
import { codeSchema } from '../platform/values/value-schemas.ts'
import { agentFile, readColumnMap } from './column-rules.ts'
import { importAgents } from './import-agents.ts'
import type { FoundFault } from './import-faults-sql.ts'
import { importMembers } from './import-members.ts'
import { settleReading } from './import-profiles.ts'
import { requestImport } from './large-import.ts'
import {
  agentImportQuerySchema,
  agentImportResultSchema,
  filePreviewSchema,
  importQuerySchema,
  importResultSchema,
  maxListedFaults,
} from './member-api.ts'
import { previewFile } from './preview-file.ts'

/** The kind is read from the file itself. */
const fileTypes = ['text/csv', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'] as const

/** What every route of a file has. */
const ofFile = {
  tags: ['members'],
  consumes: [...fileTypes],
  body: z.unknown().meta({ description: 'The file.' }),
}
const refusals = problemResponses(400, 413, 415, 422)

export interface ImportFileDeps extends AnnounceDeps {
  readonly pool: pg.Pool
  readonly clock: Clock
}

/** Files that are read: the body of the request is the file. */
export function importFileRoutes(deps: ImportFileDeps): HttpRoutes {
  return async (app) => {
    app.removeAllContentTypeParsers()
    // The body is kept in a file before it is read.
    app.addContentTypeParser([...fileTypes], (_request, payload, done) => done(null, payload))

    app.post(
      '/api/members/import',
      {
        config: { access: 'members.import', cost: 30, atATime: 2 },
        schema: {
          ...ofFile,
          summary: 'Import members from CSV or a workbook (.xlsx)',
          description: 'Good rows are imported, all of them in one transaction; bad rows are listed.',
          querystring: importQuerySchema,
          response: { 200: importResultSchema, ...refusals, ...problemResponses(409) },
        },
      },
      async (request) => {
        const file = fileOf(request)
        const {
          onDuplicate,
          blank,
          dates,
          map: columns,
          profile,
          saveProfile,
          reason,
          ...flags
        } = request.query
        if (reason !== undefined) requireStepUp(request)
        const { map, dateOrder } = await settleReading(
          deps.db,
          { columns, dateOrder: dates, profile, saveProfile },
          request.actor,
        )
        const listed = new ListedFaults()
        const result = await withUpload(file, (csv, signal) =>
          importMembers(deps, {
            csv,
            signal,
            onDuplicate,
            map,
            dateOrder,
            blankErases: blank === 'erase',
            createAgents: flags.createAgents === 'true',
            createTiers: flags.createTiers === 'true',
            dryRun: flags.dryRun === 'true' || reason !== undefined,
            actor: request.actor,
            onFault: listed.add,
          }),
        )
        if (reason !== undefined) {
          await requestImport(deps, { change: result.largeChange, reason, actor: request.actor })
        }
        return { ...result, ...listed.all }
      },
    )

    app.post(
      '/api/members/import/preview',
      {
        config: { access: 'members.import', cost: 5, atATime: 2 },
        schema: {
          ...ofFile,
          summary: 'Show how a file of members is read',
          description:
            'Nothing is checked nor written. Of CSV the beginning is enough; a workbook is read as a whole.',
          querystring: z.strictObject({ profile: codeSchema.optional() }),
          response: { 200: filePreviewSchema, ...refusals },
        },
      },
      async (request) => {
        const { profile } = request.query
        const { map } = await settleReading(deps.db, { columns: [], profile }, request.actor)
        const { rows, headerLine } = await withUpload(fileOf(request), (file) => previewFile(file, map))
        return {
          rows: rows.map(({ line, fields, columns }) => ({
            line,
            fields: [...fields],
            columns: [...columns],
          })),
          headerLine,
        }
      },
    )

    app.post(
      '/api/agents/import',
      {
        config: { access: 'members.import', cost: 30, atATime: 2 },
        schema: {
          ...ofFile,
          summary: 'Import agents from CSV or a workbook (.xlsx)',
          description: 'Good rows are imported, all of them in one transaction; bad rows are listed.',
          querystring: agentImportQuerySchema,
          response: { 200: agentImportResultSchema, ...refusals },
        },
      },
      async (request) => {
        const { map, update, dryRun } = request.query
        const columns = readColumnMap(agentFile, map)
        const listed = new ListedFaults()
        const result = await withUpload(fileOf(request), (csv, signal) =>
          importAgents(deps, {
            csv,
            signal,
            map: columns,
            update: update === 'true',
            dryRun: dryRun === 'true',
            actor: request.actor,
            onFault: listed.add,
          }),
        )
        return { ...result, ...listed.all }
      },
    )
  }
}

function fileOf<Request extends FastifyRequest>(request: Request): Request & { readonly body: Readable } {
  if (request.body instanceof Readable) return request as Request & { readonly body: Readable }
  throw new DomainError(
    'unsupported-media-type',
    `The file is the body, of content type ${fileTypes.join(' or ')}.`,
  )
}

/** Not more of them than an answer has room for. */
class ListedFaults {
  readonly all: { faults: FoundFault[]; warnings: FoundFault[] } = { faults: [], warnings: [] }
  readonly add = (fault: FoundFault): void => {
    const list = fault.isWarning ? this.all.warnings : this.all.faults
    if (list.length < maxListedFaults) list.push(fault)
  }
}
