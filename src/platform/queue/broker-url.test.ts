import { expect, test } from 'vitest'
import { describeBroker, parseBrokerUrl } from './broker-url.ts'

test('an address may name several hosts, with and without ports, also by IPv6', () => {
  expect(parseBrokerUrl('redis://one:7000,two,[::1]:7002/3')).toMatchObject({
    scheme: 'redis',
    hosts: [{ host: 'one', port: 7000 }, { host: 'two' }, { host: '[::1]', port: 7002 }],
    path: '3',
  })
})

test('a login may hold any character, percent-encoded, and the password a colon', () => {
  expect(parseBrokerUrl('amqp://a%40b:p%2F:w@host/v%2Fhost?heartbeat=5')).toMatchObject({
    username: 'a@b',
    password: 'p/:w',
    path: 'v/host',
  })
})

test.each([
  'redis',
  'redis://',
  'redis:///0',
  'redis://host:99999',
  'redis://one,,two',
  'redis://a b',
  'redis://user:50%@host',
])('%s is refused in a sentence that does not repeat a password', (text) => {
  expect(() => parseBrokerUrl(text)).toThrow(/address of the queue/)
  expect(() => parseBrokerUrl(text)).not.toThrow(/50%/)
})

test('what is logged of an address holds no secret', () => {
  expect(describeBroker('amqps://user:secret@one,two:5673/vhost?password=secret')).toBe(
    'amqps://one,two:5673/vhost',
  )
})
