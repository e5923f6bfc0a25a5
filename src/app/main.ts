/**
 * The composition root: config, then database, then queue, then the roles asked for. The only file that knows
 * everything.
 */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { collectDefaultMetrics, register } from 'prom-client'
import { findSecret, hasUsers } from '../access/access-sql.ts'
import { countAttempts } from '../access/attempts.ts'
import { type GuardedRoute, guard, securitySchemes } from '../access/guard.ts'
import type { Identity } from '../access/identity.ts'
import { sessionRoutes } from '../access/session-routes.ts'
import { userRoutes } from '../access/user-routes.ts'
import { claimRoutes } from '../claims/claim-routes.ts'
import { contributionRoutes } from '../cycles/contribution-routes.ts'
import { createContributions } from '../cycles/create-contributions.ts'
import { cycleRoutes } from '../cycles/cycle-routes.ts'
import { removeContributions } from '../cycles/remove-contributions.ts'
import type { StartDeps } from '../cycles/start-cycle.ts'
import { auditRoutes } from '../events/audit-routes.ts'
import { fundRoutes } from '../fund/fund-routes.ts'
import { memberRoutes } from '../members/member-routes.ts'
import { keepSending } from '../notices/keep-sending.ts'
import { noticeRoutes } from '../notices/notice-routes.ts'
import { jobIn, noticeChannel } from '../notices/notice-sql.ts'
import { notifyAgents } from '../notices/notify-agents.ts'
import { notifyMembers } from '../notices/notify-members.ts'
import { preferenceRoutes } from '../notices/preference-routes.ts'
import { mailCarrier, sendDueLetters, textCarrier } from '../notices/send-letters.ts'
import { createTexter } from '../notices/send-texts.ts'
import { sendDuePosts } from '../notices/send-webhooks.ts'
import { templateRoutes } from '../notices/template-routes.ts'
import { webhookRoutes } from '../notices/webhook-routes.ts'
import { createFundMetrics } from '../operations/fund-metrics.ts'
import { jobRoutes } from '../operations/job-routes.ts'
import { metricsRoute } from '../operations/metrics-route.ts'
import { connect, type Database } from '../platform/database/connect.ts'
import { startEmbeddedServer } from '../platform/database/embedded-server.ts'
import { type Listener, listen } from '../platform/database/listen.ts'
import { migrate } from '../platform/database/migrate.ts'
import { isTransient } from '../platform/database/sql-state.ts'
import { serveMetrics } from '../platform/http/metrics-server.ts'
import { createHttpServer } from '../platform/http/server.ts'
import { webPages } from '../platform/http/web-pages.ts'
import { tokenHandler } from '../platform/jobs/advance-job.ts'
import { createEngine, wakeJob } from '../platform/jobs/engine.ts'
import type { JobKind } from '../platform/jobs/job-kind.ts'
import { jobChannel } from '../platform/jobs/job-sql.ts'
import { startSweeping } from '../platform/jobs/sweep.ts'
import { watchPressure } from '../platform/jobs/watch-pressure.ts'
import { createMailer } from '../platform/mail.ts'
import { describeBroker } from '../platform/queue/broker-url.ts'
import { bullBoardPage, isBullMqQueue } from '../platform/queue/bull-board.ts'
import { openQueue } from '../platform/queue/open-queue.ts'
import { absentQueue, BrokerAwayError, type Queue } from '../platform/queue/queue.ts'
import { withPatience } from '../platform/retry-while.ts'
import { type Clock, systemClock } from '../platform/values/clock.ts'
import { type Config, ConfigError } from './config.ts'

export const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }

/** Everything the verbs need, opened once for a process. */
export interface Application extends StartDeps {
  readonly config: Config
  readonly log: Logger
  readonly database: Database
  readonly queue: Queue
  readonly clock: Clock
  /** What this process counts, and what is known of the fund as a whole, as Prometheus reads it. */
  metrics(): Promise<string>
  close(): Promise<void>
}

/** Every kind of job this version knows. */
const kinds = [createContributions, removeContributions, notifyAgents, notifyMembers] as JobKind[]

export interface OpenOptions {
  /** For how long a database, or a queue that is needed, is waited for when it does not answer; 0 if absent. */
  readonly patienceMs?: number
  /** Whether nothing can be done while the broker is away; true if absent. */
  readonly needsQueue?: boolean
}

