import { createRequire } from 'node:module'
import pino, { type Logger } from 'pino'
import { withoutSecrets } from '../values/secrets.ts'
import { traceFields } from './trace.ts'

/** Fields with personal data, passwords or keys. */
const hidden = ['password', 'authorization', 'cookie', 'secret', 'email', 'phone', 'address', 'fullName']

/** An error without the texts that repeat a row of the database or an address. */
function serializeError(error: Error): object {
  const { detail, where, rejected, rejectedErrors, envelope, response, ...rest } =
    pino.stdSerializers.err(error)
  return rest
}

/**
 * A line has the id of the trace it belongs to, and neither keys, passwords and e-mail addresses nor telephone numbers, be
 * it in the words of somebody else's error.
 */
export function logSettings(level: string): pino.LoggerOptions {
  return {
    level,
    mixin: traceFields,
    redact: hidden.flatMap((name) => [name, `*.${name}`]),
    serializers: { err: serializeError },
    hooks: { streamWrite: withoutSecrets },
  }
}

/** Logs to standard error: standard output is for results. */
export function createLog(options: { readonly level: string; readonly format: 'pretty' | 'json' }): Logger {
  const { level, format } = options
  const settings = logSettings(level)
  if (format === 'json') return pino(settings, pino.destination(2))
  // Loaded here: most processes write JSON.
  const { PinoPretty }: typeof import('pino-pretty') = createRequire(import.meta.url)('pino-pretty')
  return pino(settings, PinoPretty({ destination: 2, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss' }))
}

/** SIGUSR2 switches the log to everything, and the next one back to its level. */
export function switchLevelBySignal(log: Logger): void {
  const usual = log.level
  process.on('SIGUSR2', () => {
    log.level = log.level === usual ? 'debug' : usual
    log.warn(`the log level is ${log.level} now`)
  })
}
