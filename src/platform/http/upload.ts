import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FastifyRequest } from 'fastify'
import { DomainError } from '../values/errors.ts'

/** The limit of an uploaded file; some two million rows. A larger one is imported at the command line. */
const maxUploadBytes = 200 * 1024 * 1024

/**
 * Keeps the body of a request in a file until all of it is there, and only then has it used: how fast a client sends is
 * not how long a connection to the database is held. The file goes in every case.
 *
 * @param use its signal is raised when the client leaves
 * @throws DomainError `body-too-large`, `request-timeout` when it ends before its time
 */
export async function withUpload<Result>(
  request: FastifyRequest & { readonly body: Readable },
  use: (file: Readable, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  if (Number(request.headers['content-length'] ?? 0) > maxUploadBytes) throw tooLarge()
  const folder = await mkdtemp(path.join(tmpdir(), 'almoner-upload-'))
  const left = new AbortController()
  const leave = () => left.abort(new DomainError('request-timeout', 'Whoever sent the file has gone.'))
  const { socket } = request.raw
  socket.once('close', leave)
  try {
    if (socket.destroyed) leave()
    const file = path.join(folder, 'body')
    await pipeline(bounded(request.body), createWriteStream(file, { mode: 0o600 }), { signal: left.signal })
    return await use(createReadStream(file), left.signal)
  } catch (error) {
    left.signal.throwIfAborted()
    throw error
  } finally {
    socket.off('close', leave)
    // The rest is read and ignored: otherwise the client's next request on this connection is never answered.
    request.body.resume()
    await rm(folder, { recursive: true, force: true })
  }
}

async function* bounded(body: Readable): AsyncGenerator<Buffer> {
  let bytes = 0
  for await (const chunk of body.iterator({ destroyOnReturn: false })) {
    bytes += (chunk as Buffer).length
    if (bytes > maxUploadBytes) throw tooLarge()
    yield chunk as Buffer
  }
}

function tooLarge(): DomainError {
  const megabytes = maxUploadBytes / 1024 / 1024
  return new DomainError(
    'body-too-large',
    `The file is larger than ${megabytes} MB: import it at the command line.`,
  )
}
