/** Refuses requests that another site's page or link makes a browser send, and keys that others may have seen. */
import csrf from '@fastify/csrf'
import type { FastifyRequest } from 'fastify'
import { DomainError } from '../platform/values/errors.ts'
import { keyPattern } from '../platform/values/secrets.ts'

/** Methods that change nothing. */
export const safeMethods = ['GET', 'HEAD', 'OPTIONS']

const tokens = csrf()

/** What a page sends as `x-csrf-token` with every change. It is valid as long as its session. */
export function csrfToken(sessionToken: string): string {
  return tokens.create(sessionToken)
}

export function requireCsrfToken(request: FastifyRequest, sessionToken: string): void {
  const { origin, 'sec-fetch-site': site, 'x-csrf-token': given } = request.headers
  // The queue's dashboard is a page of a library and has no token: the browser's headers must show that the request is from our page.
  if (request.routeOptions.config.access === 'queue.steer' && (origin ?? site) !== undefined) return
  if (typeof given === 'string' && tokens.verify(sessionToken, given)) return
  throw new DomainError('csrf-token-invalid', 'x-csrf-token is missing, or not of this session.')
}

/**
 * A browser says where a request comes from; another site's page changes nothing here. Programs say nothing and have no
 * cookies that a browser would add for them.
 */
export function refuseCrossSite(request: FastifyRequest): void {
  const site = request.headers['sec-fetch-site']
  const { origin } = request.headers
  const own = origin === undefined || origin === `${request.protocol}://${request.host}`
  if (own && (site === undefined || site === 'same-origin' || site === 'none')) return
  throw new DomainError('cross-site', 'This request comes from another site.')
}

/** A URL is in logs, histories and referrers, so a key in it is no longer secret. */
export function refuseKeyInUrl(request: FastifyRequest): void {
  if (request.url.search(keyPattern) === -1) return
  throw new DomainError(
    'key-in-url',
    'There is an API key in the address. Send it as "Authorization: Bearer …", and revoke this one: logs have it now.',
  )
}
