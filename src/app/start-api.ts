import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { FastifyRequest } from 'fastify'
import { hasUsers } from '../access/access-sql.ts'
import { countAttempts } from '../access/attempts.ts'
import { type GuardedRoute, guard, securitySchemes } from '../access/guard.ts'
import { openIdentity } from '../access/open-identity.ts'
import { mergeStrangersEvents } from '../access/strangers-events.ts'
import { noticeChannel } from '../notices/notice-sql.ts'
import { createHttpServer } from '../platform/http/server.ts'
import { webPages } from '../platform/http/web-pages.ts'
import { jobChannel } from '../platform/jobs/job-sql.ts'
import { createMailer } from '../platform/mail.ts'
import { bullBoardPage, isBullMqQueue } from '../platform/queue/bull-board.ts'
import type { ApiDeps, Application, Role } from './application.ts'
import { type Config, ConfigError } from './config.ts'
import { features } from './features.ts'
import { listenTo } from './listen-to.ts'
import { readiness } from './start-metrics.ts'
import { version } from './version.ts'

export interface Api extends Role {
  readonly url: string
  /** While there are no users: the link for the first user, on this machine. */
  readonly setUpLink: string | undefined
  routes(): GuardedRoute[]
}

/** Serves the API and the console. */
export async function startApi(app: Application): Promise<Api> {
  const { config, database, log } = app
  const mailer = config.mail && createMailer(config.mail)
  const setUpToken = (await hasUsers(app.db)) ? undefined : randomBytes(32).toString('base64url')
  const deps: ApiDeps = {
    ...app,
    pool: app.fileDatabase.pool,
    exportDb: app.fileDatabase.db,
    creationStrategy: config.creationStrategy,
    jobListener: await listenTo(app, jobChannel),
    noticeListener: await listenTo(app, noticeChannel),
    identity: await openIdentity({ ...config, db: app.db }),
    attempts: countAttempts(database.pool),
    strangers: mergeStrangersEvents({
      db: app.db,
      announce: app.announce,
      onError: (error) => log.error({ err: error }, 'what strangers tried could not be written down'),
    }),
    sendMail: mailer?.send,
    onFailure: (error) => log.error({ err: error }, 'what follows an answer failed'),
    setUpToken,
  }
  const server = await createHttpServer({
    log,
    version,
    ...(config.tls && { tls: await readTls(config.tls) }),
    trustedProxies: config.trustedProxies,
    securitySchemes,
    guard: (server) => guard(server, { ...deps, requestsPerMinute: config.requestsPerMinute }),
    routes: (await Promise.all(features.map((feature) => feature.routes?.(deps) ?? []))).flat(),
    pages: [
      webPages,
      ...(isBullMqQueue(app.queue)
        ? [
            bullBoardPage(app.queue, {
              path: '/admin/queues',
              writable: config.queueBoard === 'writable',
              beforeCommand: (request) => announceQueueCommand(app, request),
            }),
          ]
        : []),
    ],
    readiness: () => readiness(app),
  })
  const stop = async () => {
    await server.close()
    await deps.strangers.close()
    await deps.jobListener.close()
    await deps.noticeListener.close()
    await mailer?.close()
  }
  try {
    const url = await server.listen({ host: config.host, port: config.port })
    return {
      url,
      setUpLink: setUpToken && `${url}/set-up#${setUpToken}`,
      routes: () => server.guardedRoutes(),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The event is written before the command, because the queue cannot be in the same transaction. */
async function announceQueueCommand(
  { db, announce }: Application,
  { method, routeOptions, params, actor }: FastifyRequest,
): Promise<void> {
  const payload = { method, route: routeOptions.url, params }
  await db
    .transaction()
    .execute((tx) => announce(tx, { eventName: 'QueueSteered', subject: null, actor, payload }))
}

async function readTls({
  certFile,
  keyFile,
}: NonNullable<Config['tls']>): Promise<{ cert: Buffer; key: Buffer }> {
  const read = (variable: string, file: string) =>
    readFile(file).catch((error: Error) => {
      throw new ConfigError(
        `The configuration is not usable:\n  ${variable} cannot be read: ${error.message}`,
      )
    })
  return { cert: await read('TLS_CERT_FILE', certFile), key: await read('TLS_KEY_FILE', keyFile) }
}