/**
 * Opens the database (the embedded one unless the configuration names another), brings its schema up to date, and
 * opens the queue. `close` undoes it in the opposite order.
 *
 * @param role how pg_stat_activity calls the connections, e.g. `almoner worker`
 */
export async function openApplication(
  config: Config,
  log: Logger,
  role: string,
  { patienceMs = 0, needsQueue = true }: OpenOptions = {},
): Promise<Application> {
  const server =
    config.databaseUrl === undefined
      ? await startEmbeddedServer({
          ...(config.dataDir !== undefined && { dataDir: config.dataDir }),
          log: (line) => log.info(line),
        })
      : { url: config.databaseUrl, stop: async () => {} }
  const patiently = <Result>(
    what: string,
    attempt: () => Promise<Result>,
    mayPass: (error: unknown) => boolean,
  ) =>
    withPatience(attempt, {
      patienceMs,
      mayPass,
      onWait: (error, leftSeconds) =>
        log.warn(`${what} does not answer yet; trying for ${leftSeconds} s more: ${error.message || error}`),
    })
  const undo: (() => Promise<void>)[] = [() => server.stop()]
  const close = async () => {
    for (const step of undo.splice(0).toReversed()) await step()
  }
  try {
    await patiently('The database', () => migrate(server.url), isTransient)
    const open = (name: string, maxConnections: number) => {
      const opened = connect({
        url: server.url,
        name,
        maxConnections,
        onError: (error) => log.warn({ err: error }, 'a database connection broke'),
      })
      undo.push(() => opened.close())
      return opened
    }
    // Two pools, so that jobs never wait for whoever asks the API, nor these for jobs.
    const database = open(role, 10)
    const jobDatabase = open(`${role} jobs`, config.workerConcurrency + 2)

    const queueUrl = config.queueUrl ?? server.url
    const queue = await patiently(
      `The queue at ${describeBroker(queueUrl)}`,
      () => openQueue({ url: queueUrl, log }),
      (error) => needsQueue && error instanceof BrokerAwayError,
    ).catch((error: unknown) => {
      if (needsQueue || !(error instanceof BrokerAwayError)) throw error
      return absentQueue(error)
    })
    undo.push(() => queue.close())

    const { db } = database
    const { inlineMemberLimit, jobLanes: lanes, rowsPerSecond } = config
    const engine = createEngine({
      db: jobDatabase.db,
      queue,
      kinds,
      log,
      lanes,
      rowsPerSecond,
      holdReason: watchPressure(jobDatabase.db, config.holdLimits),
    })
    const fundMetrics = createFundMetrics({
      db,
      queue,
      driver: queueUrl.slice(0, queueUrl.indexOf(':')),
      pools: { requests: database.pool, jobs: jobDatabase.pool },
      onError: (error) => log.warn({ err: error }, 'some metrics could not be asked for'),
    })
    const metrics = async () => `${await register.metrics()}\n${await fundMetrics.metrics()}`
    return { config, log, database, db, queue, engine, clock: systemClock, inlineMemberLimit, metrics, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** A role that is running; `stop` waits for what is in hand. */
export interface Role {
  stop(): Promise<void>
}

/** Advances jobs: takes tokens, and sweeps for work that nobody does. Sends letters where there is who takes them. */
export async function startWorker(app: Application): Promise<Role> {
  const { config, db, log, engine } = app
  const concurrency = config.workerConcurrency
  const consumer = await app.queue.consume(tokenHandler(engine), { concurrency })
  const stopSweeping = startSweeping(engine)
  const noticeListener = await listenTo(app, noticeChannel)
  // What tells agents and members are jobs of their own, there with the commit that made the cycle Active; the sweep would
  // find them too.
  noticeListener.subscribe((message) => {
    const job = jobIn(message ?? '')
    if (job) void wakeJob(engine, job)
  })
  const mailer = config.mail && createMailer(config.mail)
  const sending = { log, listener: noticeListener }
  const { publicUrl, perMinute, textGateways, webhookAddresses: allowedAddresses } = config
  const carriers = [
    ...(mailer ? [mailCarrier(mailer.send, perMinute.email)] : []),
    ...(['sms', 'whatsapp'] as const).flatMap((channel) => {
      const gateway = textGateways[channel]
      return gateway ? [textCarrier(channel, createTexter(channel, gateway), perMinute[channel])] : []
    }),
  ]
  const stopSending = [
    keepSending(() => sendDuePosts({ db, log, allowedAddresses, perMinute: perMinute.webhook }), sending),
    ...carriers.map((carrier) => keepSending(() => sendDueLetters({ db, log, carrier, publicUrl }), sending)),
  ]
  log.info({ concurrency, lanes: config.jobLanes }, 'the worker is ready')
  return {
    async stop() {
      await stopSweeping()
      await consumer.stop()
      await Promise.all(stopSending.map((stop) => stop()))
      await mailer?.close()
      await noticeListener.close()
    },
  }
}

async function listenTo(app: Application, channel: string): Promise<Listener> {
  return listen({
    url: app.database.url,
    channel,
    onError: (error) => app.log.warn({ err: error }, 'the listening connection broke; connecting again'),
  })
}

/** What knows who somebody is. */
export async function openIdentity(app: Application): Promise<Identity> {
  const { config, db } = app
  const secret = config.secret ?? (await findSecret(db, randomBytes(32).toString('base64url')))
  // Loaded only where somebody signs in: a command and a worker would wait half a second for it.
  const { createIdentity } = await import('../access/identity.ts')
  return createIdentity({ db, secret, publicUrl: config.publicUrl })
}

/**
 * Serves the API.
 *
 * @returns `setUpLink` while there are no users: whoever opens it, on this machine, is the first
 */
export async function startApi(
  app: Application,
): Promise<
  Role & { readonly url: string; readonly setUpLink: string | undefined; routes(): GuardedRoute[] }
> {
  const { config, database, log } = app
  const mailer = config.mail && createMailer(config.mail)
  const identity = await openIdentity(app)
  const setUpToken = (await hasUsers(app.db)) ? undefined : randomBytes(32).toString('base64url')
  const jobListener = await listenTo(app, jobChannel)
  const noticeListener = await listenTo(app, noticeChannel)
  const deps = {
    ...app,
    pool: database.pool,
    creationStrategy: config.creationStrategy,
    jobListener,
    noticeListener,
    identity,
    attempts: countAttempts(database.pool),
    publicUrl: config.publicUrl,
    sendMail: mailer?.send,
    setUpToken,
  }
  const server: FastifyInstance = await createHttpServer({
    log,
    version,
    ...(config.tls && { tls: await readTls(config.tls) }),
    trustedProxies: config.trustedProxies,
    securitySchemes,
    guard: (server) => guard(server, { ...deps, requestsPerMinute: config.requestsPerMinute }),
    routes: [
      sessionRoutes(deps),
      userRoutes(deps),
      auditRoutes(deps),
      fundRoutes(deps),
      memberRoutes(deps),
      claimRoutes(deps),
      cycleRoutes(deps),
      contributionRoutes(deps),
      noticeRoutes(deps),
      preferenceRoutes(deps),
      templateRoutes(deps),
      webhookRoutes({ db: app.db, isInsecureAllowed: config.webhookAddresses.length > 0 }),
      jobRoutes(deps),
      metricsRoute(app),
    ],
    pages: [
      webPages,
      ...(isBullMqQueue(app.queue)
        ? [bullBoardPage(app.queue, { path: '/admin/queues', writable: config.queueBoard === 'writable' })]
        : []),
    ],
    readiness: () => readiness(app),
  })
  const stop = async () => {
    await server.close()
    await jobListener.close()
    await noticeListener.close()
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

/** Serves metrics and health where METRICS_PORT says so: a worker has no API that could. */
export async function startMetrics(app: Application): Promise<Role | undefined> {
  collectDefaultMetrics({ prefix: 'almoner_' })
  if (!app.config.metrics) return undefined
  const server = await serveMetrics(app.config.metrics, { ...app, readiness: () => readiness(app) })
  app.log.info({ url: server.url }, 'metrics are served')
  return server
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

async function readiness(app: Application): Promise<{ ok: boolean; checks: Record<string, string> }> {
  // Anybody may ask, so what is wrong is for the log.
  const ask = (name: string, question: Promise<unknown>) =>
    question.then(
      () => 'ok',
      (error: unknown) => {
        app.log.warn({ err: error }, `not ready: the ${name} does not answer`)
        return 'does not answer'
      },
    )
  const [database, queue] = await Promise.all([
    ask('database', app.database.pool.query('select 1')),
    ask('queue', app.queue.depth()),
  ])
  return { ok: database === 'ok' && queue === 'ok', checks: { database, queue } }
}
