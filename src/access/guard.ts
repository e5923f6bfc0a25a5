/** What stands before every route: who comes, whether they may, and what becomes of it when they may not. */

import csrf from '@fastify/csrf'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { AnnounceDeps } from '../events/announce.ts'
import type { Db } from '../platform/database/connect.ts'
import { answerError, refusalOf } from '../platform/http/answer-error.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError, type RefusalCode } from '../platform/values/errors.ts'
import { networkOf } from '../platform/values/network.ts'
import { keyPattern, withoutKeys } from '../platform/values/secrets.ts'
import { findUser, mayStill } from './access-sql.ts'
import { requireKey } from './api-keys.ts'
import { limitRequests } from './attempts.ts'
import type { Identity, Visit } from './identity.ts'
import type { Role } from './permission-rules.ts'
import { type Access, type Grant, grantOf, needsSecondFactor, type Permission } from './permission-rules.ts'
import { costOf } from './request-cost.ts'
import type { StrangersEvents } from './strangers-events.ts'

/** Somebody who is signed in, or whose key was given. */
export interface Principal {
  readonly userId: string
  readonly email: string
  readonly name: string
  readonly role: Role
  /** Whose members an agent sees. */
  readonly agentId: string | null
  /** Null when a key was given. */
  readonly session: {
    readonly sessionId: string
    readonly token: string
    /** Whether a code of the second factor opened it: a fact of the session, not of the user. */
    readonly secondFactor: boolean
    /** When password and code were last given in it. */
    readonly confirmedAt: Date | null
  } | null
  /** Null when a session was. */
  readonly key: {
    readonly keyId: string
    readonly keyName: string
    readonly permissions: readonly Permission[]
  } | null
}

export interface GuardedRoute {
  readonly method: string
  readonly url: string
  readonly access: Access
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined while nobody is signed in. */
    principal: Principal | undefined
    grant: Grant
  }
  interface FastifyInstance {
    /** Every route with what it asks of whoever comes. */
    guardedRoutes(): GuardedRoute[]
  }
  interface FastifyContextConfig {
    /** What the route asks of whoever comes. There is no default: a route without it keeps the server from starting. */
    access?: Access
    /** Only a session in which password and code were given just now may use the route; no API key. */
    stepUp?: true
  }
}

const safeMethods = ['GET', 'HEAD', 'OPTIONS']

/** Refusals that say something of whoever asked, and not only of what was asked. */
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

/** How whoever asks says who they are. */
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

const tokens = csrf()

/** What a page sends as `x-csrf-token` with whatever changes something. It is good as long as its session. */
export function csrfToken(sessionToken: string): string {
  return tokens.create(sessionToken)
}

/** Puts the guard before every route of the server, those of plugins too. */
export function guard(
  app: FastifyInstance,
  deps: RecordDeps & { readonly identity: Identity; readonly requestsPerMinute: number },
): void {
  const { db, identity } = deps
  const limit = limitRequests(deps.requestsPerMinute)
  const routes: RouteOptions[] = []
  app.addHook('onRoute', (route) => void routes.push(route))
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
      // Whoever comes with a session that has ended may sign in.
      if (access === 'anyone' && error instanceof DomainError) return undefined
      throw error
    })
    request.principal = principal
    request.actor = actorOf(request)
    await limit(principal?.key?.keyId ?? principal?.userId ?? networkOf(request.ip), costOf(request))
    if (access === 'anyone') return
    // Whoever sits at this computer next does not find it in the browser.
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
      // Not thrown: a plugin's own pages may have their own way with errors.
      return answerError(error, request, reply)
    }
  })
  app.addHook('onError', async (request, _reply, error) => record(request, error))
}

/** The agent whose members, and what they owe, are all that may be seen; undefined: everybody's. */
export function ownAgentId(request: FastifyRequest): string | undefined {
  if (request.grant === 'all') return undefined
  const agentId = request.principal?.agentId
  if (!agentId) throw new Error('A grant of what is their own was given to somebody who is no agent.')
  return agentId
}

