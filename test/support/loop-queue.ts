import type { Consumer, Message, MessageHandler, Queue } from '../../src/platform/queue/queue.ts'

export interface LoopQueue extends Queue {
  /** Waits until no message is waiting or in hand. */
  idle(): Promise<void>
  /** Errors that handlers threw. */
  readonly failures: unknown[]
  /** Messages that were sent, in order. */
  readonly sent: Message[]
}

/**
 * A queue within this process, for tests of what is above the seam. By default it delivers each message once and
 * brings back none; with `fate` it is an adversary: for each message it is told how often to deliver it (0 drops it)
 * and after how many milliseconds.
 */
export function createLoopQueue(
  fate: () => { copies: number; delayMs: number } = () => ({ copies: 1, delayMs: 0 }),
): LoopQueue {
  let handler: MessageHandler | undefined
  const waiting = new Set<Promise<void>>()
  const failures: unknown[] = []
  const sent: Message[] = []
  const stopping = new AbortController()

  async function deliver(message: Message, delayMs: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    if (!handler || stopping.signal.aborted) return
    await handler(message, { signal: stopping.signal }).catch((error: unknown) => failures.push(error))
  }

  return {
    failures,
    sent,
    async send(messages) {
      for (const message of messages) {
        sent.push(message)
        const { copies, delayMs } = fate()
        for (let copy = 0; copy < copies; copy++) {
          const delivery = deliver(message, delayMs * (copy + 1)).finally(() => waiting.delete(delivery))
          waiting.add(delivery)
        }
      }
    },
    async consume(handle): Promise<Consumer> {
      handler = handle
      return {
        async stop() {
          stopping.abort()
          await Promise.all(waiting)
        },
      }
    },
    async idle() {
      while (waiting.size > 0) await Promise.all(waiting)
    },
    depth: async () => ({ waiting: waiting.size, active: 0, delayed: 0, dead: 0 }),
    async close() {
      stopping.abort()
      await Promise.all(waiting)
    },
  }
}
