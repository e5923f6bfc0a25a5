import { randomUUID } from 'node:crypto'
import helmet, { type FastifyHelmetOptions } from '@fastify/helmet'
import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyRequest,
} from 'fastify'
import {
  type FastifyPluginAsyncZod,
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
} from 'fastify-type-provider-zod'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { Actor } from '../values/actor.ts'
import { DomainError } from '../values/errors.ts'
import { answerClientError, answerError, answerNotFound, pathOf } from './answer-error.ts'
import { closePromptly } from './close-promptly.ts'
import { endStreamsAtClose } from './event-stream.ts'
import { measureRequests } from './http-metrics.ts'
import { problemResponses } from './problem.ts'
import { readBodies, reasonAgainstTexts } from './read-body.ts'
import { traceRequests } from './trace-requests.ts'

declare module 'fastify' {
  interface FastifyRequest {
    actor: Actor
  }
}

type SecuritySchemes = NonNullable<
  NonNullable<FastifyDynamicSwaggerOptions['openapi']>['components']
>['securitySchemes']

/** The routes of one feature: a Fastify plugin whose schemas are zod's. */
export type HttpRoutes = FastifyPluginAsyncZod

export interface Readiness {
  readonly ok: boolean
  /** The checks and their results, e.g. `{ database: 'ok' }`. */
  readonly checks: Readonly<Record<string, string>>
}

/** A server with the routes of the features; it does not listen yet. */
export async function createHttpServer(options: {
  readonly log: Logger
  readonly version: string
  readonly routes: readonly HttpRoutes[]
  /** Pages for people: they do not belong to the API and do not follow its rules. */
  readonly pages?: readonly FastifyPluginAsync[]
  readonly readiness: () => Promise<Readiness>
  readonly bodyLimitBytes?: number
  /** Adds the guard that decides who may use a route. */
  readonly guard?: (app: FastifyInstance) => void
  /** How requests authenticate, for the OpenAPI document. */
  readonly securitySchemes?: SecuritySchemes
  /** Key and certificate, if this server uses TLS itself. */
  readonly tls?: { readonly key: Buffer; readonly cert: Buffer }
  /** Addresses of proxies that are trusted to give the client's address. */
  readonly trustedProxies?: readonly string[]
}): Promise<FastifyInstance> {
  const log = options.log.child({}, { serializers: { req: requestInLog } }) as FastifyBaseLogger
  const app: FastifyInstance = Fastify({
    loggerInstance: log,
    bodyLimit: options.bodyLimitBytes ?? 1024 * 1024,
    genReqId: () => randomUUID(),
    // A client that sends slowly, or nothing, does not keep a connection for ever. A large import may take long.
    requestTimeout: requestTimeoutMs,
    connectionTimeout: connectionTimeoutMs,
    trustProxy: options.trustedProxies ? [...options.trustedProxies] : false,
    ...(options.tls && { https: { ...options.tls, minVersion: 'TLSv1.2' } }),
    // Paths that Fastify refuses before it looks for a route.
    frameworkErrors: (error, request, reply) => answerError(error, request, reply),
    clientErrorHandler: (error, socket) => answerClientError(error, socket, log),
  })
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler(answerError)
  app.setNotFoundHandler(answerNotFound)
  // Fastify accepts plain text bodies by default; here a route that accepts other than JSON must say so.
  app.removeContentTypeParser('text/plain')
  readBodies(app)
  app.addHook('preHandler', async (request) => {
    const reason = reasonAgainstTexts([request.params, request.query, request.body])
    if (reason !== undefined) throw new DomainError('invalid-input', reason)
  })
  app.decorateRequest('actor')
  traceRequests(app)
  measureRequests(app)
  await app.register(helmet, securityHeaders)
  options.guard?.(app)
  endStreamsAtClose(app)
  closePromptly(app)

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Almoner', version: options.version },
      ...(options.securitySchemes && {
        components: { securitySchemes: options.securitySchemes },
        security: Object.keys(options.securitySchemes).map((name) => ({ [name]: [] })),
      }),
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => withOptionalBodies(jsonSchemaTransformObject(document)),
  })
  // The software is public, and so is its API document.
  await app.register(async (docs) => {
    docs.addHook('onRoute', (route) => {
      route.config = { ...route.config, access: 'anyone' }
    })
    await docs.register(swaggerUi, { routePrefix: '/api/docs' })
    docs.get('/api/openapi.json', { schema: { hide: true } }, () => app.swagger())
  })
  await app.register(probeRoutes(options.readiness))
  await app.register(async (api) => {
    api.addHook('onRoute', (route) => {
      // A route without query parameters or without a body refuses them like misspelt ones, instead of ignoring them.
      const nothing = z.strictObject({})
      const body = route.method === 'POST' ? { body: nothing.nullish() } : {}
      const forAnyone = route.config?.access === 'anyone' ? { security: [] } : {}
      const schema = { querystring: nothing, ...body, ...forAnyone, ...route.schema }
      // What this server refuses before any route: a body, also one that a DELETE should not have. A body that
      // is read as a stream may be of any size.
      const refused =
        ('body' in schema || route.method === 'DELETE') && !schema.consumes
          ? problemResponses(...refusedAnywhere, 413, 415)
          : problemResponses(...refusedAnywhere)
      route.schema = { ...schema, response: { ...refused, ...(schema.response as object | undefined) } }
    })
    for (const routes of options.routes) await api.register(routes)
  })
  for (const page of options.pages ?? []) await app.register(page)
  return app
}

