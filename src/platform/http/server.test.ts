import { once } from 'node:events'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { FastifyInstance } from 'fastify'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { DomainError } from '../values/errors.ts'
import { problemResponses } from './problem.ts'
import { createHttpServer, type HttpRoutes } from './server.ts'
import { streamResponse } from './stream-response.ts'

const thing = z.object({ thingId: z.uuid(), name: z.string() })

let beginSlow: () => void
let endOfSlow: Promise<void>

/** Routes of a feature that only tests have. */
const thingRoutes: HttpRoutes = async (app) => {
  app.get(
    '/api/things/:thingId',
    {
      schema: {
        params: z.strictObject({ thingId: z.uuid() }),
        response: { 200: thing, ...problemResponses(404) },
      },
    },
    async (request) => {
      throw new DomainError('member-not-found', `There is no member ${request.params.thingId}.`)
    },
  )
  app.post(
    '/api/things',
    {
      schema: {
        body: z.strictObject({
          name: z.string(),
          amount: z.int('must be a whole number of minor units'),
          parts: z.array(z.strictObject({ size: z.number() })).optional(),
        }),
        response: { 201: thing, ...problemResponses(400) },
      },
    },
    async (request, reply) =>
      reply.code(201).send({ thingId: '0198c0de-0000-7000-8000-000000000000', name: request.body.name }),
  )
  app.get(
    '/api/things',
    {
      schema: {
        querystring: z.strictObject({
          limit: z.coerce.number().max(200).optional(),
          q: z.string().optional(),
        }),
      },
    },
    async () => [],
  )
  app.get(
    '/api/things.csv',
    { schema: { response: { 200: streamResponse('text/csv', 'All things.') } } },
    async (_request, reply) =>
      reply.type('text/csv; charset=utf-8').send(Readable.from(['name\n', 'rope\n'])),
  )
  app.post('/api/things/:thingId/use', { schema: { response: { 200: thing } } }, async () => ({
    thingId: '0198c0de-0000-7000-8000-000000000000',
    name: 'rope',
  }))
  app.get('/api/wrong-answer', { schema: { response: { 200: thing } } }, async () => ({
    thingId: 'secret-not-a-uuid',
    name: 'n',
  }))
  app.get('/api/slow', async () => {
    beginSlow()
    await endOfSlow
    return 'done'
  })
  app.get('/api/broken', async () => {
    throw new Error('relation "members" does not exist')
  })
}

let app: FastifyInstance
let logLines: { level: number; reqId?: string; req?: { url: string }; err?: { message: string } }[]
let ready: { ok: boolean; checks: Record<string, string> }

beforeEach(async () => {
  logLines = []
  ready = { ok: true, checks: { database: 'ok' } }
  app = await createHttpServer({
    log: pino({}, { write: (line: string) => logLines.push(JSON.parse(line)) }),
    version: '1.2.3',
    routes: [thingRoutes],
    readiness: async () => ready,
    bodyLimitBytes: 1000,
  })
})

afterEach(() => app.close())

async function post(payload: string | object, headers: Record<string, string> = {}) {
  return await app.inject({ method: 'POST', url: '/api/things', payload, headers })
}

describe('probes and reference', () => {
  test('the process lives as soon as it answers', async () => {
    const answer = await app.inject('/healthz')
    expect([answer.statusCode, answer.json()]).toEqual([200, { status: 'ok' }])
  })

  test('it is ready only while its checks are', async () => {
    expect((await app.inject('/readyz')).statusCode).toBe(200)
    ready = { ok: false, checks: { database: 'does not answer' } }
    const answer = await app.inject('/readyz')
    expect([answer.statusCode, answer.json()]).toEqual([503, ready])
  })

  test('the OpenAPI document shows routes, parameters and problems, and its page is served', async () => {
    const document = (await app.inject('/api/openapi.json')).json()
    expect([document.openapi, document.info.version]).toEqual(['3.1.0', '1.2.3'])
    expect(document.paths['/api/things/{thingId}'].get.responses['404'].content).toEqual({
      'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
    })
    expect(document.components.schemas.Problem.required).toEqual(['type', 'title', 'status', 'detail'])
    expect(document.paths['/api/things'].get.parameters.map((one: { name: string }) => one.name)).toEqual([
      'limit',
      'q',
    ])
    expect(document.paths['/api/wrong-answer'].get.parameters ?? []).toEqual([])
    expect(document.paths['/api/things.csv'].get.responses['200']).toEqual({
      description: 'All things.',
      content: { 'text/csv': { schema: { type: 'string' } } },
    })
    const { post, get } = document.paths['/api/things']
    expect(Object.keys(post.responses)).toEqual([
      '201',
      '400',
      '401',
      '403',
      '408',
      '413',
      '415',
      '429',
      '431',
      '503',
    ])
    expect(Object.keys(get.responses)).toContain('400')
    expect(post.requestBody.required).toBe(true)
    expect(document.paths['/api/things/{thingId}/use'].post.requestBody.required).toBe(false)
    expect((await app.inject('/api/docs')).headers['content-type']).toContain('text/html')
    expect((await app.inject('/api/docs/static/swagger-ui.css')).statusCode).toBe(200)
  })
})

