import { expect, test } from 'vitest'
import { ConfigError, readConfig } from './config.ts'

test('an empty environment is enough', () => {
  expect(readConfig({}, true)).toEqual({
    databaseUrl: undefined,
    queueUrl: undefined,
    dataDir: undefined,
    host: '127.0.0.1',
    port: 3000,
    queueBoard: 'read-only',
    workerConcurrency: 5,
    jobLanes: 2,
    inlineMemberLimit: 1000,
    creationStrategy: 'hybrid',
    logLevel: 'info',
    logFormat: 'pretty',
  })
})

test('an empty variable is one that is not set', () => {
  expect(readConfig({ DATABASE_URL: '', PORT: '' }, false)).toMatchObject({
    databaseUrl: undefined,
    port: 3000,
  })
})

test('every variable that is wrong is named at once', () => {
  const read = () =>
    readConfig({
      DATABASE_URL: 'mysql://localhost/x',
      HOST: '0.0.0.0',
      PORT: '70000',
      JOB_LANES: '0',
      INLINE_MEMBER_LIMIT: '1.5',
      CREATION_STRATEGY: 'fast',
    })
  expect(read).toThrow(ConfigError)
  for (const name of [
    'DATABASE_URL',
    'HOST',
    'PORT',
    'JOB_LANES',
    'INLINE_MEMBER_LIMIT',
    'CREATION_STRATEGY',
  ]) {
    expect(read).toThrow(new RegExp(`^ {2}${name} must be`, 'm'))
  }
})
