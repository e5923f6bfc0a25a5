/**
 * Sends what `trace.ts` records to a collector by OTLP over HTTP. Where to, and all else, is said by OpenTelemetry's own
 * variables: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER.
 */
import type { Logger } from 'pino'

/** @returns sends what is left, and ends */
export async function exportTraces(
  service: string,
  version: string,
  log: Logger,
): Promise<() => Promise<void>> {
  // Loaded only when it is used, because every command would wait for it.
  const [{ BatchSpanProcessor, NodeTracerProvider }, { OTLPTraceExporter }, { resourceFromAttributes }] =
    await Promise.all([
      import('@opentelemetry/sdk-trace-node'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ])
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({
      'service.name': process.env.OTEL_SERVICE_NAME ?? service.replaceAll(' ', '-'),
      'service.version': version,
      'process.pid': process.pid,
    }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  })
  provider.register()
  return () =>
    // An unreachable collector must not keep the process from stopping.
    provider
      .shutdown()
      .catch((error: unknown) => log.warn({ err: error }, 'the last spans could not be sent'))
}
