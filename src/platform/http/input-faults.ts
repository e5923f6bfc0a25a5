import type { ZodFastifySchemaValidationError } from 'fastify-type-provider-zod'
import type { InputFault } from '../values/errors.ts'

/** The part of a request that a schema refused, as Fastify names it. */
export type InputPart = 'body' | 'querystring' | 'headers'

/** Faults that an answer lists; nobody reads more, and an answer must not be larger than its request. */
const listedFaults = 20
/** The longest field name that is shown; a name may be as long as a body. */
const shownChars = 100

/** What a schema refused, as faults a person understands: one for each field, unknown ones included. */
export function inputFaults(
  issues: readonly ZodFastifySchemaValidationError[],
  part: InputPart,
): { readonly sentence: string; readonly listed: InputFault[] } {
  const faults = issues.flatMap((issue) => faultsOf(issue, part))
  return { sentence: faultsSentence(faults), listed: faults.slice(0, listedFaults) }
}

function faultsOf(issue: ZodFastifySchemaValidationError, part: InputPart): InputFault[] {
  const path = cut(issue.instancePath === '/' ? '' : issue.instancePath)
  const unknownKeys = issue.keyword === 'unrecognized_keys' ? issue.params.keys : undefined
  if (!Array.isArray(unknownKeys))
    return [{ pointer: pointerTo(path, part), detail: sentenceOf(issue, path) }]
  const kind = part === 'body' ? 'field' : 'query parameter'
  return unknownKeys.map((key) => ({
    pointer: pointerTo(`${path}/${escapePointer(cut(String(key)))}`, part),
    detail: `there is no ${kind} "${cut(String(key))}" here`,
  }))
}

function cut(text: string): string {
  return text.length > shownChars ? `${text.slice(0, shownChars)}…` : text
}

/** All faults in one sentence, for a person who reads only the problem's detail. */
function faultsSentence(faults: readonly InputFault[]): string {
  const [first] = faults
  if (!first) return 'The input is not valid.'
  const where = first.pointer.replace(/^[/?]/, '') || 'body'
  const listed = faults.length > listedFaults ? `; the first ${listedFaults} are listed` : ''
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more${listed})` : ''
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

/** Zod's own words, except for a wrong type: "expected string, received undefined" is only for programmers. */
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
