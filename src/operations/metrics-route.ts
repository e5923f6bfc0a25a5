import { Readable } from 'node:stream'
import { metricsType } from '../platform/http/metrics-server.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import { streamResponse } from '../platform/http/stream-response.ts'

export function metricsRoute(deps: { metrics(): Promise<string> }): HttpRoutes {
  return async (app) => {
    app.get(
      '/metrics',
      {
        logLevel: 'warn',
        config: { access: 'metrics.read' },
        schema: {
          summary: 'What is counted, as Prometheus reads it',
          tags: ['jobs'],
          response: { 200: streamResponse('text/plain', 'Of this process, and of the fund as a whole.') },
        },
      },
      async (_request, reply) => reply.type(metricsType).send(Readable.from([await deps.metrics()])),
    )
  }
}
