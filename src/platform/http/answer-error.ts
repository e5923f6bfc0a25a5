import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionError, FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { isGivenUp, isPoolBusy } from '../database/sql-state.ts'
import { DomainError } from '../values/errors.ts'
import { withoutKeys } from '../values/secrets.ts'
import { type InputPart, inputFaults } from './input-faults.ts'
import { internalProblem, problemMediaType, problemOf } from './problem.ts'

/**
 * Fastify's error handler: every error becomes a problem. A refusal tells what is wrong; anything else is a 500
 * that shows only the request's id, under which the log has the error.
 */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = refusalOf(error, request)
  if (refusal) request.log.info({ refusal: refusal.code }, 'request refused')
  else request.log.error({ err: error }, 'request failed')
  const path = pathOf(request)
  const problem = refusal ? problemOf(refusal, path) : internalProblem(request.id, path)
  if (refusal?.retryAfterSeconds !== undefined) reply.header('retry-after', refusal.retryAfterSeconds)
  return reply.code(problem.status).type(problemMediaType).send(problem)
}

/** Fastify's handler for a path or method that no route has. */
export function answerNotFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return answerError(nothingHere(request), request, reply)
}

/** Fastify's handler for data on a connection that is not a readable request, so that no route sees it. */
export function answerClientError(error: ConnectionError, socket: Socket, log: FastifyBaseLogger): void {
  // A client that has disconnected gets no answer.
  if (error.code !== 'ECONNRESET' && socket.writable) {
    const refusal = clientRefusal(error.code)
    log.info({ refusal: refusal.code, cause: error.code }, 'request refused')
    const problem = problemOf(refusal)
    const body = JSON.stringify(problem)
    const head = [
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
      `content-type: ${problemMediaType}`,
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  }
  socket.destroy(error)
}

function clientRefusal(code: string): DomainError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new DomainError(
        'headers-too-large',
        'The path and the headers together are larger than this server accepts.',
      )
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new DomainError('request-timeout', 'The request was not received in time.')
    default:
      return new DomainError('invalid-input', 'What was sent is no HTTP request.')
  }
}

function nothingHere(request: FastifyRequest): DomainError {
  return new DomainError('not-found', `There is nothing at ${request.method} ${pathOf(request)}.`)
}

/** The path without the query, which may hold names that were searched for, or pasted secrets. */
export function pathOf(request: FastifyRequest): string {
  return withoutKeys(request.url.replace(/\?.*$/s, ''))
}

/** The refusal in an error, undefined for a bug or an outage. */
export function refusalOf(error: unknown, request: FastifyRequest): DomainError | undefined {
  if (error instanceof DomainError) return error
  if (hasZodFastifySchemaValidationErrors(error)) {
    // A path with an impossible id is not found.
    if (error.validationContext === 'params') return nothingHere(request)
    const { sentence, listed } = inputFaults(
      error.validation,
      (error.validationContext ?? 'body') as InputPart,
    )
    return new DomainError('invalid-input', sentence, listed)
  }
  if (isPoolBusy(error)) {
    const detail = 'The server is busy with other requests: ask again in a few seconds.'
    return new DomainError('server-busy', detail, [], { cause: error, retryAfterSeconds: 5 })
  }
  if (isGivenUp(error)) {
    const detail = 'This takes too long to find: search for more letters, or narrow the list down.'
    return new DomainError('server-busy', detail, [], { cause: error, retryAfterSeconds: 5 })
  }
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined
  switch ('code' in error ? error.code : undefined) {
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new DomainError('invalid-input', 'The body is not valid JSON.')
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new DomainError('invalid-input', 'The content type is JSON, but the body is empty.')
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new DomainError('body-too-large', 'The body is larger than this server accepts.')
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new DomainError('unsupported-media-type', contentTypeSentence(request))
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return nothingHere(request)
    default:
      // A file that no page has.
      if (error.statusCode === 403 || error.statusCode === 404) return nothingHere(request)
      // A body that ended too early, or was not of its announced length: the client's fault, as Fastify says.
      return error.statusCode === 400
        ? new DomainError('invalid-input', 'The request could not be read to its end.')
        : undefined
  }
}

function contentTypeSentence(request: FastifyRequest): string {
  const contentType = request.headers['content-type']
  return contentType === undefined
    ? 'The body has no content type; application/json is expected in most places.'
    : `A body of content type ${contentType} is not accepted here.`
}
