import { z } from 'zod'
import { approvalSchema } from '../approvals/approval-api.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import type { Clock } from '../platform/values/clock.ts'
import { approveRefund, readWallet, requestRefund, withdrawRefund } from './refund-wallet.ts'
import { newRefundSchema, refundSchema, walletSchema } from './wallet-api.ts'

const base = '/api/members/:memberId/wallet'
const tags = ['wallets']
const params = z.strictObject({ memberId: z.uuid() })

export interface WalletRoutesDeps extends AnnounceDeps {
  readonly clock: Clock
}

export function walletRoutes(deps: WalletRoutesDeps): HttpRoutes {
  return async (app) => {
    app.get(
      base,
      {
        config: { access: 'payments.read' },
        schema: {
          summary: 'What a member has in the wallet',
          tags,
          params,
          response: { 200: walletSchema, ...problemResponses(404) },
        },
      },
      async (request) => readWallet(deps.db, request.params.memberId),
    )

    app.post(
      `${base}/refund`,
      {
        config: { access: 'wallets.refund', stepUp: true },
        schema: {
          summary: 'Ask for money of a wallet to be given back',
          description: 'It is done when another person approves it.',
          tags,
          params,
          body: newRefundSchema,
          response: { 201: approvalSchema, ...problemResponses(400, 404, 409) },
        },
      },
      async (request, reply) =>
        reply
          .code(201)
          .send(await requestRefund(deps, { ...request.params, ...request.body, actor: request.actor })),
    )

    app.post(
      `${base}/refund/approval`,
      {
        config: { access: 'wallets.refund', stepUp: true },
        schema: {
          summary: 'Give money of a wallet back, as somebody else has asked',
          tags,
          params,
          body: refundSchema,
          response: { 200: walletSchema, ...problemResponses(400, 404, 409) },
        },
      },
      async (request) => approveRefund(deps, { ...request.params, ...request.body, actor: request.actor }),
    )

    app.delete(
      `${base}/refund`,
      {
        config: { access: 'wallets.refund' },
        schema: {
          summary: 'Take back that money of a wallet is to be given back',
          tags,
          params,
          response: { 204: z.null(), ...problemResponses(404, 409) },
        },
      },
      async (request, reply) => {
        await withdrawRefund(deps, { ...request.params, actor: request.actor })
        return reply.code(204).send(null)
      },
    )
  }
}
