import type { FastifyInstance } from 'fastify'
import { Gauge, Histogram } from 'prom-client'

const requestSeconds = new Histogram({
  name: 'almoner_http_request_seconds',
  help: 'Seconds from a request to the end of its answer, by method, route and status; event streams are not among them.',
  labelNames: ['method', 'route', 'status'] as const,
  buckets: [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
})

export const streamClients = new Gauge({
  name: 'almoner_event_stream_clients',
  help: 'Event streams that are open.',
})

/** Measures every request. A route is as it was declared, so that ids do not make a series each. */
export function measureRequests(app: FastifyInstance): void {
  app.addHook('onResponse', async (request, reply) => {
    if (reply.raw.getHeader('content-type') === 'text/event-stream') return
    const route = request.routeOptions.url ?? 'none'
    requestSeconds.observe(
      { method: request.method, route, status: String(reply.statusCode) },
      reply.elapsedTime / 1000,
    )
  })
}
