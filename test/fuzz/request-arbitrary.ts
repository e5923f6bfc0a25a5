import type { AnySchemaObject } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import type { Operation } from './api-document.ts'
import { memberFile } from './member-file-arbitrary.ts'
import { oddNumber, oddText, oddValue } from './odd-values.ts'

export interface FuzzedRequest {
  readonly operation: Operation
  /** With the query; a lone surrogate cannot be written in one. */
  readonly url: string
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly body: Buffer | undefined
  /** The body as the server is meant to see it; undefined when it is no JSON. */
  readonly json: unknown
}

/** Values that exist, or that are good where a schema allows any text, by the name of the field. */
export type Known = Readonly<Record<string, readonly string[]>>

/** Requests of the operation: most of them as documented, or nearly so. */
export function requestOf(operation: Operation, known: Known): fc.Arbitrary<FuzzedRequest> {
  const parameters = operation.parameters ?? []
  return fc
    .record({
      path: pathOf(operation, known),
      query: queryOf(
        parameters.filter((parameter) => parameter.in === 'query'),
        known,
      ),
      headers: headersOf(operation),
      body: bodyOf(operation, known),
    })
    .map(({ path, query, headers, body }) => ({
      operation,
      url: `${path}${query}`,
      headers: { ...(body.type !== undefined && { 'content-type': body.type }), ...headers },
      body: body.bytes,
      json: body.json,
    }))
}

function escaped(text: string): string {
  return encodeURIComponent(text.replace(/\p{Cs}/gu, '\ufffd'))
}

function pathOf({ path, parameters = [] }: Operation, known: Known): fc.Arbitrary<string> {
  const values = parameters
    .filter((parameter) => parameter.in === 'path')
    .map(({ name, schema }) =>
      fc
        .oneof(
          { weight: 12, arbitrary: allowedBy(schema, name, known).map((value) => escaped(String(value))) },
          { weight: 1, arbitrary: oddText.map((text) => escaped(text.slice(0, 2_000))) },
          { weight: 1, arbitrary: fc.constantFrom('%', '%E0%A4%A', '..', '%2e%2e%2f', 'a/b', '') },
        )
        .map((value): [string, string] => [`{${name}}`, value]),
    )
  return fc
    .tuple(...values)
    .map((replaced) => replaced.reduce((url, [name, value]) => url.replace(name, () => value), path))
}

function queryOf(parameters: NonNullable<Operation['parameters']>, known: Known): fc.Arbitrary<string> {
  const pair = (name: string, value: unknown) => `${escaped(name)}=${escaped(String(value))}`
  const documented = parameters.map(({ name, schema }) =>
    fc.oneof(
      { weight: 6, arbitrary: fc.constant<string[]>([]) },
      { weight: 5, arbitrary: allowedBy(schema, name, known).map((value) => [pair(name, value)]) },
      {
        weight: 1,
        arbitrary: fc.oneof(oddText, oddNumber).map((value) => [pair(name, value).slice(0, 9_000)]),
      },
      {
        weight: 1,
        arbitrary: fc
          .tuple(oddText, oddText)
          .map((two) => two.map((value) => pair(name, value.slice(0, 99)))),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom([name], [`${name}=`], [`${name}[]=1`], [`${name}[a]=1`], [`${name}=%`]),
      },
    ),
  )
  const unknown = fc.oneof(
    { weight: 12, arbitrary: fc.constant<string[]>([]) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(oddText, oddText)
        .map(([name, value]) => [pair(name.slice(0, 99), value.slice(0, 99))]),
    },
    { weight: 1, arbitrary: fc.constantFrom(['&&'], ['='], ['__proto__=1'], ['%00=1'], ['%ff'], ['a=1#b']) },
  )
  return fc.tuple(...documented, unknown).map((groups) => {
    const pairs = groups.flat()
    return pairs.length === 0 ? '' : `?${pairs.join('&')}`
  })
}

/** What a client can send in a header without being cut off before any program sees it. */
const headerText = fc.oneof(
  fc.constantFrom(
    '',
    'k',
    'k1',
    'a b',
    'é',
    '\t',
    '"x"',
    'x'.repeat(255),
    'x'.repeat(256),
    'x'.repeat(9_000),
  ),
  fc.stringMatching(/^[\x21-\x7e]{1,40}$/),
  fc.stringMatching(/^[\x20-\x7e\x80-\xff]{0,40}$/),
)

