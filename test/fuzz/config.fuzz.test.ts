import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ConfigError, readConfig } from '../../src/app/config.ts'
import { amount, seed } from './fuzz-run.ts'
import { oddText } from './odd-values.ts'

const names = [
  'DATABASE_URL',
  'QUEUE_URL',
  'ALMONER_DATA_DIR',
  'HOST',
  'PORT',
  'QUEUE_BOARD',
  'WORKER_CONCURRENCY',
  'JOB_LANES',
  'INLINE_MEMBER_LIMIT',
  'CREATION_STRATEGY',
  'LOG_LEVEL',
  'LOG_FORMAT',
  'SMTP_URL',
  'MAIL_FROM',
  'SMS_URL',
  'WHATSAPP_URL',
  'EMAIL_PER_MINUTE',
  'WEBHOOK_ADDRESSES',
]

const value = fc.oneof(
  oddText,
  fc.constantFrom(
    '0',
    '1',
    '3000',
    '65536',
    '1e3',
    '-1',
    '127.0.0.1',
    '::1',
    '0.0.0.0',
    'inline',
    'json',
    'info',
  ),
  fc.webUrl(),
  fc
    .tuple(
      fc.constantFrom('postgres', 'postgresql', 'redis', 'rediss', 'amqp', 'amqps', 'sqs', 'http', 'x'),
      fc.constantFrom(
        ':',
        '://',
        '://h',
        '://[',
        '://u:p%zz@h:1/d',
        '://h:99999',
        '://h/%00',
        '://h/?a=b&prefix=',
      ),
      oddText,
    )
    .map((parts) => parts.join('')),
)

test('every environment is a valid configuration, or the wrong variables are named', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), value), (env) => {
      try {
        readConfig(env, false)
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError)
        const [, ...faults] = (error as Error).message.split('\n  ')
        expect(faults.length).toBeGreaterThan(0)
        for (const fault of faults) expect(names).toContain(fault.split(' ')[0])
      }
    }),
    { seed, numRuns: amount(20_000, 500) },
  )
})
