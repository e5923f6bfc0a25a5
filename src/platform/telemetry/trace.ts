import {
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'

const tracer = trace.getTracer('almoner')

type Attributes = Readonly<Record<string, string | number>>

/** The trace of the current work, as W3C `traceparent`; null: it is not traced. */
export function traceParent(): string | null {
  const carrier: { traceparent?: string } = {}
  propagation.inject(context.active(), carrier)
  return carrier.traceparent ?? null
}

/**
 * Does the work as a span of the trace at hand, and ends it as the work ends. Without tracing it costs a call.
 *
 * @param parent the trace that it belongs to instead, as `traceParent` has given it, maybe in another process
 */
export async function inSpan<Result>(
  name: string,
  attributes: Attributes,
  work: (span: Span) => Promise<Result>,
  parent?: string | null,
): Promise<Result> {
  const within = parent ? propagation.extract(ROOT_CONTEXT, { traceparent: parent }) : context.active()
  return tracer.startActiveSpan(name, { attributes }, within, async (span) => {
    try {
      return await work(span)
    } catch (error) {
      span.recordException(error as Error)
      span.setStatus({ code: SpanStatusCode.ERROR })
      throw error
    } finally {
      span.end()
    }
  })
}

/**
 * Begins the span of a request, as part of the trace that its headers name, if any.
 *
 * @param handle goes on with the request, whose work is then of this span
 * @returns the span, to be ended with the answer
 */
export function inRequestSpan(
  name: string,
  headers: Readonly<Record<string, unknown>>,
  handle: () => void,
): Span {
  const caller = propagation.extract(ROOT_CONTEXT, headers)
  const span = tracer.startSpan(name, { kind: SpanKind.SERVER }, caller)
  context.with(trace.setSpan(caller, span), handle)
  return span
}

/** The trace's id for log lines, which connects them with the trace. */
export function traceFields(): { traceId?: string } {
  const traceId = trace.getActiveSpan()?.spanContext().traceId
  return traceId === undefined ? {} : { traceId }
}