function headersOf({ parameters = [] }: Operation): fc.Arbitrary<Record<string, string | string[]>> {
  const odd = fc.oneof(
    fc.record({ accept: fc.constantFrom('text/html', 'application/xml', '*/*;q=0', '', 'x') }),
    fc.record({ 'idempotency-key': headerText }),
    fc.record({ 'x-forwarded-for': headerText, 'x-request-id': headerText }),
    fc.record({ 'accept-encoding': fc.constantFrom('gzip', 'br;q=1', 'x') }),
    fc.record({ 'content-type': headerText }),
    fc.record({ expect: fc.constantFrom('100-continue', 'x') }),
    fc.record({ 'if-none-match': headerText, range: fc.constantFrom('bytes=0-1', 'x') }),
    // More than Node takes.
    fc.constant({ 'x-long': 'x'.repeat(20_000) }),
  )
  const keyed = parameters.some(({ name }) => name === 'idempotency-key')
    ? fc.oneof(
        fc.record({ 'idempotency-key': headerText }),
        fc.record({ 'idempotency-key': fc.array(headerText, { minLength: 2, maxLength: 2 }) }),
      )
    : odd
  return fc.oneof(
    { weight: 8, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: odd },
    { weight: 2, arbitrary: keyed },
  )
}

interface FuzzedBody {
  readonly type: string | undefined
  readonly bytes: Buffer | undefined
  readonly json: unknown
}

function bodyOf({ requestBody, method }: Operation, known: Known): fc.Arbitrary<FuzzedBody> {
  const none = { type: undefined, bytes: undefined, json: undefined }
  const [type = ''] = Object.keys(requestBody?.content ?? {})
  const schema = requestBody?.content[type]?.schema
  if (type === 'text/csv') {
    return fc.oneof(
      { weight: 15, arbitrary: memberFile(known).map((bytes) => ({ type, bytes, json: undefined })) },
      {
        weight: 1,
        arbitrary: memberFile(known).map((bytes) => ({ type: 'application/json', bytes, json: undefined })),
      },
      { weight: 1, arbitrary: fc.constant(none) },
    )
  }
  if (!schema) {
    // A body where none is expected.
    const stray = { type: 'application/json', bytes: Buffer.from('{"a":1}'), json: undefined }
    return method === 'GET' ? fc.constantFrom(none, none, none, none, none, stray) : fc.constant(none)
  }
  const json = (value: unknown): FuzzedBody => {
    const text = JSON.stringify(value)
    return { type, bytes: Buffer.from(text), json: JSON.parse(text) }
  }
  const raw = (text: string): FuzzedBody => ({ type, bytes: Buffer.from(text), json: undefined })
  const good = allowedBy(schema, '', known)
  return fc.oneof(
    { weight: 12, arbitrary: good.map(json) },
    {
      weight: 8,
      arbitrary: fc
        .tuple(good, fc.array(change, { minLength: 1, maxLength: 3 }))
        .map(([value, changes]) => json(changes.reduce((now, apply) => apply(now), value))),
    },
    { weight: 1, arbitrary: oddValue.map(json) },
    { weight: 1, arbitrary: fc.constant(none) },
    { weight: 2, arbitrary: fc.oneof(broken(good).map(raw), fc.constantFrom(...malformed).map(raw)) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(good, fc.constantFrom<BufferEncoding>('latin1', 'utf16le'))
        .map(([value, encoding]) => ({
          type,
          bytes: Buffer.from(`${JSON.stringify(value)}é`, encoding),
          json: undefined,
        })),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(
          good,
          fc.constantFrom(
            'text/plain',
            'application/xml',
            'multipart/form-data; boundary=x',
            'application/x-www-form-urlencoded',
            'text/json',
            'application/jsonx',
            'application/json; charset=latin1',
            ';',
            undefined,
          ),
        )
        .map(([value, other]) => ({ ...json(value), type: other, json: undefined })),
    },
  )
}

