import type { Readable } from 'node:stream'
import { z } from 'zod'

/** How many requests an export of everything counts as. */
export const exportCost = 10

/** Written out piece by piece, so its schema is for the reader of the reference: nothing checks the text. */
const streamedText = z.custom<Readable>().meta({ type: 'string' })

/**
 * Documents an answer that is a stream of text: `response: { 200: streamResponse('text/csv', 'The register.') }`.
 * The handler answers with `reply.type('text/csv; charset=utf-8').send(readable)`, or with `streamEvents`.
 */
export function streamResponse<const MediaType extends string>(mediaType: MediaType, description: string) {
  const content = { [mediaType]: { schema: streamedText } } as Record<
    MediaType,
    { schema: typeof streamedText }
  >
  return { description, content }
}
