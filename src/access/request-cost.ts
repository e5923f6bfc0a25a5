import type { FastifyRequest, RouteOptions } from 'fastify'
import { DomainError } from '../platform/values/errors.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How many requests of the limit of a minute it counts as; 1 if absent. */
    cost?: number
    /** How many of these a user, key or address may have at a time; any number if absent. */
    atATime?: number
  }
}

/** A body counts as one more request for each piece of this size. */
const bytesAtOne = 16 * 1024

/** How many requests it counts as: by its route, and by the size of its body. */
export function costOf({ headers, routeOptions }: FastifyRequest): number {
  const { config, bodyLimit } = routeOptions
  // A route that reads a file sets its own cost.
  if (config.cost !== undefined) return config.cost
  if (headers['transfer-encoding'] !== undefined) return 1 + bodyBlocks(bodyLimit)
  return 1 + bodyBlocks(Math.min(Number(headers['content-length'] ?? 0) || 0, bodyLimit))
}

function bodyBlocks(bytes: number): number {
  return Math.floor(bytes / bytesAtOne)
}

/**
 * Has the handler of a route refuse what comes on top of its `atATime`. A request is in hand until its handler has ended and the
 * answer is sent. That the client has gone is not enough: what it asked for goes on in the database for a while.
 */
export function limitAtATime(route: RouteOptions, callerOf: (request: FastifyRequest) => string): void {
  const most = route.config?.atATime
  if (most === undefined) return
  const { handler } = route
  const inHand = new Map<string, number>()
  route.handler = async function limited(request, reply) {
    const caller = callerOf(request)
    const count = inHand.get(caller) ?? 0
    if (count >= most) {
      const detail = `At most ${most} of these are answered at a time: wait for an answer before asking again.`
      throw new DomainError('too-many-requests', detail, [], { retryAfterSeconds: 2 })
    }
    inHand.set(caller, count + 1)
    const release = () => {
      const left = (inHand.get(caller) ?? 1) - 1
      if (left > 0) inHand.set(caller, left)
      else inHand.delete(caller)
    }
    try {
      return await handler.call(this, request, reply)
    } finally {
      if (reply.raw.closed) release()
      else reply.raw.once('close', release)
    }
  }
}
