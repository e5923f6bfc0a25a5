import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import pino from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DomainError } from '../values/errors.ts'
import { type EventState, type StateSource, streamEvents } from './event-stream.ts'
import { createHttpServer } from './server.ts'

let app: FastifyInstance
let url: string
let logLines: { level: number; reqId?: string }[]
/** What the route streams; tests change it, and `changed` is what the server is called back by. */
let state: EventState
let read: () => Promise<EventState>
let intervals: Omit<StateSource, 'eventName' | 'read' | 'onChange'>
let mayStill: () => Promise<boolean>
let subscribers: Set<() => void>

const changed = (): void => {
  for (const subscriber of subscribers) subscriber()
}

beforeEach(async () => {
  state = { data: { done: 0 }, final: false }
  read = async () => state
  intervals = { pollMs: 60_000 }
  mayStill = async () => true
  subscribers = new Set()
  logLines = []
  app = await createHttpServer({
    log: pino({}, { write: (line: string) => logLines.push(JSON.parse(line)) }),
    version: '0',
    routes: [
      async (api) => {
        api.get('/events', async (request, reply) => {
          request.caller = { id: 'reader', mayStill: () => mayStill() }
          await streamEvents(request, reply, {
            eventName: 'progress',
            read: () => read(),
            onChange(callback) {
              subscribers.add(callback)
              return () => subscribers.delete(callback)
            },
            ...intervals,
          })
        })
      },
    ],
    readiness: async () => ({ ok: true, checks: {} }),
  })
  url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/events`
})

afterEach(() => app.close())

/** Events as they arrive. */
async function* eventsOf(answer: Response): AsyncGenerator<{ event: string; data: unknown }> {
  let text = ''
  for await (const part of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += part
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const [, event = '', data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(text.slice(0, end)) ?? []
      text = text.slice(end + 2)
      yield { event, data: JSON.parse(data) }
    }
  }
}

async function nextOf(events: AsyncGenerator<{ event: string; data: unknown }>): Promise<unknown> {
  const { value, done } = await events.next()
  return done ? 'no more' : [value.event, value.data]
}

function say(done: number, final = false): void {
  state = { data: { done }, final }
  changed()
}

test('a stream sends the present state, each change, and an end event at the end', async () => {
  const answer = await fetch(url)
  expect(answer.status).toBe(200)
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  })
  const events = eventsOf(answer)
  expect(await nextOf(events)).toEqual(['progress', { done: 0 }])
  say(1)
  expect(await nextOf(events)).toEqual(['progress', { done: 1 }])
  changed()
  say(2, true)
  expect(await nextOf(events)).toEqual(['progress', { done: 2 }])
  expect(await nextOf(events)).toEqual(['end', { done: 2 }])
  expect(await nextOf(events)).toBe('no more')
  await vi.waitFor(() => expect(subscribers.size).toBe(0))
})

test('a final state is sent, and the stream ends at once', async () => {
  state = { data: { done: 9 }, final: true }
  const text = await (await fetch(url)).text()
  expect(text).toBe('event: progress\ndata: {"done":9}\n\nevent: end\ndata: {"done":9}\n\n')
})

test('an unchanged state is not sent again', async () => {
  intervals = { minIntervalMs: 1 }
  let reads = 0
  read = async () => {
    reads += 1
    return state
  }
  const events = eventsOf(await fetch(url))
  await nextOf(events)
  await vi.waitFor(() => {
    changed()
    expect(reads).toBeGreaterThan(5)
  })
  say(1, true)
  expect(await nextOf(events)).toEqual(['progress', { done: 1 }])
})

test('many changes are sent a few times a second, and the last one always', async () => {
  const events = eventsOf(await fetch(url))
  const begun = performance.now()
  const storm = setInterval(() => say((state.data as { done: number }).done + 1), 2)
  const seen: unknown[] = []
  for (let count = 0; count < 4; count += 1) seen.push(await nextOf(events))
  clearInterval(storm)
  // Three intervals of 250 ms lie between four events; timers may be a millisecond early.
  expect(performance.now() - begun).toBeGreaterThan(700)
  const last = (state.data as { done: number }).done + 1
  say(last, true)
  const rest: unknown[] = []
  for await (const { event, data } of events) rest.push([event, data])
  expect(rest).toEqual([
    ['progress', { done: last }],
    ['end', { done: last }],
  ])
  expect(seen[0]).toEqual(['progress', { done: 0 }])
})

test('a change whose notification was lost is still sent', async () => {
  intervals = { pollMs: 10, minIntervalMs: 1 }
  const events = eventsOf(await fetch(url))
  await nextOf(events)
  state = { data: { done: 1 }, final: true }
  expect(await nextOf(events)).toEqual(['progress', { done: 1 }])
})

test('a change between the first reading and the subscription is sent', async () => {
  read = async () => {
    const seen = state
    state = { data: { done: 1 }, final: true }
    return seen
  }
  const events = eventsOf(await fetch(url))
  expect(await nextOf(events)).toEqual(['progress', { done: 0 }])
  expect(await nextOf(events)).toEqual(['progress', { done: 1 }])
})

test('if the first reading is refused, the answer is a problem, and no stream is opened', async () => {
  read = async () => {
    throw new DomainError('job-not-found', 'There is no such job.')
  }
  const answer = await fetch(url)
  expect([answer.status, answer.headers.get('content-type')]).toEqual([
    404,
    'application/problem+json; charset=utf-8',
  ])
  expect(subscribers.size).toBe(0)
})

test('a reading that fails later ends the stream without an end event, and is logged', async () => {
  const events = eventsOf(await fetch(url))
  await nextOf(events)
  read = async () => {
    throw new Error('the database went away')
  }
  changed()
  expect(await nextOf(events)).toBe('no more')
  expect(logLines.filter(({ level }) => level === 50)).toHaveLength(1)
  await vi.waitFor(() => expect(subscribers.size).toBe(0))
})

test('when the client disconnects, nothing is read for it any more', async () => {
  const leaving = new AbortController()
  await nextOf(eventsOf(await fetch(url, { signal: leaving.signal })))
  expect(subscribers.size).toBe(1)
  leaving.abort()
  await vi.waitFor(() => expect(subscribers.size).toBe(0))
  expect(app.eventStreams.ends.size).toBe(0)
})

/** Makes the next reading wait until it is answered. */
function holdReading(): { began: Promise<void>; answer: (state: EventState) => void } {
  let answer = (_state: EventState): void => {}
  const answered = new Promise<EventState>((resolve) => {
    answer = resolve
  })
  const began = new Promise<void>((resolve) => {
    read = () => {
      resolve()
      return answered
    }
  })
  return { began, answer }
}

test('a stream in which nothing happens ends, without an end event, once its reader may no longer read', async () => {
  intervals = { pollMs: 60_000, heartbeatMs: 1 }
  let asked = 0
  mayStill = async () => {
    asked += 1
    if (asked === 1) throw new Error('the database does not answer just now')
    return asked < 4
  }
  const answer = await fetch(url)
  expect((await answer.text()).replaceAll(':\n\n', '')).toBe('event: progress\ndata: {"done":0}\n\n')
  expect(asked).toBeGreaterThanOrEqual(4)
})

test('a stream in which nothing changes for long ends, without an end event', async () => {
  intervals = { minIntervalMs: 1, pollMs: 2, quietMs: 20 }
  const begun = performance.now()
  expect(await (await fetch(url)).text()).toBe('event: progress\ndata: {"done":0}\n\n')
  expect(performance.now() - begun).toBeGreaterThan(20)
})

test('a client that disconnects before the first reading is done gets no stream', async () => {
  const reading = holdReading()
  const connected = once(app.server, 'connection')
  const request = get(url).on('error', () => {})
  const [socket] = (await connected) as [Socket]
  await reading.began
  request.destroy()
  await once(socket, 'close')
  reading.answer(state)
  await new Promise(setImmediate)
  expect(subscribers.size).toBe(0)
})

test('a stream that opens while the server closes ends at once', async () => {
  const reading = holdReading()
  const answering = fetch(url)
  await reading.began
  const closing = app.close()
  await vi.waitFor(() => expect(app.eventStreams.closing).toBe(true))
  reading.answer(state)
  expect(await (await answering).text()).toBe('')
  await closing
})

test('the server closes while streams are open, and their clients see them end', async () => {
  const events = eventsOf(await fetch(url))
  await nextOf(events)
  await app.close()
  expect(await nextOf(events)).toBe('no more')
  expect(subscribers.size).toBe(0)
})

test('a HEAD request is answered with the headers alone', async () => {
  const answer = await fetch(url, { method: 'HEAD' })
  expect([answer.status, await answer.text()]).toEqual([200, ''])
  await vi.waitFor(() => expect(subscribers.size).toBe(0))
})

/** A client that asks and then does not read, and the server's end of its connection. */
async function connectWithoutReading(): Promise<{ answer: IncomingMessage; socket: Socket }> {
  const connected = once(app.server, 'connection')
  const request = get(url)
  const [socket] = (await connected) as [Socket]
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  answer.on('error', () => {})
  return { answer, socket }
}

/** More than the two ends of a connection hold by themselves. */
const fiftyMegabytes = 'x'.repeat(50_000_000)

test('nothing is queued for a client that does not read; it gets the latest state when it reads again', async () => {
  intervals = { minIntervalMs: 1, pollMs: 2 }
  let reads = 0
  read = async () => {
    reads += 1
    return state.final ? state : { data: { reads, fiftyMegabytes }, final: false }
  }
  const { answer, socket } = await connectWithoutReading()
  await vi.waitFor(() => expect(socket.writableNeedDrain).toBe(true))
  const queued = reads
  // Each ring would be another reading and fifty megabytes more, if the server did not wait for the client.
  for (let rings = 0; rings < 20; rings += 1) {
    changed()
    await new Promise((resolve) => setTimeout(resolve, 3))
  }
  expect(reads).toBe(queued)
  state = { data: null, final: true }
  let text = ''
  for await (const part of answer) text += part
  expect(text.match(/^event: \w+$/gm)).toEqual(['event: progress', 'event: progress', 'event: end'])
})

test.each([
  ['that goes on', false],
  ['that has ended', true],
])('a client that does not read a stream %s cannot keep the server from closing', async (_what, final) => {
  read = async () => ({ data: fiftyMegabytes, final })
  const { socket } = await connectWithoutReading()
  await vi.waitFor(() => expect(socket.writableNeedDrain).toBe(true))
  await app.close()
  expect(socket.destroyed).toBe(true)
})
