/** Ids only. PostgreSQL holds the facts; a message says "look at this again". */
export interface Message {
  readonly name: string
  readonly id: string
}

/** How many messages stand where, for operators; never used to decide anything. */
export interface QueueDepth {
  readonly waiting: number
  readonly active: number
  readonly delayed: number
  readonly dead: number
}

/**
 * `signal` is aborted when the consumer is asked to stop: a handler with long work should put it down at the
 * next safe place and return.
 */
export type MessageHandler = (message: Message, signal: AbortSignal) => Promise<void>

/** At least once, in any order. A handler must be safe to run twice. */
export interface Queue {
  /** Resolves when the broker has stored the messages. */
  send(messages: readonly Message[]): Promise<void>
  /** A handler that throws gets the message again after 2 s, then 4 s; after the third try it goes to the dead letters. */
  consume(handle: MessageHandler, options: { readonly concurrency: number }): Promise<Consumer>
  depth(): Promise<QueueDepth>
  close(): Promise<void>
}

export interface Consumer {
  /** Takes no more messages, aborts the handlers' signal and waits for those in hand. */
  stop(): Promise<void>
}