test('a stream of text is sent as it is', async () => {
  const answer = await app.inject('/api/things.csv')
  expect([answer.headers['content-type'], answer.body]).toEqual(['text/csv; charset=utf-8', 'name\nrope\n'])
})

describe('a refusal is a problem', () => {
  test('a refusal of the domain keeps its code, title and sentence', async () => {
    const answer = await app.inject('/api/things/0198c0de-0000-7000-8000-000000000000')
    expect(answer.statusCode).toBe(404)
    expect(answer.headers['content-type']).toContain('application/problem+json')
    expect(answer.json()).toEqual({
      type: 'urn:almoner:problem:member-not-found',
      title: 'Member not found',
      status: 404,
      detail: 'There is no member 0198c0de-0000-7000-8000-000000000000.',
      instance: '/api/things/0198c0de-0000-7000-8000-000000000000',
    })
  })

  test.each([
    '/api/things/not-a-uuid',
    '/api/things/%E0%A4%A',
    `/api/things/${'x'.repeat(300)}`,
    '/nowhere',
    '/api/docs/static/nothing.js',
  ])('nothing is at %s', async (url) => {
    const answer = await app.inject(url)
    expect([answer.statusCode, answer.json().type]).toEqual([404, 'urn:almoner:problem:not-found'])
    expect(answer.headers['content-type']).toContain('application/problem+json')
  })

  test('every faulty field is named, with a sentence, and unknown ones too', async () => {
    const answer = await post({ amount: 1.5, parts: [{ size: 'big', 'a/b': 1 }], colour: 'red' })
    expect(answer.statusCode).toBe(400)
    expect(answer.json()).toMatchObject({
      type: 'urn:almoner:problem:invalid-input',
      detail: 'name: is required (and 4 more).',
      errors: [
        { pointer: '/name', detail: 'is required' },
        { pointer: '/amount', detail: 'must be a whole number of minor units' },
        { pointer: '/parts/0/size', detail: 'must be a number' },
        { pointer: '/parts/0/a~1b', detail: 'there is no field "a/b" here' },
        { pointer: '/colour', detail: 'there is no field "colour" here' },
      ],
    })
  })

  test.each([
    ['/api/things?limit=many', '?limit', 'must be a number'],
    ['/api/things?limt=5', '?limt', 'there is no query parameter "limt" here'],
    ['/api/broken?x=1', '?x', 'there is no query parameter "x" here'],
  ])('%s is refused by the name of its parameter', async (url, pointer, detail) => {
    const answer = await app.inject(url)
    expect([answer.statusCode, answer.json().errors]).toEqual([400, [{ pointer, detail }]])
    expect(answer.json().instance).toBe(url.split('?')[0])
  })

  test.each([
    ['malformed JSON', '{"name":', 400, 'invalid-input', 'The body is not valid JSON.'],
    ['an empty body', '', 400, 'invalid-input', 'The content type is JSON, but the body is empty.'],
    ['a list', '[]', 400, 'invalid-input', 'body: the request needs a JSON body that is an object.'],
    ['a NUL', '{"name":"\\u0000","amount":1}', 400, 'invalid-input', 'A text contains the NUL character'],
    ['1001 bytes', ' '.repeat(1001), 413, 'body-too-large', 'larger than this server accepts'],
  ])('%s is refused with %s', async (_what, payload, status, code, sentence) => {
    const answer = await post(payload, { 'content-type': 'application/json' })
    expect([answer.statusCode, answer.json().type]).toEqual([status, `urn:almoner:problem:${code}`])
    expect(answer.json().detail).toContain(sentence)
  })

  test('a NUL in a query parameter is refused before a route sees it', async () => {
    expect((await app.inject('/api/things?q=%00')).statusCode).toBe(400)
  })

  test('a body of another content type is refused with 415', async () => {
    const answer = await post('hello', { 'content-type': 'text/plain' })
    expect([answer.statusCode, answer.json().type]).toEqual([
      415,
      'urn:almoner:problem:unsupported-media-type',
    ])
  })

  test('a request without a body is told that it needs one', async () => {
    const answer = await app.inject({ method: 'POST', url: '/api/things' })
    expect([answer.statusCode, answer.json().errors]).toEqual([
      400,
      [{ pointer: '', detail: 'the request needs a JSON body that is an object' }],
    ])
  })
})

