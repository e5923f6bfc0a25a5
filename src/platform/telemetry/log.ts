import { createRequire } from 'node:module'
import pino, { type Logger } from 'pino'
import { withoutSecrets } from '../values/secrets.ts'
import { traceFields } from './trace.ts'

/** Fields that say who somebody is, or let somebody in. */
const hidden = ['password', 'authorization', 'cookie', 'secret', 'email', 'phone', 'address', 'fullName']

/** An error without what repeats a row of the database, or to whom a letter was. */
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

/** Logs to standard error: standard output belongs to what was asked for. */
export function createLog(options: { readonly level: string; readonly format: 'pretty' | 'json' }): Logger {
  const { level, format } = options
  const settings = logSettings(level)
  if (format === 'json') return pino(settings, pino.destination(2))
  // Loaded here: most processes write JSON.
  const { PinoPretty }: typeof import('pino-pretty') = createRequire(import.meta.url)('pino-pretty')
  return pino(settings, PinoPretty({ destination: 2, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss' }))
}

/** At SIGUSR2 the log says everything, and at the next one again what it was asked for. */
export function switchLevelBySignal(log: Logger): void {
  const usual = log.level
  process.on('SIGUSR2', () => {
    log.level = log.level === usual ? 'debug' : usual
    log.warn(`the log level is ${log.level} now`)
  })
}
