import { z } from 'zod'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import {
  enrolmentSchema,
  linkRequestSchema,
  linkUseSchema,
  oneTimeCodeSchema,
  passwordChangeSchema,
  passwordSchema,
  setUpSchema,
  signedInSchema,
} from './access-api.ts'
import { requireSession, visitOf } from './principal.ts'
import { enrolByCode, requestLink, type SignInDeps, setPasswordByLink, setUp } from './sign-in.ts'

const tags = ['access']
const done = z.object({ done: z.literal(true) })

export interface CredentialRoutesDeps extends SignInDeps {
  /** What the first user must give; undefined: there are users already. */
  readonly setUpToken: string | undefined
}

/** How people get and change their password and their second factor, and how the first user is made. */
export function credentialRoutes(deps: CredentialRoutesDeps): HttpRoutes {
  const { db, announce, identity } = deps
  return async (app) => {
    app.post(
      '/api/session/second-factor',
      {
        config: { access: 'session' },
        schema: {
          summary: 'Begin to enrol a second factor; it counts once a code of it has been given',
          tags,
          body: passwordSchema,
          response: { 200: enrolmentSchema, ...problemResponses(409) },
        },
      },
      async (request, reply) => {
        const { email } = requireSession(request)
        await deps.attempts.begin(email, request.ip)
        const { result, cookies } = await identity.enrolSecondFactor(visitOf(request), request.body.password)
        await deps.attempts.forgive(email, request.ip)
        const { default: pictures } = await import('qrcode')
        const qrCode = await pictures.toString(result.totpUri, { type: 'svg' })
        return reply.header('set-cookie', [...cookies]).send({ ...result, qrCode })
      },
    )

    app.post(
      '/api/session/second-factor/code',
      {
        config: { access: 'session' },
        schema: {
          summary: 'Enrol the second factor by a code of it',
          tags,
          body: oneTimeCodeSchema,
          response: { 200: done },
        },
      },
      async (request, reply) => {
        requireSession(request)
        const { code } = request.body
        const { cookies } = await enrolByCode(deps, visitOf(request), { code, actor: request.actor })
        return reply.header('set-cookie', [...cookies]).send({ done: true })
      },
    )

    app.post(
      '/api/session/password',
      {
        config: { access: 'session' },
        schema: {
          summary: 'Change one’s own password; all other sessions end',
          tags,
          body: passwordChangeSchema,
          response: { 200: done },
        },
      },
      async (request, reply) => {
        const { userId, email } = requireSession(request)
        await deps.attempts.begin(email, request.ip)
        const { cookies } = await identity.changePassword(visitOf(request), request.body)
        await deps.attempts.forgive(email, request.ip)
        await db
          .transaction()
          .execute((tx) =>
            announce(tx, { eventName: 'PasswordChanged', subject: userId, actor: request.actor }),
          )
        return reply.header('set-cookie', [...cookies]).send({ done: true })
      },
    )

    app.post(
      '/api/password-links',
      {
        config: { access: 'anyone' },
        schema: {
          summary: 'Have a link mailed with which to set a password',
          description: 'The answer is the same whether there is such an account or not.',
          tags,
          body: linkRequestSchema,
          response: { 202: done, ...problemResponses(409) },
        },
      },
      async (request, reply) => {
        await requestLink(deps, visitOf(request), {
          ...request.body,
          actor: request.actor,
        })
        return reply.code(202).send({ done: true })
      },
    )

    app.post(
      '/api/password',
      {
        config: { access: 'anyone' },
        schema: {
          summary: 'Set a password with the token of a link; all sessions end',
          tags,
          body: linkUseSchema,
          response: { 200: done },
        },
      },
      async (request) => {
        await setPasswordByLink(deps, visitOf(request), { ...request.body, actor: request.actor })
        return { done: true as const }
      },
    )

    app.post(
      '/api/set-up',
      {
        config: { access: 'anyone' },
        schema: {
          summary: 'Make the first user, with the token shown at the start',
          tags,
          body: setUpSchema,
          response: { 200: signedInSchema },
        },
      },
      async (request, reply) => {
        const { result, cookies } = await setUp(deps, visitOf(request), {
          ...request.body,
          actor: request.actor,
        })
        return reply.header('set-cookie', [...cookies]).send(result)
      },
    )
  }
}
