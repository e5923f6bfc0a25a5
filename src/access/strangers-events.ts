import type { AnnounceDeps } from '../events/announce.ts'
import type { NewEvent } from '../events/event-sql.ts'
import type { Actor } from '../platform/values/actor.ts'
import { networkOf } from '../platform/values/network.ts'

/** What was tried without a sign-in. `payload.refusal` and `payload.email` are merged with those of others. */
type StrangersEvent = NewEvent & { readonly subject: null }

/**
 * The audit trail of those who are not signed in. They must not be able to make it grow as fast as they can ask: of one
 * kind of event the first from a network is written at once, and the others of each minute are counted and written as one.
 */
export interface StrangersEvents {
  /** @throws the error of the database for the first of its kind; the others are only counted */
  tell(event: StrangersEvent): Promise<void>
  /** Writes what was counted and not yet written. */
  close(): Promise<void>
}

const windowMs = 60_000
/** Networks and kinds that are counted separately at a time; more are counted by their kind only. */
const maxWindows = 30
/** Accounts that one event names. */
const maxEmails = 20

interface Window {
  readonly timer: NodeJS.Timeout
  /** The last that was counted and not written. */
  last: StrangersEvent | undefined
  times: number
  readonly emails: Map<string, number>
}

/** @param deps.onError is told why a merged event could not be written */
export function mergeStrangersEvents(
  deps: AnnounceDeps & { readonly onError: (error: unknown) => void },
): StrangersEvents {
  const windows = new Map<string, Window>()
  const write = (event: StrangersEvent) =>
    deps.db.transaction().execute(async (tx) => void (await deps.announce(tx, event)))

  /** Writes what was counted. A window without events is closed. */
  const turn = async (name: string, window: Window): Promise<void> => {
    const event = mergedEvent(window)
    if (event === undefined) {
      clearInterval(window.timer)
      windows.delete(name)
      return
    }
    window.last = undefined
    window.times = 0
    window.emails.clear()
    await write(event).catch(deps.onError)
  }

  return {
    async tell(event) {
      const kind = `${event.eventName} ${String(event.payload?.refusal)}`
      const own = `${kind} ${networkOf(event.actor.address ?? '')}`
      const isFull = !windows.has(own) && windows.size >= maxWindows
      const name = isFull ? kind : own
      const merged = isFull ? { ...event, actor: { ...event.actor, address: null } } : event
      const window = windows.get(name)
      if (window) {
        count(window, merged)
        return
      }
      const opened: Window = {
        timer: setInterval(() => void turn(name, opened), windowMs).unref(),
        last: undefined,
        times: 0,
        emails: new Map(),
      }
      windows.set(name, opened)
      await write(merged)
    },
    async close() {
      for (const [name, window] of windows) {
        clearInterval(window.timer)
        await turn(name, window)
      }
      windows.clear()
    },
  }
}

function count(window: Window, event: StrangersEvent): void {
  window.last = event
  window.times += 1
  const email = event.payload?.email
  if (typeof email !== 'string') return
  if (!window.emails.has(email) && window.emails.size >= maxEmails) return
  window.emails.set(email, (window.emails.get(email) ?? 0) + 1)
}

function mergedEvent({ last, times, emails }: Window): StrangersEvent | undefined {
  if (!last) return undefined
  // These details belong to one request only, not to the others.
  const actor: Actor = { ...last.actor, requestId: times > 1 ? null : last.actor.requestId }
  const { email: _, ...payload } = last.payload ?? {}
  const accounts = emails.size > 0 ? { emails: Object.fromEntries(emails) } : {}
  return { ...last, actor, payload: { ...payload, ...accounts, times } }
}
