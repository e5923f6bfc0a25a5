import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/**
 * Makes `close` of the server wait for the requests that are being answered, and for nothing else. Node by itself
 * also waits for two kinds of connections until their clients give them up: those on which nothing was asked yet
 * (browsers open such ones in advance), and those kept alive after an answer that ended during the close.
 */
export function closePromptly(app: FastifyInstance): void {
  const unused = new Set<Socket>()
  let closing = false
  app.server.on('connection', (socket: Socket) => {
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  app.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    unused.delete(request.socket)
    const closeIdle = () => {
      if (closing) app.server.closeIdleConnections()
    }
    response.once('close', closeIdle)
    // The rest of a body that was refused may arrive after the answer.
    request.once('close', closeIdle)
  })
  app.addHook('preClose', async () => {
    closing = true
    for (const socket of unused) socket.destroy()
  })
}
