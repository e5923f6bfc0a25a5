/** The check before every route: who makes the request, whether they may, and what happens if they may not. */

import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { AnnounceDeps } from '../events/announce.ts'
import { answerError, refusalOf } from '../platform/http/answer-error.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError, type RefusalCode } from '../platform/values/errors.ts'
import { networkOf } from '../platform/values/network.ts'
import { withoutKeys } from '../platform/values/secrets.ts'
import { mayStill } from './access-sql.ts'
import { limitRequests } from './attempts.ts'
import type { Identity } from './identity.ts'
import { type Access, type Grant, grantOf, needsSecondFactor } from './permission-rules.ts'
import { findPrincipal, type Principal, requireStepUp } from './principal.ts'
import { refuseCrossSite, refuseKeyInUrl, requireCsrfToken, safeMethods } from './refuse-forgery.ts'
import { costOf, limitAtATime } from './request-cost.ts'
import type { StrangersEvents } from './strangers-events.ts'

export interface GuardedRoute {
  readonly method: string
  readonly url: string
  readonly access: Access
  /** Whether password and code must have been given recently. */
  readonly stepUp: boolean
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route with the permission that it needs. */
    guardedRoutes(): GuardedRoute[]
  }
  interface FastifyContextConfig {
    /** The permission that the route needs. There is no default: a route without it keeps the server from starting. */
    access?: Access
    /** Only a session in which password and code were given recently may use the route; no API key. */
    stepUp?: true
  }
}

/** Refusals that concern the user, and not only the request. */
const alarming: readonly RefusalCode[] = [
  'session-invalid',
  'key-invalid',
  'key-expired',
  'key-revoked',
  'key-in-url',
  'account-disabled',
  'csrf-token-invalid',
  'cross-site',
  'forbidden',
  'second-factor-required',
]

/** How a request shows who makes it. */
export const securitySchemes = {
  apiKey: { type: 'http', scheme: 'bearer', description: 'An API key.' },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: 'almoner.session_token',
    description:
      'A session. What changes something also needs the csrfToken of GET /api/session, as x-csrf-token.',
  },
} as const

/** Puts the guard before every route of the server, those of plugins too. */
export function guard(
  app: FastifyInstance,
  deps: RecordDeps & { readonly identity: Identity; readonly requestsPerMinute: number },
): void {
  const { db, identity } = deps
  const limit = limitRequests(deps.requestsPerMinute)
  const routes: RouteOptions[] = []
  app.addHook('onRoute', (route) => {
    limitAtATime(route, callerOf)
    routes.push(route)
  })
  app.addHook('onReady', async () => {
    const open = routes.filter((route) => route.config?.access === undefined)
    if (open.length > 0)
      throw new Error(`Nobody has said who may use ${open.map(({ url }) => url).join(', ')}.`)
  })
  app.decorate('guardedRoutes', () => routes.flatMap(guardedRoutes))
  app.decorateRequest('principal')
  app.decorateRequest('grant', 'all')

  const admit = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    request.actor = actorOf(request)
    refuseKeyInUrl(request)
    if (!safeMethods.includes(request.method)) refuseCrossSite(request)
    const { access } = request.is404 ? { access: 'anyone' as const } : request.routeOptions.config
    if (access === undefined) throw new Error(`Nobody has said who may use ${request.routeOptions.url}.`)
    const principal = await findPrincipal(db, identity, request, reply).catch(async (error: unknown) => {
      await limit(networkOf(request.ip), 1)
      // A request with an ended session may still sign in.
      if (access === 'anyone' && error instanceof DomainError) return undefined
      throw error
    })
    request.principal = principal
    request.actor = actorOf(request)
    await limit(callerOf(request), costOf(request))
    if (access === 'anyone') return
    // The next person at this computer must not find it in the browser.
    reply.header('cache-control', 'no-store')
    request.grant = requireAccess(principal, access)
    if (principal)
      request.caller = {
        id: principal.key?.keyId ?? principal.userId,
        mayStill: () => mayStill(db, principal),
      }
    if (principal?.session && !safeMethods.includes(request.method)) {
      requireCsrfToken(request, principal.session.token)
    }
    if (request.routeOptions.config.stepUp) requireStepUp(request)
  }
  const record = async (request: FastifyRequest, error: unknown): Promise<void> => {
    const refusal = refusalOf(error, request)
    if (!refusal || !isForTheRecord(refusal, request)) return
    await recordRefusal(deps, request, refusal).catch((failure: unknown) => {
      request.log.error({ err: failure }, 'a refusal could not be written into the audit trail')
    })
  }

  app.addHook('onRequest', async (request, reply) => {
    try {
      await admit(request, reply)
    } catch (error) {
      await record(request, error)
      // Not thrown: a plugin's own pages may handle errors in their own way.
      return answerError(error, request, reply)
    }
  })
  app.addHook('onError', async (request, _reply, error) => record(request, error))
}

/** Whose requests are counted together: those of a key, of a user, or of a network without a sign-in. */
function callerOf({ principal, ip }: FastifyRequest): string {
  return principal?.key?.keyId ?? principal?.userId ?? networkOf(ip)
}

function guardedRoutes({ method, url, config }: RouteOptions): GuardedRoute[] {
  const { access, stepUp = false } = config ?? {}
  return [method].flat().map((one) => ({ method: one, url, access: access as Access, stepUp }))
}

function actorOf(request: FastifyRequest): Actor {
  const { principal } = request
  return {
    name: principal?.email ?? 'anonymous',
    role: principal?.role ?? 'anonymous',
    via: principal?.key?.keyName ?? null,
    address: request.ip,
    requestId: request.id,
  }
}

function requireAccess(principal: Principal | undefined, access: Access): Grant {
  if (!principal) throw new DomainError('not-signed-in', 'Sign in, or give an API key.')
  if (access === 'session' || access === 'anyone') return 'all'
  const { role, key, session } = principal
  const grant = grantOf(role, access)
  if (grant === undefined || (key && !key.permissions.includes(access))) {
    throw new DomainError('forbidden', `This needs the permission ${access}, which you do not have.`)
  }
  if (session && !session.secondFactor && needsSecondFactor(role)) {
    throw new DomainError('second-factor-required', `Enrol a second factor first: a ${role} needs one.`)
  }
  return grant
}

function isForTheRecord(refusal: DomainError, request: FastifyRequest): boolean {
  if (refusal.code === 'too-many-requests') return false
  if (alarming.includes(refusal.code)) return true
  // Routes for anyone write their own events for attempts.
  if (!request.principal || request.routeOptions.config.access === 'anyone') return false
  // For what an agent may not see, the answer is the same as for what does not exist.
  return (
    !safeMethods.includes(request.method) || (request.grant === 'own' && refusal.code.endsWith('-not-found'))
  )
}

interface RecordDeps extends AnnounceDeps {
  readonly strangers: StrangersEvents
}

async function recordRefusal(
  { db, announce, strangers }: RecordDeps,
  request: FastifyRequest,
  refusal: DomainError,
): Promise<void> {
  const { method, routeOptions, params } = request
  const { code, message } = refusal
  const payload = { method, route: routeOptions.url ?? null, params, refusal: code, detail: message }
  const event = {
    eventName: 'RequestRefused',
    subject: null,
    actor: request.actor,
    payload: JSON.parse(withoutKeys(JSON.stringify(payload))),
  } as const
  if (!request.principal) return strangers.tell(event)
  await db.transaction().execute((tx) => announce(tx, event))
}
