import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readiness } from './server.ts'

/** Of Prometheus’ text format. */
export const metricsType = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * Answers Prometheus and the probes of a supervisor, and nobody else: it asks for no key and knows no person, and is to
 * be reached from inside one's own network only.
 */
export async function serveMetrics(
  at: { readonly host: string; readonly port: number },
  { metrics, readiness }: { metrics(): Promise<string>; readiness(): Promise<Readiness> },
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const answers: Readonly<Record<string, () => Promise<{ status: number; type: string; body: string }>>> = {
    '/healthz': async () => ({ status: 200, type: 'application/json', body: '{"status":"ok"}' }),
    '/readyz': async () => {
      const found = await readiness()
      return { status: found.ok ? 200 : 503, type: 'application/json', body: JSON.stringify(found) }
    },
    '/metrics': async () => ({ status: 200, type: metricsType, body: await metrics() }),
  }
  const server = createServer((request, response) => {
    const nothing = async () => ({
      status: 404,
      type: 'text/plain',
      body: 'There is /metrics, /healthz, /readyz.\n',
    })
    const answer = (request.method === 'GET' && answers[request.url ?? '']) || nothing
    answer().then(
      ({ status, type, body }) => response.writeHead(status, { 'content-type': type }).end(body),
      () => response.writeHead(500).end(),
    )
  })
  server.listen(at.port, at.host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${at.host.includes(':') ? `[${at.host}]` : at.host}:${port}`,
    async stop() {
      server.close()
      server.closeAllConnections()
      if (server.listening) await once(server, 'close')
    },
  }
}
