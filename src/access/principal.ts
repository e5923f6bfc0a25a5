/** Who makes a request: found from an API key or a session, and asked for by routes. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Db } from '../platform/database/connect.ts'
import { DomainError } from '../platform/values/errors.ts'
import { findUser } from './access-sql.ts'
import { requireKey } from './api-keys.ts'
import type { Identity, Visit } from './identity.ts'
import type { Grant, Permission, Role } from './permission-rules.ts'

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

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined while nobody is signed in. */
    principal: Principal | undefined
    grant: Grant
  }
}

export async function findPrincipal(
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

/** For this long, password and code count as given recently. */
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
