import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import type { ChannelModel } from 'amqplib'
import type { BrokerUrl } from './broker-url.ts'
import { BrokerAwayError, type QueueLog } from './queue.ts'

/** A connection that is made anew whenever it is lost. */
export interface HeldConnection {
  /**
   * The connection that is up, else the next one that is.
   *
   * @throws Error when none is up within the time, or the connection was closed
   */
  current(limitMs: number): Promise<ChannelModel>
  close(): Promise<void>
}

const connectTimeoutMs = 5_000
const shortestPauseMs = 200
const longestPauseMs = 10_000
/** A peer that is silent for two of these is gone. */
const heartbeatS = 10

/**
 * Connects to one of the hosts and holds on to one of them from then on: amqplib's own recovery knows one host.
 *
 * @param prepare is done on each new connection before it is used
 * @throws BrokerAwayError when no host answers; Error when one refuses us, or what `prepare` throws
 */
export async function holdConnection(options: {
  readonly address: BrokerUrl
  readonly log: QueueLog
  readonly prepare: (connection: ChannelModel) => Promise<void>
}): Promise<HeldConnection> {
  const { address, log, prepare } = options
  const closing = new AbortController()
  let turn = 0
  let up: Promise<ChannelModel>

  const connect = async () => {
    let refusal: unknown
    for (const _ of address.hosts) {
      try {
        const connection = await connectTo(address, turn++ % address.hosts.length)
        await prepare(connection)
        return connection
      } catch (error) {
        // Another host may be there; none of them will like a login that one of them refuses.
        refusal = error
        if (!(error instanceof BrokerAwayError)) throw error
      }
    }
    throw refusal
  }

  const connectAgain = async (): Promise<ChannelModel> => {
    for (let pauseMs = shortestPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      // Some sooner, some later, so that not all come back in the same instant.
      await wait(pauseMs * (0.5 + Math.random() / 2), undefined, { signal: closing.signal })
      try {
        const connection = await connect()
        log.info({}, 'The queue has its connection to RabbitMQ back')
        return watch(connection)
      } catch (error) {
        if (pauseMs === shortestPauseMs) {
          log.warn({ err: error }, 'The queue has no connection to RabbitMQ and keeps trying')
        }
      }
    }
  }

  const watch = (connection: ChannelModel): ChannelModel => {
    connection.on('close', () => {
      if (closing.signal.aborted) return
      up = connectAgain()
      up.catch(() => {})
    })
    return connection
  }

  up = Promise.resolve(watch(await connect()))
  return {
    async current(limitMs) {
      const late = AbortSignal.any([AbortSignal.timeout(limitMs), closing.signal])
      return Promise.race([
        up,
        once(late, 'abort').then(() => {
          throw new Error('There is no connection to RabbitMQ')
        }),
      ])
    },
    async close() {
      if (closing.signal.aborted) return
      closing.abort()
      await up.then((connection) => connection.close()).catch(() => {})
    },
  }
}

async function connectTo(address: BrokerUrl, index: number): Promise<ChannelModel> {
  const { connect } = await import('amqplib')
  const { host = '', port } = address.hosts[index] ?? {}
  const isTls = address.scheme === 'amqps'
  const hostname = host.replace(/^\[|\]$/g, '')
  const server = `${host}:${port ?? (isTls ? 5671 : 5672)}`
  try {
    const connection = await connect(
      {
        protocol: address.scheme,
        hostname,
        port: port ?? (isTls ? 5671 : 5672),
        username: address.username ?? 'guest',
        password: address.password ?? 'guest',
        vhost: address.path ?? '/',
        heartbeat: heartbeatS,
      },
      // Without `noDelay` the small frames of a token wait for each other's acknowledgement, 20 ms and more.
      { timeout: connectTimeoutMs, servername: hostname, keepAlive: true, noDelay: true },
    )
    // What goes wrong is told by the `close` that follows.
    connection.on('error', () => {})
    return connection
  } catch (error) {
    const said = (error as Error).message || (error as { code?: string }).code
    // amqplib does not pass on why the virtual host was not opened.
    const isVhost = /ConnectionOpenOk/.test(`${said}`)
    const because = isVhost ? `it has no virtual host "${address.path ?? '/'}" for us` : said
    // 403 is AMQP's code for a login that is refused.
    const isFinal = isVhost || /\b403 \(|certificate|SSL|TLS/i.test(`${said}`)
    throw isFinal
      ? new Error(`RabbitMQ at ${server} refuses us: ${because}`, { cause: error })
      : new BrokerAwayError(`RabbitMQ at ${server} does not answer: ${because}`, { cause: error })
  }
}