describe('what cannot be read as a request', () => {
  /** All that the server says to these bytes before it ends the connection. */
  async function say(bytes: string): Promise<{ head: string; problem: unknown }> {
    const { port } = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(bytes)
    const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n')
    expect(head).toContain('content-type: application/problem+json')
    expect(head).toContain(`content-length: ${Buffer.byteLength(body)}`)
    return { head: head.split('\r\n')[0] ?? '', problem: JSON.parse(body) }
  }

  test.each([
    ['a line that is no request', 'hello\r\n\r\n', '400 Bad Request', 'invalid-input'],
    ['a header without a colon', 'GET / HTTP/1.1\r\nhost\r\n\r\n', '400 Bad Request', 'invalid-input'],
    [
      'headers without end',
      `GET / HTTP/1.1\r\nhost: h\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`,
      '431 Request Header Fields Too Large',
      'headers-too-large',
    ],
  ])('%s is answered by a problem', async (_what, bytes, status, code) => {
    const { head, problem } = await say(bytes)
    expect(head).toBe(`HTTP/1.1 ${status}`)
    expect(problem).toEqual({
      type: `urn:almoner:problem:${code}`,
      title: expect.any(String),
      status: Number.parseInt(status, 10),
      detail: expect.stringMatching(/^[A-Z].*\.$/),
    })
    expect(logLines.some(({ level }) => level >= 40)).toBe(false)
  })

  test('a request that does not come in time is answered by a problem', async () => {
    // Node itself looks every thirty seconds only.
    app.server.once('connection', (socket) => {
      app.server.emit('clientError', Object.assign(new Error(), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket)
    })
    const { head, problem } = await say('GET / HTTP/1.1\r\nhost: h\r\n')
    expect(head).toBe('HTTP/1.1 408 Request Timeout')
    expect(problem).toMatchObject({ type: 'urn:almoner:problem:request-timeout', status: 408 })
  })
})

describe('an error of the server', () => {
  test.each([
    ['/api/broken', 'relation'],
    ['/api/wrong-answer', 'secret-not-a-uuid'],
  ])('%s answers 500 with the id under which the log has the error, and no more', async (url, secret) => {
    const answer = await app.inject(url)
    expect(answer.statusCode).toBe(500)
    expect(answer.json().type).toBe('urn:almoner:problem:internal-error')
    expect(answer.body).not.toContain(secret)
    const line = logLines.find(({ level }) => level === 50)
    expect(line?.err?.message).toBeTruthy()
    expect(line?.reqId).toBe(answer.json().id)
    expect((await app.inject(url)).json().id).not.toBe(line?.reqId)
  })
})

test('the log has the path of a request, without its query', async () => {
  await app.inject('/api/broken?q=Asha%20Rao')
  await app.inject('/nowhere?email=asha%40example.org')
  const urls = logLines.flatMap(({ req }) => (req ? [req.url] : []))
  expect(urls).toEqual(['/api/broken', '/nowhere'])
  expect(JSON.stringify(logLines)).not.toMatch(/Asha|asha/)
})

test('a connection on which nothing was asked yet does not keep the server from closing', async () => {
  const { port } = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
  const accepted = once(app.server, 'connection')
  const early = connect(Number(port), '127.0.0.1')
  await accepted
  const ended = once(early, 'close')
  await app.close()
  await ended
})

test('a request that is being answered when the server closes is answered to its end', async () => {
  const begun = new Promise<void>((resolve) => {
    beginSlow = resolve
  })
  let endSlow = (): void => {}
  endOfSlow = new Promise((resolve) => {
    endSlow = resolve
  })
  const answering = fetch(`${await app.listen({ port: 0, host: '127.0.0.1' })}/api/slow`)
  await begun
  const closing = app.close()
  await vi.waitFor(() => expect(app.server.listening).toBe(false))
  endSlow()
  expect(await (await answering).text()).toBe('done')
  await closing
})
