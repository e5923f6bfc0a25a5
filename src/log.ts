import pino, { type Logger } from 'pino'
import { PinoPretty } from 'pino-pretty'

/** Logs to standard error: standard output belongs to what was asked for. */
export function createLog(options: { readonly level: string; readonly format: 'pretty' | 'json' }): Logger {
  const { level, format } = options
  return format === 'pretty'
    ? pino({ level }, PinoPretty({ destination: 2, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss' }))
    : pino({ level }, pino.destination(2))
}
