import type { FastifyRequest } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a request costs of what a user, key or address may ask a minute; 1 if absent. */
    cost?: number
  }
}

/** A body of this size costs as much again as a request without one. */
const bytesAtOne = 16 * 1024

/** What a request costs of what a minute grants: by its route, and by the size of its body. */
export function costOf({ headers, routeOptions }: FastifyRequest): number {
  const { config, bodyLimit } = routeOptions
  // A route that reads a file says itself what that costs.
  if (config.cost !== undefined) return config.cost
  if (headers['transfer-encoding'] !== undefined) return 1 + bodyBlocks(bodyLimit)
  return 1 + bodyBlocks(Math.min(Number(headers['content-length'] ?? 0) || 0, bodyLimit))
}

function bodyBlocks(bytes: number): number {
  return Math.floor(bytes / bytesAtOne)
}
