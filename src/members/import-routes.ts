import { z } from 'zod'
import type { AnnounceDeps } from '../events/announce.ts'
import { decodeCursor, pageFrom, pageOf, pageQuery } from '../platform/http/paging.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import { codeSchema } from '../platform/values/value-schemas.ts'
import { findProfiles, saveProfile } from './import-profiles.ts'
import { approveImport, withdrawImportRequest } from './large-import.ts'
import {
  importChangeSchema,
  importSchema,
  newProfileSchema,
  profileSchema,
  undoneImportSchema,
} from './member-api.ts'
import { requireImport, undoImport } from './undo-import.ts'
import { findImportChanges, findImports } from './undo-sql.ts'

const params = z.strictObject({ importId: z.uuid() })
const requestParams = z.strictObject({ subject: z.uuid() })
const listedImports = 100

/** What imports did, undoing one, and how files are read. */
export function importRoutes(deps: AnnounceDeps): HttpRoutes {
  return async (app) => {
    app.get(
      '/api/imports',
      {
        config: { access: 'members.import' },
        schema: {
          summary: 'The newest imports of members',
          tags: ['members'],
          response: { 200: z.object({ items: z.array(importSchema) }) },
        },
      },
      async () => ({
        items: (await findImports(deps.db, listedImports)).map((one) => ({
          ...one,
          counts: one.counts as Record<string, unknown>,
        })),
      }),
    )

    app.get(
      '/api/imports/:importId/changes',
      {
        config: { access: 'members.import' },
        schema: {
          summary: 'What an import changed of each member that it updated',
          tags: ['members'],
          params,
          querystring: z.strictObject(pageQuery),
          response: { 200: pageOf(importChangeSchema), ...problemResponses(400, 404) },
        },
      },
      async (request) => {
        const { cursor, limit } = request.query
        const [after] = decodeCursor(cursor, z.tuple([z.uuid()])) ?? []
        await requireImport(deps.db, request.params.importId)
        const rows = await findImportChanges(deps.db, request.params.importId, { after, limit: limit + 1 })
        const changes = rows.map(({ before, after: changed, ...member }) => ({
          ...member,
          before: before as Record<string, string | null>,
          after: changed as Record<string, string | null>,
        }))
        return pageFrom(changes, limit, ({ memberId }) => [memberId])
      },
    )

    app.post(
      '/api/imports/requests/:subject/approval',
      {
        config: { access: 'members.import', stepUp: true },
        schema: {
          summary: 'Approve an import that changes too much for one person, as somebody else has asked',
          description: 'The same file with the same options may then be imported once.',
          tags: ['members'],
          params: requestParams,
          response: { 204: z.null(), ...problemResponses(409) },
        },
      },
      async (request, reply) => {
        await approveImport(deps, { ...request.params, actor: request.actor })
        return reply.code(204).send(null)
      },
    )

    app.delete(
      '/api/imports/requests/:subject',
      {
        config: { access: 'members.import' },
        schema: {
          summary: 'Take back that a large import is to be approved',
          tags: ['members'],
          params: requestParams,
          response: { 204: z.null(), ...problemResponses(409) },
        },
      },
      async (request, reply) => {
        await withdrawImportRequest(deps, { ...request.params, actor: request.actor })
        return reply.code(204).send(null)
      },
    )

    app.post(
      '/api/imports/:importId/undo',
      {
        config: { access: 'members.import', cost: 30 },
        schema: {
          summary: 'Undo an import while nothing rests on it',
          description:
            'Members that came with it are removed, and those that it updated are what they were. Tiers and agents stay.',
          tags: ['members'],
          params,
          response: { 200: undoneImportSchema, ...problemResponses(404, 409) },
        },
      },
      async (request) => undoImport(deps, { ...request.params, actor: request.actor }),
    )

    app.get(
      '/api/import-profiles',
      {
        config: { access: 'members.import' },
        schema: {
          summary: 'How files of members are read, by name',
          tags: ['members'],
          response: { 200: z.object({ items: z.array(profileSchema) }) },
        },
      },
      async () => ({ items: await findProfiles(deps.db) }),
    )

    app.put(
      '/api/import-profiles/:profileName',
      {
        config: { access: 'members.import' },
        schema: {
          summary: 'Keep how files of one source are read',
          tags: ['members'],
          params: z.strictObject({ profileName: codeSchema }),
          body: newProfileSchema,
          response: { 200: profileSchema, ...problemResponses(400) },
        },
      },
      async (request) => {
        const { columns, dateOrder } = request.body
        const reading = { columns, dateOrder: dateOrder ?? undefined }
        return saveProfile(deps.db, request.params.profileName, reading, request.actor)
      },
    )
  }
}
