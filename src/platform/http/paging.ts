import { z } from 'zod'
import { DomainError } from '../values/errors.ts'

/** The sort key of a row; the last value must be unique, otherwise rows are lost between two pages. */
export type CursorValue = string | number | null

/** In a cursor: an instant as the database writes it. */
export const instantValue = z.iso
  .datetime()
  .max('2026-11-23T10:00:00.123456Z'.length)
  .refine((instant) => instant >= '0001')

const wholeLimit = 'must be a whole number from 1 to 200'

/** For a list's query: `querystring: z.strictObject({ ...pageQuery, search: z.string().optional() })`. */
export const pageQuery = {
  cursor: z
    .string()
    .max(2000)
    .optional()
    .meta({ description: 'The `nextCursor` of the page before. Without it: the first page.' }),
  limit: z.coerce
    .number({ error: wholeLimit })
    .int({ error: wholeLimit })
    .min(1, { error: wholeLimit })
    .max(200, { error: wholeLimit })
    .default(50)
    .meta({ description: 'How many items at most.' }),
}

/** The sort key of a page's last row, as an opaque text. */
export function encodeCursor(values: readonly CursorValue[]): string {
  return Buffer.from(JSON.stringify(values)).toString('base64url')
}

/**
 * The sort key after which the page begins; undefined for the first page.
 *
 * @param schema what the key must look like, e.g. `z.tuple([z.string(), z.uuid()])`: as strict as the columns are,
 *   for a cursor is input like any other
 * @throws DomainError invalid-input when the cursor is not one of ours
 */
export function decodeCursor<Values extends readonly CursorValue[]>(
  cursor: string | undefined,
  schema: z.ZodType<Values>,
): Values | undefined {
  if (cursor === undefined) return undefined
  const decoded = schema.safeParse(parsedOrUndefined(Buffer.from(cursor, 'base64url').toString()))
  // PostgreSQL has no text with a NUL in it.
  if (decoded.success && !decoded.data.some((value) => String(value).includes('\0'))) return decoded.data
  const detail = 'must be the nextCursor of an earlier page, unchanged'
  throw new DomainError('invalid-input', `cursor: ${detail}.`, [{ pointer: '?cursor', detail }])
}

function parsedOrUndefined(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/** The schema of a page; `nextCursor` is null on the last one. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    nextCursor: z.string().nullable().meta({ description: 'Null on the last page.' }),
  })
}

/**
 * A page of rows that were read with `limit + 1`: the one too many only tells that there is another page.
 *
 * @param keyOf the values the rows are sorted by, in that order
 */
export function pageFrom<Row>(
  rows: readonly Row[],
  limit: number,
  keyOf: (row: Row) => readonly CursorValue[],
): { items: Row[]; nextCursor: string | null } {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return { items, nextCursor: last !== undefined && rows.length > limit ? encodeCursor(keyOf(last)) : null }
}
