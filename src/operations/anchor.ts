import { open, readFile, rename } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { type ChainLink, findChainHead, hasLink } from '../events/event-sql.ts'
import type { Db } from '../platform/database/connect.ts'
import type { Finding } from './examine.ts'

const anchorSchema = z.strictObject({
  position: z.int().min(0),
  digest: z.string().regex(/^([0-9a-f]{64})?$/),
  writtenAt: z.string(),
})

/**
 * Compares the audit trail with an anchor: a file, kept where this database is not, with the last link of the chain as it was.
 * Only this way finds a chain whose end was cut off, or that was computed again.
 *
 * @returns undefined when there is no such file yet
 * @throws Error when the file is no anchor
 */
export async function checkAnchor(db: Db, file: string): Promise<Finding | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const parsed = anchorSchema.safeParse(parseJson(text))
  if (!parsed.success) throw new Error(`${file} is no anchor: "almoner doctor --anchor" did not write it.`)
  const { position, digest, writtenAt } = parsed.data
  const ok = position === 0 || (await hasLink(db, { position, digest }))
  const detail = ok
    ? `the chain holds the ${position} events of ${writtenAt}`
    : `the chain does not hold the ${position} events of ${writtenAt}: its end was cut off, or it was made anew`
  return { check: 'anchor', ok, detail }
}

/** Writes the end of the chain into the file, whole or not at all, and returns it. */
export async function writeAnchor(db: Db, file: string): Promise<ChainLink> {
  const head = await findChainHead(db)
  const draft = `${file}.part-${process.pid}`
  const handle = await open(draft, 'wx', 0o600)
  try {
    await handle.writeFile(`${JSON.stringify({ ...head, writtenAt: new Date().toISOString() })}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(draft, path.resolve(file))
  return head
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
