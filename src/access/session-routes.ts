import { z } from 'zod'
import { problemResponses } from '../platform/http/problem.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import { DomainError } from '../platform/values/errors.ts'
import {
  confirmationSchema,
  liveSessionSchema,
  oneTimeCodeSchema,
  sessionSchema,
  signedInSchema,
  signInSchema,
} from './access-api.ts'
import { deleteSessions, findSessions } from './access-sql.ts'
import { grantOf, needsSecondFactor, permissions } from './permission-rules.ts'
import { type Principal, requireSession, visitOf } from './principal.ts'
import { csrfToken } from './refuse-forgery.ts'
import { confirm, giveSecondFactor, type SignInDeps, signIn } from './sign-in.ts'

const tags = ['access']
const done = z.object({ done: z.literal(true) })

/** Sign in and out, one's own sessions, and the confirmation before a dangerous step. */
export function sessionRoutes(deps: SignInDeps): HttpRoutes {
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
