import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

export interface CollectedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: Readonly<Record<string, unknown>>
  /** `service.name` of the process. */
  readonly service: string
  readonly pid: number
}

interface Value {
  stringValue?: string
  intValue?: number | string
}
type Attributes = { key: string; value: Value }[]
interface Export {
  resourceSpans: {
    resource: { attributes: Attributes }
    scopeSpans: { spans: (Omit<CollectedSpan, 'attributes'> & { attributes: Attributes })[] }[]
  }[]
}

const plain = (attributes: Attributes): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]))

/** A collector that keeps every span it is sent by OTLP over HTTP. */
export async function openTraceCollector() {
  const spans: CollectedSpan[] = []
  const server = createServer(async (request, response) => {
    const sent = (await json(request)) as Export
    for (const { resource, scopeSpans } of sent.resourceSpans) {
      const of = plain(resource.attributes)
      const about = { service: String(of['service.name']), pid: Number(of['process.pid']) }
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
        spans.push({ ...span, attributes: plain(span.attributes), ...about })
      }
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: spans as readonly CollectedSpan[],
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