/** @throws DomainError `session-needed` when a key was given */
export function requireSession(
  request: FastifyRequest,
): Principal & { session: NonNullable<Principal['session']> } {
  const { principal } = request
  if (!principal?.session) {
    throw new DomainError('session-needed', 'This is for people who have signed in, not for API keys.')
  }
  return { ...principal, session: principal.session }
}

/** For so long password and code count as given just now. */
const stepUpMs = 10 * 60_000

/**
 * For what could let somebody else in, or remove a safeguard: a session left open, or a stolen key, is not enough.
 *
 * @throws DomainError `session-needed` when a key was given, `step-up-required`
 */
export function requireStepUp(request: FastifyRequest): void {
  const { confirmedAt } = requireSession(request).session
  if (confirmedAt && Date.now() - confirmedAt.getTime() < stepUpMs) return
  throw new DomainError('step-up-required', 'Give your password and your code once more to do this.')
}

export function visitOf(request: FastifyRequest): Visit {
  return { headers: request.headers, address: request.ip }
}

function guardedRoutes({ method, url, config }: RouteOptions): GuardedRoute[] {
  return [method].flat().map((one) => ({ method: one, url, access: config?.access as Access }))
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

/** What is in a URL is in logs, histories and referrers: such a key is known to too many. */
function refuseKeyInUrl(request: FastifyRequest): void {
  if (request.url.search(keyPattern) === -1) return
  throw new DomainError(
    'key-in-url',
    'There is an API key in the address. Send it as "Authorization: Bearer …", and revoke this one: logs have it now.',
  )
}

/**
 * A browser says where a request comes from; another site's page changes nothing here. Programs say nothing and have no
 * cookies that a browser would add for them.
 */
function refuseCrossSite(request: FastifyRequest): void {
  const site = request.headers['sec-fetch-site']
  const { origin } = request.headers
  const own = origin === undefined || origin === `${request.protocol}://${request.host}`
  if (own && (site === undefined || site === 'same-origin' || site === 'none')) return
  throw new DomainError('cross-site', 'This request comes from another site.')
}

async function findPrincipal(
  db: Db,
  identity: Identity,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Principal | undefined> {
  const { authorization, cookie } = request.headers
  if (authorization !== undefined) {
    const [, key] = /^Bearer (\S+)$/i.exec(authorization) ?? []
    if (key === undefined) throw new DomainError('key-invalid', 'Authorization is "Bearer" and an API key.')
    const { keyId, keyName, permissions, expired, revoked, disabled, ...user } = await requireKey(db, key)
    return { ...user, name: user.email, session: null, key: { keyId, keyName, permissions } }
  }
  if (cookie === undefined || !/(^|; )(__Secure-)?almoner\.session_token=/.test(cookie)) return undefined
  const { result: live, cookies } = await identity.readSession(visitOf(request))
  if (cookies.length > 0) reply.header('set-cookie', cookies)
  const user = live && (await findUser(db, { userId: live.userId }))
  if (!user)
    throw new DomainError('session-invalid', 'This session has ended, or never was one: sign in again.')
  if (user.disabledAt !== null) throw new DomainError('account-disabled', 'This account is disabled.')
  const { userId, email, name, role, agentId } = user
  const { sessionId, token, secondFactorAt, confirmedAt } = live
  const session = { sessionId, token, secondFactor: secondFactorAt !== null, confirmedAt }
  return { userId, email, name, role, agentId, session, key: null }
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

function requireCsrfToken(request: FastifyRequest, sessionToken: string): void {
  const { origin, 'sec-fetch-site': site, 'x-csrf-token': given } = request.headers
  // The queue's dashboard is another's page and knows no token: that it is ours which asks, the browser has to say.
  if (request.routeOptions.config.access === 'queue.steer' && (origin ?? site) !== undefined) return
  if (typeof given === 'string' && tokens.verify(sessionToken, given)) return
  throw new DomainError('csrf-token-invalid', 'x-csrf-token is missing, or not of this session.')
}

function isForTheRecord(refusal: DomainError, request: FastifyRequest): boolean {
  if (refusal.code === 'too-many-requests') return false
  if (alarming.includes(refusal.code)) return true
  // Routes for anyone write down themselves what was tried.
  if (!request.principal || request.routeOptions.config.access === 'anyone') return false
  // What an agent may not know of is not there for her.
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
