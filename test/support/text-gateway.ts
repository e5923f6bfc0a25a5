import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface ReceivedText {
  readonly id: string
  readonly channel: string
  readonly to: string
  readonly text: string
}

export interface TextGateway {
  readonly port: number
  /** Every message it was asked to take, be it taken or not, and what the request said of itself. */
  readonly received: readonly ReceivedText[]
  readonly headers: readonly IncomingMessage['headers'][]
  /** From now on the rule says how it answers. */
  answer(rule: (text: ReceivedText, response: ServerResponse) => void): void
  close(): Promise<void>
}

/** A gateway for short messages that keeps what it is given. */
export async function openTextGateway(): Promise<TextGateway> {
  const received: ReceivedText[] = []
  const headers: IncomingMessage['headers'][] = []
  let answer = (_text: ReceivedText, response: ServerResponse): void => {
    response.writeHead(202).end()
  }
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    const text = JSON.parse(Buffer.concat(parts).toString()) as ReceivedText
    received.push(text)
    headers.push(request.headers)
    answer(text, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    received,
    headers,
    answer(rule) {
      answer = rule
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
