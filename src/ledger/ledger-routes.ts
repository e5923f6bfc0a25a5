import { Readable } from 'node:stream'
import { z } from 'zod'
import type { AnnounceDeps } from '../events/announce.ts'
import type { Db } from '../platform/database/connect.ts'
import { decodeCursor, pageFrom, pageOf, pageQuery } from '../platform/http/paging.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import { exportCost, streamResponse } from '../platform/http/stream-response.ts'
import { writeJournal } from './journal.ts'
import { balanceSchema, transferSchema } from './ledger-api.ts'
import { findBalances, findTransfers } from './ledger-sql.ts'

const tags = ['ledger']

export interface LedgerRoutesDeps extends AnnounceDeps {
  readonly listDb: Db
  readonly exportDb: Db
}

export function ledgerRoutes(deps: LedgerRoutesDeps): HttpRoutes {
  return async (app) => {
    app.get(
      '/api/transfers',
      {
        config: { access: 'ledger.read', atATime: 4 },
        schema: {
          summary: 'Transfers, newest first',
          tags,
          querystring: z.strictObject({
            ...pageQuery,
            memberId: z.uuid().optional(),
            cycleId: z.uuid().optional(),
          }),
          response: { 200: pageOf(transferSchema), ...problemResponses(400) },
        },
      },
      async (request) => {
        const { cursor, limit, ...filter } = request.query
        const [before] = decodeCursor(cursor, z.tuple([z.int()])) ?? []
        const rows = await findTransfers(deps.listDb, filter, { before, limit: limit + 1 })
        return pageFrom(rows, limit, (transfer) => [transfer.transferId])
      },
    )

    app.get(
      '/api/ledger/balances',
      {
        config: { access: 'ledger.read', cost: exportCost, atATime: 2 },
        schema: {
          summary: 'What each account holds; all of it adds up to 0',
          tags,
          response: { 200: z.object({ items: z.array(balanceSchema) }) },
        },
      },
      async () => ({ items: await findBalances(deps.exportDb, { eachWallet: false }) }),
    )

    app.get(
      '/api/ledger/journal',
      {
        config: { access: 'ledger.read', cost: exportCost, atATime: 2 },
        schema: {
          summary: 'The whole ledger as plain text for hledger',
          tags,
          response: {
            200: streamResponse(
              'text/plain',
              'A journal that asserts the balance of each account at its end.',
            ),
          },
        },
      },
      async (request, reply) => {
        await deps.db.transaction().execute((tx) =>
          deps.announce(tx, {
            eventName: 'DataExported',
            subject: null,
            actor: request.actor,
            payload: { file: 'ledger.journal' },
          }),
        )
        return reply
          .type('text/plain; charset=utf-8')
          .header('content-disposition', 'attachment; filename="ledger.journal"')
          .send(Readable.from(writeJournal(deps.exportDb)))
      },
    )
  }
}
