import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import type { SaxesParser } from 'saxes'
import yauzl from 'yauzl'
import { refusal } from './column-rules.ts'

/** The limit for the unpacked parts of a workbook: more than a full sheet of members. A zip bomb is far larger. */
export const maxUnpackedBytes = 1_000_000_000
const maxParts = 10_000
/** Of a cell, and between two tags that open. The longest text of a spreadsheet, all of it escaped, is a fifth of it. */
export const maxTextChars = 1_000_000

/** The parts of a workbook, which is an archive of XML files. */
export interface Parts {
  /** The text of a part, piece by piece; nothing when it is not there. */
  read(name: string, maxBytes: number): AsyncGenerator<string>
  close(): void
}

const openArchive = promisify<string, yauzl.Options, yauzl.ZipFile>(yauzl.open)

/**
 * Opens the archive. Together its parts may not come to more than a limit when they are read.
 *
 * @throws DomainError `import-refused` when it is no archive
 */
export async function openParts(file: string): Promise<Parts> {
  const archive = await openArchive(file, { lazyEntries: true, autoClose: false }).catch((error: Error) => {
    throw refusal('This looks like a workbook, and cannot be opened as one: save it again.', error)
  })
  if (archive.entryCount > maxParts) throw tooLarge()
  const entries = new Map<string, yauzl.Entry>()
  await new Promise<void>((resolve, reject) => {
    archive.on('entry', (entry: yauzl.Entry) => {
      entries.set(entry.fileName, entry)
      archive.readEntry()
    })
    archive.once('end', resolve)
    archive.once('error', (error: Error) => reject(damaged(error)))
    archive.readEntry()
  })
  let unpacked = 0
  const openStream = promisify<yauzl.Entry, Readable>(archive.openReadStream.bind(archive))
  return {
    async *read(name, maxBytes) {
      const entry = entries.get(name)
      if (!entry) return
      // As large as the archive says; a part that turns out larger ends there, as damaged.
      unpacked += entry.uncompressedSize
      if (unpacked > maxUnpackedBytes || entry.uncompressedSize > maxBytes) throw tooLarge()
      const decoder = new TextDecoder('utf-8')
      try {
        for await (const chunk of await openStream(entry)) {
          yield decoder.decode(chunk as Buffer, { stream: true })
        }
      } catch (error) {
        throw damaged(error as Error)
      }
    },
    close: () => archive.close(),
  }
}

export function tooLarge(): Error {
  return refusal('The workbook is too large: save the sheet as CSV.')
}

function damaged(cause: Error): Error {
  return refusal('The workbook is damaged: save it again.', cause)
}

/** Reads the XML of a part, and yields what the caller has found after each piece. */
export async function* parseXml(
  text: AsyncGenerator<string>,
  parser: SaxesParser,
  found: () => Buffer | undefined,
): AsyncGenerator<Buffer> {
  parser.on('error', (error) => {
    throw damaged(error)
  })
  let isThere = false
  let charsSinceTag = 0
  parser.on('opentagstart', () => {
    charsSinceTag = 0
  })
  for await (const piece of text) {
    isThere = true
    // What stands between tags is kept in memory until the next one.
    charsSinceTag += piece.length
    if (charsSinceTag > maxTextChars) throw tooLarge()
    parser.write(piece)
    const rows = found()
    if (rows) yield rows
  }
  // Some parts of a workbook are optional.
  if (isThere) parser.close()
}

export async function readXml(text: AsyncGenerator<string>, parser: SaxesParser): Promise<void> {
  for await (const _ of parseXml(text, parser, () => undefined));
}

/** Some programs write every name with a prefix. */
export function localName({ name }: { readonly name: string }): string {
  return name.slice(name.indexOf(':') + 1)
}
