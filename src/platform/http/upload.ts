import { PassThrough, type Readable } from 'node:stream'

/**
 * The bytes of a request's body, for whoever may stop reading in the middle. What is left is then read and thrown
 * away: else it would lie in the connection, and the client's next request on it would never be answered. (Node sees to
 * that only for bodies that nobody has begun to read; `pipeline` destroys the request and keeps its connection.)
 */
export function readUpload(body: Readable): Readable {
  const upload = new PassThrough()
  // Of a client that goes away.
  body.once('error', (error) => upload.destroy(error))
  upload.once('close', () => body.unpipe(upload).resume())
  return body.pipe(upload)
}
