import type { Logger } from 'pino'
import type { Listener } from '../platform/database/listen.ts'

/** Deliveries taken at once: few enough to finish long before the lease ends. */
export const atOnce = 20

/** For deliveries that become due later, and for lost notifications. */
const everyMs = 5_000

/**
 * Makes deliveries whenever some are due, until it is stopped, which waits for those in hand.
 *
 * @param sendDue makes those that are due, `atOnce` at most, and returns how many it took
 */
export function keepSending(
  sendDue: () => Promise<number>,
  { log, listener }: { readonly log: Logger; readonly listener: Listener },
): () => Promise<void> {
  let isOpen = true
  let isRung = false
  let wake = () => {}
  const ring = () => {
    isRung = true
    wake()
  }
  const unsubscribe = listener.subscribe(ring)
  const timer = setInterval(ring, everyMs)
  const rounds = async () => {
    while (isOpen) {
      isRung = false
      const taken = await sendDue().catch((error: unknown) => {
        log.warn({ err: error }, 'deliveries could not be looked for; trying again')
        return 0
      })
      if (taken === atOnce || isRung || !isOpen) continue
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const ended = rounds()
  return async () => {
    isOpen = false
    clearInterval(timer)
    unsubscribe()
    ring()
    await ended
  }
}
