import { isAscii, isUtf8 } from 'node:buffer'
import { refusal } from './column-rules.ts'
import { workbookAsCsv } from './workbook.ts'

/** How files of other kinds begin, and the advice for each. */
const otherKinds: readonly (readonly [begins: readonly number[], sentence: string])[] = [
  [[0xd0, 0xcf, 0x11, 0xe0], 'This is a workbook of an old kind (.xls): save it as .xlsx, or as CSV.'],
  [[0x1f, 0x8b], 'The file is compressed: unpack it first.'],
  [[0x25, 0x50, 0x44, 0x46], 'This is a PDF: a register is imported from CSV.'],
]

/** The encoding of a text without a mark is detected from this many bytes. */
const sampleBytes = 1024

/**
 * The text of a file as UTF-8, whichever way it is written: UTF-8 or UTF-16, with or without a mark, or Windows-1252; or the first
 * sheet of a workbook. What is UTF-8 but for some bytes stays as it is, so that those bytes are found.
 *
 * @throws DomainError `import-refused` for a file that is no text
 */
export async function* readUtf8(source: AsyncIterable<Buffer | string>): AsyncGenerator<Buffer> {
  const chunks = bytesOf(source)
  try {
    let head = Buffer.alloc(0)
    let next = await chunks.next()
    for (; !next.done && head.length < sampleBytes; next = await chunks.next()) {
      head = Buffer.concat([head, next.value])
    }
    if (isArchive(head)) {
      yield* workbookAsCsv(rejoin(head, next, chunks))
      return
    }
    refuseOtherKinds(head)
    const utf16 = utf16Of(head)
    const decode = utf16 ? decodeAs(utf16) : toUtf8()
    yield decode(withoutMark(head), next.done === true)
    for (; !next.done; next = await chunks.next()) yield decode(next.value, false)
    yield decode(Buffer.alloc(0), true)
  } finally {
    await chunks.return(undefined)
  }
}

/** A workbook (.xlsx) is one. */
function isArchive(head: Buffer): boolean {
  return head.subarray(0, 4).equals(Buffer.from('PK\u0003\u0004'))
}

/** What has been read, and what comes after it. */
async function* rejoin(
  head: Buffer,
  next: IteratorResult<Buffer>,
  rest: AsyncGenerator<Buffer>,
): AsyncGenerator<Buffer> {
  yield head
  if (next.done) return
  yield next.value
  yield* rest
}

async function* bytesOf(source: AsyncIterable<Buffer | string>): AsyncGenerator<Buffer> {
  for await (const chunk of source) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk
}

function refuseOtherKinds(head: Buffer): void {
  const found = otherKinds.find(([begins]) => begins.every((byte, index) => head[index] === byte))
  if (found) throw refusal(found[1])
  const first = withoutMark(head).toString('latin1').trimStart()
  if (/^<(!doctype|html|\?xml|table)/i.test(first))
    throw refusal('This is a page, not CSV: save it as CSV in UTF-8.')
  if (/^[{[]/.test(first)) throw refusal('This is JSON, not CSV.')
}

/** Without the byte order marks; some programs add a second. */
function withoutMark(head: Buffer): Buffer {
  let rest = head
  while (rest[0] === 0xef && rest[1] === 0xbb && rest[2] === 0xbf) rest = rest.subarray(3)
  return rest
}

/** A text in UTF-16 has a mark, or a zero byte in every other place while it is in Latin letters. */
function utf16Of(head: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be'
  const sample = head.subarray(0, sampleBytes)
  const zeros = [0, 0]
  for (const [index, byte] of sample.entries()) if (byte === 0) zeros[index & 1] = (zeros[index & 1] ?? 0) + 1
  const [even = 0, odd = 0] = zeros
  const many = sample.length / 4
  if (odd > many && even < many / 8) return 'utf-16le'
  return even > many && odd < many / 8 ? 'utf-16be' : undefined
}

type Decode = (chunk: Buffer, isLast: boolean) => Buffer

function decodeAs(encoding: string): Decode {
  const decoder = new TextDecoder(encoding)
  return (chunk, isLast) => Buffer.from(decoder.decode(chunk, { stream: !isLast }))
}

/** The first bytes that are not ASCII decide: UTF-8 or Windows-1252. */
function toUtf8(): Decode {
  let decode: Decode | undefined
  let kept: Buffer = Buffer.alloc(0)
  return (chunk, isLast) => {
    if (decode) return decode(chunk, isLast)
    const bytes = kept.length > 0 ? Buffer.concat([kept, chunk]) : chunk
    const cut = isLast ? bytes.length : endOfLastCharacter(bytes)
    const whole = bytes.subarray(0, cut)
    kept = bytes.subarray(cut)
    if (isAscii(whole)) return whole
    decode = isUtf8(whole) || isMostlyUtf8(whole) ? (more) => more : decodeAs('windows-1252')
    const rest = kept
    kept = Buffer.alloc(0)
    return Buffer.concat([decode(whole, false), decode(rest, isLast)])
  }
}

/** A character of UTF-8 may be split by the end of a chunk. */
function endOfLastCharacter(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) return bytes.length
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return length > back ? bytes.length - back : bytes.length
    }
  }
  return bytes.length
}

/** Whether there are valid characters of several bytes: in Windows-1252 text these hardly ever occur. */
function isMostlyUtf8(bytes: Buffer): boolean {
  const text = bytes.toString('utf8')
  const broken = text.split('\uFFFD').length - 1
  const good = text.match(/[\u0080-\uFFFC]/g)?.length ?? 0
  return good > broken
}
