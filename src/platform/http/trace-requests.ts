import type { FastifyInstance } from 'fastify'
import { inRequestSpan } from '../telemetry/trace.ts'

/** A span for each request, from its arrival to the end of its answer; the work that it causes belongs to it. */
export function traceRequests(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, next) => {
    const route = `${request.method} ${request.routeOptions.url ?? 'none'}`
    const span = inRequestSpan(route, request.headers, next)
    span.setAttributes({ 'http.request.method': request.method, 'almoner.request_id': request.id })
    reply.raw.once('close', () => {
      span.setAttribute('http.response.status_code', reply.raw.statusCode)
      span.end()
    })
  })
}
