import type { ZodFastifySchemaValidationError } from 'fastify-type-provider-zod'
import type { InputFault } from '../values/errors.ts'

/** The part of a request that a schema refused, as Fastify names it. */
export type InputPart = 'body' | 'querystring' | 'headers'

/** What a schema refused, as faults a person understands: one for each field, unknown ones included. */
export function inputFaults(
  issues: readonly ZodFastifySchemaValidationError[],
  part: InputPart,
): InputFault[] {
  return issues.flatMap((issue) => {
    const path = issue.instancePath === '/' ? '' : issue.instancePath
    const unknownKeys = issue.keyword === 'unrecognized_keys' ? issue.params.keys : undefined
    if (!Array.isArray(unknownKeys))
      return [{ pointer: pointerTo(path, part), detail: sentenceOf(issue, path) }]
    const kind = part === 'body' ? 'field' : 'query parameter'
    return unknownKeys.map((key) => ({
      pointer: pointerTo(`${path}/${escapePointer(String(key))}`, part),
      detail: `there is no ${kind} "${key}" here`,
    }))
  })
}

/** All faults in one sentence, for a person who reads only the problem's detail. */
export function faultsSentence(faults: readonly InputFault[]): string {
  const [first] = faults
  if (!first) return 'The input is not valid.'
  const where = first.pointer.replace(/^[/?]/, '') || 'body'
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''
  return `${where}: ${first.detail}${more}.`
}

function pointerTo(path: string, part: InputPart): string {
  if (part === 'body') return path
  return part === 'querystring' ? `?${path.slice(1)}` : path.slice(1)
}

function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}

const typeNames: Readonly<Record<string, string>> = {
  int: 'a whole number',
  array: 'a list',
  object: 'an object',
}

/** Zod's own words, except for a wrong type: "expected string, received undefined" is said by programmers only. */
function sentenceOf(issue: ZodFastifySchemaValidationError, path: string): string {
  const message = issue.message ?? 'is not valid'
  const wrongType = /^Invalid input: expected (\w+), received (\w+)$/.exec(message)
  if (!wrongType) return message
  const [, expected = '', received] = wrongType
  // Fastify validates `null` where no body came.
  if (path === '') return `the request needs a JSON body that is ${typeNames[expected] ?? `a ${expected}`}`
  if (received === 'undefined') return 'is required'
  return `must be ${typeNames[expected] ?? `a ${expected}`}`
}