/** Neither headers nor bodies, which hold passwords and keys. */
function requestInLog(request: FastifyRequest): object {
  return { method: request.method, url: pathOf(request), remoteAddress: request.ip }
}

const requestTimeoutMs = 10 * 60_000
const connectionTimeoutMs = 60_000

/** Nothing is loaded from, sent to or framed by another server, and no inline script runs. */
const securityHeaders: FastifyHelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'self'"],
      imgSrc: ["'self'", 'data:'],
      objectSrc: ["'none'"],
      baseUri: ["'none'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
    },
  },
  frameguard: { action: 'deny' },
  // Browsers use it with https only; other services of the same name are not our decision.
  hsts: { maxAge: 31_536_000, includeSubDomains: false },
}

/**
 * What no route has to do with: a request that cannot be read, comes too slowly, has too large a head, or is of somebody
 * who may not or asks too often; or the server is busy.
 */
const refusedAnywhere = [400, 401, 403, 408, 429, 431, 503] as const

type OpenApi = ReturnType<typeof jsonSchemaTransformObject>

/** The library marks every body as required, also optional ones. */
function withOptionalBodies(document: OpenApi): OpenApi {
  for (const operations of Object.values(document.paths ?? {})) {
    const body = operations?.post?.requestBody
    if (!body || '$ref' in body) continue
    const schema = body.content['application/json']?.schema
    if (
      schema &&
      'anyOf' in schema &&
      schema.anyOf?.some((one: object) => 'type' in one && one.type === 'null')
    ) {
      body.required = false
    }
  }
  return document
}

function probeRoutes(readiness: () => Promise<Readiness>): HttpRoutes {
  const readinessSchema = z.object({ ok: z.boolean(), checks: z.record(z.string(), z.string()) })
  // The guard may have found the database busy, and answers with a problem.
  const busy = problemResponses(503)[503]
  const unready = {
    description: 'It cannot do its work now.',
    content: { 'application/json': { schema: readinessSchema }, ...busy.content },
  }
  return async (app) => {
    // Probes come every few seconds: their lines would hide the others.
    const logLevel = 'warn'
    app.get(
      '/healthz',
      {
        logLevel,
        config: { access: 'anyone' },
        schema: {
          summary: 'Whether the process lives',
          response: { 200: z.object({ status: z.literal('ok') }), ...problemResponses(...refusedAnywhere) },
        },
      },
      async () => ({ status: 'ok' as const }),
    )
    app.get(
      '/readyz',
      {
        logLevel,
        config: { access: 'anyone' },
        schema: {
          summary: 'Whether the process can do its work',
          response: { ...problemResponses(...refusedAnywhere), 200: readinessSchema, 503: unready },
        },
      },
      async (_request, reply) => {
        const { ok, checks } = await readiness()
        return reply.code(ok ? 200 : 503).send({ ok, checks: { ...checks } })
      },
    )
  }
}
