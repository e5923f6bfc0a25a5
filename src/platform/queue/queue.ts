/** Ids only. PostgreSQL holds the facts; a message says "look at this again". */
export interface Message {
  readonly name: string
  readonly id: string
  /** `low` comes after everything else that waits; a broker without priorities delivers it in its turn. */
  readonly priority?: 'low' | undefined
  /** When it was sent, in milliseconds since 1970 by the sender's clock; only for whoever measures. */
  readonly sentAt?: number | undefined
}

/** How many messages stand where, for operators; never used to decide anything. */
export interface QueueDepth {
  readonly waiting: number
  readonly active: number
  readonly delayed: number
  readonly dead: number
}

/** How far the work that a message asked for has come. */
export interface Report {
  /** 0–100 */
  readonly percentage: number
  /** What was done since the last report, a sentence each. */
  readonly lines: readonly string[]
}

/** What a handler is given besides the message. */
export interface Delivery {
  /**
   * Aborted when the consumer is asked to stop: a handler with long work should put it down at the next safe place
   * and return.
   */
  readonly signal: AbortSignal
  /** Shows the report on the broker's dashboard; absent where there is none. Neither waits nor throws. */
  readonly report?: (report: Report) => void
}

export type MessageHandler = (message: Message, delivery: Delivery) => Promise<void>

/** At least once, in any order. A handler must be safe to run twice. */
export interface Queue {
  /** Resolves when the broker has stored the messages. */
  send(messages: readonly Message[]): Promise<void>
  /**
   * A handler that throws gets the message again after 2 s, then 4 s; after the third try it goes to the dead
   * letters. So does, at once and with a line in the log, what is no message at all.
   */
  consume(handle: MessageHandler, options: { readonly concurrency: number }): Promise<Consumer>
  depth(): Promise<QueueDepth>
  close(): Promise<void>
}

export interface Consumer {
  /** Takes no more messages, aborts the handlers' signal and waits for those in hand. */
  stop(): Promise<void>
}

/** The part of a pino logger that the drivers need. */
export interface QueueLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** Nobody answers where the broker should be: it may still come. Any other refusal is final. */
export class BrokerAwayError extends Error {
  override readonly name = 'BrokerAwayError'
}

/**
 * A queue that is opened when it is first asked for something. While its broker is away, whatever it is asked fails with
 * the reason.
 */
export function openWhenNeeded(open: () => Promise<Queue>): Queue {
  let opening: Promise<Queue> | undefined
  const asked = new Set<Promise<unknown>>()
  const ask = <Answer>(what: (queue: Queue) => Promise<Answer>): Promise<Answer> => {
    opening ??= open()
    const answer = opening.then(what).finally(() => asked.delete(answer))
    asked.add(answer)
    return answer
  }
  return {
    send: (messages) => ask((queue) => queue.send(messages)),
    consume: (handle, options) => ask((queue) => queue.consume(handle, options)),
    depth: () => ask((queue) => queue.depth()),
    async close() {
      // A message that is on its way is worth the wait: else a sweep has to find what it is about.
      await Promise.allSettled(asked)
      await opening?.then(
        (queue) => queue.close(),
        () => {},
      )
    },
  }
}

/**
 * What a broker has brought, checked: whoever reaches the broker may have put it there.
 *
 * @throws TypeError
 */
export function readMessage(value: unknown): Message {
  const { name, id, sentAt } = (value ?? {}) as Partial<Record<keyof Message, unknown>>
  if (typeof name !== 'string' || typeof id !== 'string') {
    throw new TypeError('This is no message: it has no name or no id.')
  }
  return typeof sentAt === 'number' ? { name, id, sentAt } : { name, id }
}