const malformed = [
  '',
  ' ',
  '{',
  '{"a":}',
  '{"a":1,}',
  "{'a':1}",
  '{"a":1e999}',
  '{"a":-}',
  'NaN',
  '\ufeff{}',
  '{"__proto__":{"a":1}}',
  '{"constructor":{"prototype":{"a":1}}}',
  '{"a":"\\ud800"}',
  '{"a":"\\u00"}',
  '{"a":"\u0001"}',
  '['.repeat(50_000),
  `${'['.repeat(50_000)}${']'.repeat(50_000)}`,
  `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
  `{"a":"${'x'.repeat(1_100_000)}"}`,
  `{"a":${'9'.repeat(500)}}`,
]

/** JSON that stops early, has a byte too many, or a key twice. */
function broken(good: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  return fc
    .tuple(
      good.map((value) => JSON.stringify(value)),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat(2),
    )
    .map(([text, where, how]) => {
      const at = Math.floor(where * text.length)
      if (how === 0) return text.slice(0, at)
      return how === 1
        ? `${text.slice(0, at)}\0${text.slice(at)}`
        : text.replace(/^\{("\w+":[^,}]+)/, '{$1,$1')
    })
}

/** A change to a body: a field less, a field more, a field that is something else. */
const change: fc.Arbitrary<(body: unknown) => unknown> = fc
  .record({
    how: fc.constantFrom('drop', 'add', 'replace', 'replace', 'replace'),
    which: fc.nat(),
    name: oddText,
    value: oddValue,
  })
  .map(({ how, which, name, value }) => (body) => {
    if (typeof body !== 'object' || body === null) return value
    const fields = Object.entries(body)
    const at = fields.length === 0 ? 0 : which % fields.length
    if (how === 'drop') fields.splice(at, 1)
    else if (how === 'add' || !fields[at]) fields.push([name.slice(0, 200), value])
    else fields[at] = [fields[at][0], value]
    return Object.fromEntries(fields)
  })

/** Values that the schema allows. */
function allowedBy(schema: AnySchemaObject, name: string, known: Known): fc.Arbitrary<unknown> {
  if (schema.anyOf)
    return fc.oneof(...schema.anyOf.map((one: AnySchemaObject) => allowedBy(one, name, known)))
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (Array.isArray(schema.type))
    return fc.oneof(...schema.type.map((type: string) => allowedBy({ ...schema, type }, name, known)))
  switch (schema.type) {
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    case 'array':
      return fc.array(allowedBy(schema.items, name, known), { minLength: schema.minItems ?? 0, maxLength: 5 })
    case 'integer': {
      const { minimum: min, maximum: max } = schema
      return fc.oneof(
        { weight: 3, arbitrary: fc.integer({ min, max: Math.min(max, min + 100_000) }) },
        { weight: 1, arbitrary: fc.constantFrom(min, max) },
        { weight: 1, arbitrary: fc.maxSafeInteger().filter((value) => value >= min && value <= max) },
      )
    }
    case 'object': {
      const fields = Object.entries(schema.properties as Record<string, AnySchemaObject>)
      return fc.record(
        Object.fromEntries(fields.map(([field, inner]) => [field, allowedBy(inner, field, known)])),
        { requiredKeys: schema.required ?? [], noNullPrototype: true },
      )
    }
    case 'string':
      return textOf(schema, name, known)
    default:
      throw new Error(`the document has a type that this does not know: ${JSON.stringify(schema)}`)
  }
}

function textOf(schema: AnySchemaObject, name: string, known: Known): fc.Arbitrary<string> {
  const exists = known[name]
  const fitting =
    schema.format === 'uuid'
      ? fc.uuid()
      : schema.format === 'date'
        ? date(1, 9999)
        : schema.format === 'date-time'
          ? fc
              .oneof(date(1, 9999), date(2025, 2026))
              .chain((day) =>
                fc
                  .constantFrom(
                    'T00:00:00Z',
                    'T23:59:59.999999Z',
                    'T12:00:00+14:00',
                    'T00:00:00.1234567890-12:00',
                    'T23:59:59-23:59',
                  )
                  .map((time) => `${day}${time}`),
              )
          : schema.pattern
            ? fc.stringMatching(new RegExp(schema.pattern))
            : fc.oneof(
                fc.string({
                  minLength: schema.minLength ?? 1,
                  maxLength: Math.min(schema.maxLength ?? 40, 40),
                }),
                fc.string({
                  unit: 'grapheme',
                  minLength: schema.minLength ?? 1,
                  maxLength: Math.max(schema.minLength ?? 1, 10),
                }),
              )
  return exists && exists.length > 0
    ? fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...exists) }, { weight: 1, arbitrary: fitting })
    : fitting
}

function date(fromYear: number, toYear: number): fc.Arbitrary<string> {
  const day = (year: number) => new Date(`${String(year).padStart(4, '0')}-01-01`)
  return fc
    .date({ min: day(fromYear), max: day(toYear), noInvalidDate: true })
    .map((instant) => instant.toISOString().slice(0, 10))
}
