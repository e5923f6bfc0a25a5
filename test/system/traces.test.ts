import { beforeAll, expect, test } from 'vitest'
import type { CollectedSpan } from '../support/trace-collector.ts'
import { traceACycle } from '../support/traced-cycle.ts'

const caller = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }
let spans: readonly CollectedSpan[]
beforeAll(async () => {
  spans = await traceACycle(caller)
}, 120_000)

const named = (name: string) => spans.filter((span) => span.name === name)

test('one trace leads from the request to the last chunk and the last letter, over three processes', () => {
  expect(named('POST /api/contribution-cycles')).toEqual([
    expect.objectContaining({ parentSpanId: caller.spanId, service: 'almoner-api' }),
  ])
  const chunks = named('chunk').map(({ attributes }) => attributes.rows)
  expect(chunks.reduce((sum: number, rows) => sum + Number(rows), 0)).toBe(6_000 + 20)
  expect(named('send letter')).toHaveLength(21)
  expect(new Set(spans.map(({ pid }) => pid)).size).toBe(3)
  expect(new Set(named('chunk').map(({ pid }) => pid)).size).toBe(2)
})

/** A span begins at a whole millisecond of the clock, so its end is up to one too early; nanoseconds. */
const inexactness = 1_000_000n

test('every span has a parent in the trace, and does not end after the span that waits for it', () => {
  const byId = new Map(spans.map((span) => [span.spanId, span]))
  for (const { name, parentSpanId } of spans) {
    if (parentSpanId !== caller.spanId) expect(byId.has(parentSpanId ?? ''), name).toBe(true)
  }
  for (const { parentSpanId, endTimeUnixNano } of [...named('chunk'), ...named('plan'), ...named('finish')]) {
    const parent = byId.get(parentSpanId ?? '')
    expect(parent?.name).toBe('advance job')
    expect(BigInt(endTimeUnixNano)).toBeLessThanOrEqual(BigInt(parent?.endTimeUnixNano ?? 0) + inexactness)
  }
})

test('a span says of which cycle and job it is', () => {
  for (const { attributes } of named('advance job')) {
    expect(attributes.cycleCode).toMatch(/^CC-\d{4}-00001$/)
    expect(attributes.jobId).toMatch(/^[0-9a-f-]{36}$/)
  }
})
