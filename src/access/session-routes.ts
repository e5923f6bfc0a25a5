import { z } from 'zod'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import { DomainError } from '../platform/values/errors.ts'
import {
  confirmationSchema,
  enrolmentSchema,
  linkRequestSchema,
  linkUseSchema,
  liveSessionSchema,
  oneTimeCodeSchema,
  passwordChangeSchema,
  passwordSchema,
  sessionSchema,
  setUpSchema,
  signedInSchema,
  signInSchema,
} from './access-api.ts'
import { deleteSessions, findSessions } from './access-sql.ts'
import { grantOf, needsSecondFactor, permissions } from './permission-rules.ts'
import { type Principal, requireSession, visitOf } from './principal.ts'
import { csrfToken } from './refuse-forgery.ts'
import {
  confirm,
  enrolByCode,
  giveSecondFactor,
  requestLink,
  type SignInDeps,
  setPasswordByLink,
  setUp,
  signIn,
} from './sign-in.ts'

const tags = ['access']
const done = z.object({ done: z.literal(true) })

export interface SessionRoutesDeps extends SignInDeps {
  /** What the first user has to show; undefined: there are users already. */
  readonly setUpToken: string | undefined
}

/** How people come in and go, and what they may do with their own account. */
export function sessionRoutes(deps: SessionRoutesDeps): HttpRoutes {
  const { db, announce, identity } = deps
  return async (app) => {
    app.post(
      '/api/session',
      {
        config: { access: 'anyone' },
        schema: {
          summary: 'Sign in',
          tags,
          body: signInSchema,
          response: { 200: signedInSchema },
        },
      },
      async (request, reply) => {
        const { result, cookies } = await signIn(deps, visitOf(request), {
          ...request.body,
          actor: request.actor,
        })
        return reply.header('set-cookie', [...cookies]).send(result)
      },
    )

    app.post(
      '/api/session/code',
      {
        config: { access: 'anyone' },
        schema: {
          summary: 'Give the code of the second factor',
          tags,
          body: oneTimeCodeSchema,
          response: { 200: done },
        },
      },
      async (request, reply) => {
        const { cookies } = await giveSecondFactor(deps, visitOf(request), {
          ...request.body,
          actor: request.actor,
        })
        return reply.header('set-cookie', [...cookies]).send({ done: true })
      },
    )

    app.get(
      '/api/session',
      {
        config: { access: 'session' },
        schema: {
          summary: 'Who is signed in, and may do what',
          tags,
          response: { 200: sessionSchema },
        },
      },
      async (request) => sessionView(request.principal as Principal),
    )

    app.delete(
      '/api/session',
      {
        config: { access: 'session' },
        schema: { summary: 'Sign out', tags, response: { 200: done } },
      },
      async (request, reply) => {
        const { userId } = requireSession(request)
        const { cookies } = await identity.signOut(visitOf(request))
        await db
          .transaction()
          .execute((tx) => announce(tx, { eventName: 'SignedOut', subject: userId, actor: request.actor }))
        return reply.header('set-cookie', [...cookies]).send({ done: true })
      },
    )

    app.get(
      '/api/sessions',
      {
        config: { access: 'session' },
        schema: {
          summary: 'One’s own sessions, newest first',
          tags,
          response: { 200: z.object({ items: z.array(liveSessionSchema) }) },
        },
      },
      async (request) => {
        const { userId, session } = requireSession(request)
        const rows = await findSessions(db, userId)
        return { items: rows.map((row) => ({ ...row, current: row.sessionId === session.sessionId })) }
      },
    )

    app.delete(
      '/api/sessions/:sessionId',
      {
        config: { access: 'session' },
        schema: {
          summary: 'End one of one’s own sessions',
          tags,
          params: z.strictObject({ sessionId: z.uuid() }),
          response: { 200: done, ...problemResponses(404) },
        },
      },
      async (request) => {
        const { userId } = requireSession(request)
        const { sessionId } = request.params
        await db.transaction().execute(async (tx) => {
          if ((await deleteSessions(tx, userId, { only: sessionId })) === 0) {
            throw new DomainError('session-not-found', 'You have no such session.')
          }
          await announce(tx, {
            eventName: 'SessionsEnded',
            subject: userId,
            actor: request.actor,
            payload: { sessionId },
          })
        })
        return { done: true as const }
      },
    )

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
      '/api/session/confirm',
      {
        config: { access: 'session' },
        schema: {
          summary: 'Give password and code once more; what could let somebody else in asks for it',
          tags,
          body: confirmationSchema,
          response: { 200: done },
        },
      },
      async (request, reply) => {
        const { sessionId } = requireSession(request).session
        const { password, code } = request.body
        const { cookies } = await confirm(deps, visitOf(request), {
          sessionId,
          password,
          code,
          actor: request.actor,
        })
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

function sessionView({ session, key, ...user }: Principal): z.infer<typeof sessionSchema> {
  const granted = permissions.flatMap((permission) => {
    const grant = key && !key.permissions.includes(permission) ? undefined : grantOf(user.role, permission)
    return grant ? [[permission, grant] as const] : []
  })
  return {
    ...user,
    secondFactor: session?.secondFactor ?? false,
    secondFactorNeeded: session !== null && !session.secondFactor && needsSecondFactor(user.role),
    permissions: Object.fromEntries(granted),
    csrfToken: session && csrfToken(session.token),
  }
}
