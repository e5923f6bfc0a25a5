import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { DomainError } from '../values/errors.ts'
import { streamClients } from './http-metrics.ts'

declare module 'fastify' {
  interface FastifyInstance {
    eventStreams: {
      closing: boolean
      readonly ends: Set<() => void>
      /** How many each caller has open. */
      readonly open: Map<string, number>
    }
  }
  interface FastifyRequest {
    /** The reader of a stream, by id; checked again while it is open. Undefined where the route has no guard. */
    caller: Caller | undefined
  }
}

interface Caller {
  readonly id: string
  /** Whether the reader may still read. */
  mayStill(): Promise<boolean>
}

export interface EventState {
  readonly data: unknown
  /** A final state: the stream ends with it. */
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
  readonly quietMs?: number
  readonly heartbeatMs?: number
}

/** It is also the interval in which the reader's permission is checked again. */
const heartbeatMs = 15_000
/** Streams of one user or key. A browser opens six connections to a server at most, for all tabs together. */
const maxStreams = 10
/** After this time without a change a stream ends; a client that is still there opens another. */
const quietMs = 10 * 60_000

/** Makes `close` of the server end its open streams; otherwise it would wait for them. */
export function endStreamsAtClose(app: FastifyInstance): void {
  app.decorate('eventStreams', { closing: false, ends: new Set<() => void>(), open: new Map() })
  app.decorateRequest('caller')
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
 * The stream also ends, without `end`, when its reader may no longer read, and after ten minutes without a change.
 *
 * @throws DomainError `too-many-requests` when the caller has ten open already
 * @throws what the first `read` throws, before the stream is opened: it is answered as a problem. A later `read`
 *   that throws is logged and ends the stream without `end`.
 */
export async function streamEvents(
  request: FastifyRequest,
  reply: FastifyReply,
  source: StateSource,
): Promise<void> {
  const { eventStreams } = request.server
  const { raw } = reply
  const leave = takePlace(eventStreams.open, request.caller?.id)
  const first = await source.read().catch((error: unknown) => {
    leave()
    throw error
  })
  reply.hijack()
  if (raw.destroyed) return leave()

  const bell = createBell()
  const unsubscribe = source.onChange(bell.ring)
  const heartbeat = setInterval(() => {
    if (!raw.writableNeedDrain) raw.write(':\n\n')
    // A database that does not answer at the moment does not change the permission.
    request.caller?.mayStill().then(
      (may) => may || end(),
      () => {},
    )
  }, source.heartbeatMs ?? heartbeatMs)
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
    leave()
    eventStreams.ends.delete(end)
  })

  raw.writeHead(200, {
    ...(reply.getHeaders() as OutgoingHttpHeaders),
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  })
  if (eventStreams.closing || request.method === 'HEAD') return end()

  // The loop is not awaited: Fastify no longer handles a hijacked answer.
  sendStates(raw, source, first, bell, () => open).then(end, (error: unknown) => {
    request.log.error({ err: error }, 'event stream broke off')
    end()
  })
}

/** @returns gives the place back */
function takePlace(open: Map<string, number>, caller: string | undefined): () => void {
  if (caller === undefined) return () => {}
  const taken = open.get(caller) ?? 0
  if (taken >= maxStreams) {
    throw new DomainError(
      'too-many-requests',
      `You have ${maxStreams} event streams open: close one of them.`,
      [],
      { retryAfterSeconds: 10 },
    )
  }
  open.set(caller, taken + 1)
  return () => {
    const left = (open.get(caller) ?? 1) - 1
    if (left > 0) open.set(caller, left)
    else open.delete(caller)
  }
}

async function sendStates(
  raw: ServerResponse,
  source: StateSource,
  first: EventState,
  bell: Bell,
  isOpen: () => boolean,
): Promise<void> {
  const { eventName, minIntervalMs = 250, pollMs = 1000, quietMs: quiet = quietMs } = source
  let changedAt = performance.now()
  let state = first
  let sent: string | undefined
  while (isOpen()) {
    const data = JSON.stringify(state.data)
    if (data !== sent) {
      raw.write(`event: ${eventName}\ndata: ${data}\n\n`)
      changedAt = performance.now()
    }
    sent = data
    if (state.final) {
      raw.end(`event: end\ndata: ${data}\n\n`)
      return
    }
    if (performance.now() - changedAt > quiet) return
    await sleep(minIntervalMs)
    // A client that does not read gets nothing more: a later state includes what it missed.
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

/** Many rings count as one. It starts rung, because something may have changed before the subscription. */
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
