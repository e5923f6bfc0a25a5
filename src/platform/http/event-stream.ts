import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { streamClients } from './http-metrics.ts'

declare module 'fastify' {
  interface FastifyInstance {
    eventStreams: { closing: boolean; readonly ends: Set<() => void> }
  }
}

export interface EventState {
  readonly data: unknown
  /** Nothing will change any more: the stream ends with this. */
  readonly final: boolean
}

export interface StateSource {
  /** The name of the events, e.g. `progress`. */
  readonly eventName: string
  read(): Promise<EventState>
  /** Calls back when something may have changed; answers the function that stops that. */
  onChange(callback: () => void): () => void
  readonly minIntervalMs?: number
  readonly pollMs?: number
}

const heartbeatMs = 15_000

/** Makes `close` of the server end its open streams; it would wait for them otherwise. */
export function endStreamsAtClose(app: FastifyInstance): void {
  app.decorate('eventStreams', { closing: false, ends: new Set<() => void>() })
  app.addHook('preClose', async () => {
    app.eventStreams.closing = true
    for (const end of app.eventStreams.ends) end()
  })
}

/**
 * Answers with server-sent events: the present state first, then each state that differs from the last one sent, a
 * few times a second at most, and after the final one `event: end` with the same data.
 *
 * A browser's EventSource connects again whenever a response ends, so a client closes it at `end`.
 *
 * @throws what the first `read` throws, before the stream is opened: it is answered as a problem. A later `read`
 *   that throws is logged and ends the stream without `end`.
 */
export async function streamEvents(
  request: FastifyRequest,
  reply: FastifyReply,
  source: StateSource,
): Promise<void> {
  const first = await source.read()
  const { raw } = reply
  reply.hijack()
  if (raw.destroyed) return

  const { eventStreams } = request.server
  const bell = createBell()
  const unsubscribe = source.onChange(bell.ring)
  const heartbeat = setInterval(() => raw.writableNeedDrain || raw.write(':\n\n'), heartbeatMs)
  let open = true
  const stop = (): void => {
    open = false
    unsubscribe()
    clearInterval(heartbeat)
    bell.ring()
  }
  const end = (): void => {
    stop()
    raw.end()
  }
  eventStreams.ends.add(end)
  streamClients.inc()
  raw.once('close', () => {
    streamClients.dec()
    stop()
    eventStreams.ends.delete(end)
  })

  raw.writeHead(200, {
    ...(reply.getHeaders() as OutgoingHttpHeaders),
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  })
  if (eventStreams.closing || request.method === 'HEAD') return end()

  // The loop is not awaited: an answer that was hijacked is none of Fastify's any more.
  sendStates(raw, source, first, bell, () => open).then(stop, (error: unknown) => {
    request.log.error({ err: error }, 'event stream broke off')
    end()
  })
}

async function sendStates(
  raw: ServerResponse,
  source: StateSource,
  first: EventState,
  bell: Bell,
  isOpen: () => boolean,
): Promise<void> {
  const { eventName, minIntervalMs = 250, pollMs = 1000 } = source
  let state = first
  let sent: string | undefined
  while (isOpen()) {
    const data = JSON.stringify(state.data)
    if (data !== sent) raw.write(`event: ${eventName}\ndata: ${data}\n\n`)
    sent = data
    if (state.final) {
      raw.end(`event: end\ndata: ${data}\n\n`)
      return
    }
    await sleep(minIntervalMs)
    // A client that does not read gets nothing more to read: the state after that includes what it missed.
    do await bell.heardWithin(pollMs - minIntervalMs)
    while (isOpen() && raw.writableNeedDrain)
    if (isOpen()) state = await source.read()
  }
}

interface Bell {
  ring(): void
  /** Waits for the next ring, or for one since the last wait. */
  heardWithin(timeoutMs: number): Promise<void>
}

/** Many rings are heard as one. It starts rung: something may have changed before anybody listened. */
function createBell(): Bell {
  let rung = true
  let wake = (): void => {}
  return {
    ring() {
      rung = true
      wake()
    },
    async heardWithin(timeoutMs) {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, timeoutMs)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      rung = false
    },
  }
}
