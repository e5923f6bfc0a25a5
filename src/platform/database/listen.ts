import pg from 'pg'
import { connectionOptions } from './connect.ts'

export interface Listener {
  /** Calls back with each payload. After a lost connection it is called with `undefined`: anything may have been missed. */
  subscribe(callback: (payload: string | undefined) => void): () => void
  close(): Promise<void>
}

/** Listens on one channel over one connection of its own, and connects again by itself when that is lost. */
export async function listen(options: {
  readonly url: string
  readonly channel: string
  readonly onError: (error: Error) => void
}): Promise<Listener> {
  const subscribers = new Set<(payload: string | undefined) => void>()
  const tell = (payload: string | undefined): void => {
    for (const subscriber of subscribers) subscriber(payload)
  }
  let client: pg.Client | undefined
  let reconnect: NodeJS.Timeout | undefined
  let closed = false

  async function open(): Promise<void> {
    const opening = new pg.Client({ ...connectionOptions(options.url, 'almoner listen') })
    opening.on('notification', (message) => tell(message.payload))
    opening.on('error', (error) => lost(opening, error))
    opening.on('end', () => lost(opening, new Error('The listening connection ended.')))
    await opening.connect()
    await opening.query(`listen ${pg.escapeIdentifier(options.channel)}`)
    client = opening
  }

  function lost(which: pg.Client, error: Error): void {
    if (closed || which !== client) return
    client = undefined
    options.onError(error)
    retry()
  }

  function retry(): void {
    reconnect = setTimeout(() => {
      open().then(() => (closed ? client?.end() : tell(undefined)), retry)
    }, 1000)
  }

  await open()
  return {
    subscribe(callback) {
      subscribers.add(callback)
      return () => subscribers.delete(callback)
    },
    async close() {
      closed = true
      clearTimeout(reconnect)
      await client?.end()
    },
  }
}
