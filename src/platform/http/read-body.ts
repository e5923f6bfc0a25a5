import type { FastifyInstance, FastifyRequest } from 'fastify'
import { DomainError } from '../values/errors.ts'

/** The limit of a body without a sign-in: enough for an e-mail address, a password, a token. */
const strangersBodyBytes = 16 * 1024

/** No normal request comes near these limits. Reading and checking a body costs time for each value. */
const maxDepth = 32
const maxValues = 10_000

/**
 * Reads bodies as UTF-8 JSON of a modest shape, and refuses what is compressed. What is refused here costs one look
 * at the text: it is neither parsed nor held against a schema.
 */
export function readBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      const text = textOf(body as Buffer)
      requireModestShape(text)
      void parse(request, text, done)
    } catch (error) {
      done(error as Error)
    }
  })
  app.addHook('preParsing', async (request) => refuseEncoding(request))
  // Without a sign-in the limit is small, whatever the route accepts from users.
  app.addHook('onRoute', (route) => {
    if (route.config?.access === 'anyone') route.bodyLimit = strangersBodyBytes
  })
}

/** A compressed body could unpack to any size, and without unpacking it would be stored wrongly. */
function refuseEncoding({ headers, method }: FastifyRequest): void {
  const encoding = headers['content-encoding']
  if (encoding === undefined || encoding === 'identity' || method === 'GET' || method === 'HEAD') return
  throw new DomainError(
    'unsupported-media-type',
    `A body with the content encoding ${encoding.slice(0, 40)} is not accepted: send it as it is.`,
  )
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function textOf(body: Buffer): string {
  try {
    return utf8.decode(body)
  } catch (cause) {
    throw new DomainError('invalid-input', 'The body is not UTF-8 text.', [], { cause })
  }
}

/**
 * Looks at each character once and calls nothing: JSON that is wrong in another way is for the parser to refuse.
 *
 * @throws DomainError `invalid-input` when it is too deep or has too many values
 */
function requireModestShape(json: string): void {
  let depth = 0
  let values = 1
  let inText = false
  for (let at = 0; at < json.length; at += 1) {
    const char = json.charCodeAt(at)
    if (inText) {
      if (char === backslash) at += 1
      else if (char === quote) inText = false
    } else if (char === quote) {
      inText = true
    } else if (char === comma) {
      values += 1
      if (values > maxValues) {
        throw new DomainError('invalid-input', `The body holds more than ${maxValues} values.`)
      }
    } else if (char === openBrace || char === openBracket) {
      depth += 1
      values += 1
      if (depth > maxDepth) {
        throw new DomainError('invalid-input', `The body is nested more than ${maxDepth} levels deep.`)
      }
    } else if (char === closeBrace || char === closeBracket) {
      depth -= 1
    }
  }
}

const [quote, backslash, comma] = ['"', '\\', ','].map((char) => char.charCodeAt(0)) as [
  number,
  number,
  number,
]
const [openBrace, closeBrace, openBracket, closeBracket] = ['{', '}', '[', ']'].map((char) =>
  char.charCodeAt(0),
) as [number, number, number, number]

/**
 * What no text may hold, as a sentence: PostgreSQL cannot store U+0000, and half a character would be stored as another
 * one. Streams are not looked into.
 */
export function reasonAgainstTexts(value: unknown): string | undefined {
  if (typeof value === 'string') {
    if (value.includes('\0')) return 'A text contains the NUL character, which cannot be stored.'
    if (loneSurrogate.test(value))
      return 'A text contains half a character (a lone surrogate), which cannot be stored.'
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const prototype = Object.getPrototypeOf(value)
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return undefined
  for (const inner of Object.values(value)) {
    const reason = reasonAgainstTexts(inner)
    if (reason !== undefined) return reason
  }
  return undefined
}

/** In a pattern that reads characters, a surrogate that has its other half is none. */
const loneSurrogate = /\p{Surrogate}/u
