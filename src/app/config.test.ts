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
    rowsPerSecond: undefined,
    holdLimits: { replicationLagMb: 256, lockWaits: 20, checkpointSeconds: 30 },
    inlineMemberLimit: 1000,
    creationStrategy: 'hybrid',
    logLevel: 'info',
    logFormat: 'pretty',
    publicUrl: 'http://127.0.0.1:3000',
    tls: undefined,
    trustedProxies: [],
    secret: undefined,
    mail: undefined,
    textGateways: { sms: undefined, whatsapp: undefined },
    perMinute: { email: undefined, sms: undefined, whatsapp: undefined, webhook: undefined },
    webhookAddresses: [],
    metrics: undefined,
    isTraced: false,
    requestsPerMinute: 3000,
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
      SMS_URL: 'ftp://gateway.example.org',
      EMAIL_PER_MINUTE: '0',
    })
  expect(read).toThrow(ConfigError)
  for (const name of [
    'DATABASE_URL',
    'HOST',
    'PORT',
    'JOB_LANES',
    'INLINE_MEMBER_LIMIT',
    'CREATION_STRATEGY',
    'SMS_URL',
    'EMAIL_PER_MINUTE',
  ]) {
    expect(read).toThrow(new RegExp(`^ {2}${name} must be`, 'm'))
  }
})

test('it listens for other machines only with TLS, or behind a named proxy', () => {
  const wrong = (env: Record<string, string>) => {
    try {
      readConfig(env, false)
    } catch (error) {
      return (error as Error).message
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(' ')[0])
    }
  }
  expect(wrong({ HOST: '0.0.0.0' })).toEqual(['HOST'])
  expect(wrong({ HOST: '0.0.0.0', TLS_CERT_FILE: 'cert.pem' })).toEqual(['TLS_KEY_FILE'])
  expect(wrong({ HOST: '0.0.0.0', TRUSTED_PROXY: '10.0.0.0/8' })).toEqual(['PUBLIC_URL'])
  expect(wrong({ HOST: '::', TRUSTED_PROXY: 'anybody', PUBLIC_URL: 'http://x' })).toEqual([
    'TRUSTED_PROXY',
    'PUBLIC_URL',
  ])
  expect(wrong({ SMTP_URL: 'smtp://localhost' })).toEqual(['MAIL_FROM'])
  expect(wrong({ ALMONER_SECRET: 'short' })).toEqual(['ALMONER_SECRET'])
  expect(
    readConfig({ HOST: '0.0.0.0', TLS_CERT_FILE: 'cert.pem', TLS_KEY_FILE: 'key.pem', PORT: '443' }, false),
  ).toMatchObject({ publicUrl: 'https://0.0.0.0:443', tls: { certFile: 'cert.pem', keyFile: 'key.pem' } })
  expect(
    readConfig(
      { HOST: '::', TRUSTED_PROXY: '10.0.0.1, loopback', PUBLIC_URL: 'https://fund.example.org/' },
      false,
    ),
  ).toMatchObject({ publicUrl: 'https://fund.example.org', trustedProxies: ['10.0.0.1', 'loopback'] })
})

test('each channel has its own gateway and rate limit', () => {
  const sms = 'https://user:password@gateway.example.org/sms'
  expect(readConfig({ SMS_URL: sms, WHATSAPP_PER_MINUTE: '20' }, false)).toMatchObject({
    textGateways: { sms, whatsapp: undefined },
    perMinute: { email: undefined, sms: undefined, whatsapp: 20, webhook: undefined },
  })
})
