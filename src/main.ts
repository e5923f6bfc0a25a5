/**
 * The composition root: config, then database, then queue, then the roles asked for. The only file that knows
 * everything.
 */
import { createRequire } from 'node:module'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { claimRoutes } from './claims/claim-routes.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Config } from './config.ts'
import { contributionRoutes } from './cycles/contribution-routes.ts'
import { createContributions } from './cycles/create-contributions.ts'
import { cycleRoutes } from './cycles/cycle-routes.ts'
import { removeContributions } from './cycles/remove-contributions.ts'
import type { StartDeps } from './cycles/start-cycle.ts'
import { connect, type Database } from './database/connect.ts'
import { startEmbeddedServer } from './database/embedded-server.ts'
import { listen } from './database/listen.ts'
import { migrate } from './database/migrate.ts'
import { isTransient } from './database/sql-state.ts'
import { fundRoutes } from './fund/fund-routes.ts'
import { createHttpServer } from './http/server.ts'
import { tokenHandler } from './jobs/advance-job.ts'
import { createEngine } from './jobs/engine.ts'
import type { JobKind } from './jobs/job-kind.ts'
import { jobChannel } from './jobs/job-sql.ts'
import { startSweeping } from './jobs/sweep.ts'
import { memberRoutes } from './members/member-routes.ts'
import { jobRoutes } from './operations/job-routes.ts'
import { withPatience } from './patience.ts'
import { describeBroker } from './queue/broker-url.ts'
import { bullBoardPage, isBullMqQueue } from './queue/bull-board.ts'
import { openQueue } from './queue/open-queue.ts'
import { BrokerAwayError, type Queue } from './queue/queue.ts'

export const { version } = createRequire(import.meta.url)('../package.json') as { version: string }

/** Everything the verbs need, opened once for a process. */
export interface Application extends StartDeps {
  readonly config: Config
  readonly log: Logger
  readonly database: Database
  readonly queue: Queue
  readonly clock: Clock
  close(): Promise<void>
}

/** Every kind of job this version knows. */
const kinds = [createContributions, removeContributions] as JobKind[]

/**
 * Opens the database (the embedded one unless the configuration names another), brings its schema up to date, and
 * opens the queue. `close` undoes it in the opposite order.
 *
 * @param role how pg_stat_activity calls the connections, e.g. `almoner worker`
 * @param patienceMs for how long a database or a queue that does not answer is waited for
 */
export async function openApplication(
  config: Config,
  log: Logger,
  role: string,
  patienceMs = 0,
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
    const database = connect({
      url: server.url,
      name: role,
      maxConnections: config.workerConcurrency + 5,
      onError: (error) => log.warn({ err: error }, 'a database connection broke'),
    })
    undo.push(() => database.close())

    const queueUrl = config.queueUrl ?? server.url
    const queue = await patiently(
      `The queue at ${describeBroker(queueUrl)}`,
      () => openQueue({ url: queueUrl, log }),
      (error) => error instanceof BrokerAwayError,
    )
    undo.push(() => queue.close())

    const { db } = database
    const engine = createEngine({ db, queue, kinds, log, lanes: config.jobLanes })
    const { inlineMemberLimit } = config
    return { config, log, database, db, queue, engine, clock: systemClock, inlineMemberLimit, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** A role that is running; `stop` waits for what is in hand. */
export interface Role {
  stop(): Promise<void>
}

/** Advances jobs: takes tokens, and sweeps for work that nobody does. */
export async function startWorker(app: Application): Promise<Role> {
  const concurrency = app.config.workerConcurrency
  const consumer = await app.queue.consume(tokenHandler(app.engine), { concurrency })
  const stopSweeping = startSweeping(app.engine)
  app.log.info({ concurrency, lanes: app.config.jobLanes }, 'the worker is ready')
  return {
    async stop() {
      await stopSweeping()
      await consumer.stop()
    },
  }
}

/** Serves the API, on the loopback address only until there is access control. */
export async function startApi(app: Application): Promise<Role & { readonly url: string }> {
  const { config, database, log } = app
  const jobListener = await listen({
    url: database.url,
    channel: jobChannel,
    onError: (error) => log.warn({ err: error }, 'the listening connection broke; connecting again'),
  })
  const deps = {
    ...app,
    pool: database.pool,
    creationStrategy: config.creationStrategy,
    jobListener,
  }
  const server: FastifyInstance = await createHttpServer({
    log,
    version,
    routes: [
      fundRoutes(deps),
      memberRoutes(deps),
      claimRoutes(deps),
      cycleRoutes(deps),
      contributionRoutes(deps),
      jobRoutes(deps),
    ],
    pages: isBullMqQueue(app.queue)
      ? [bullBoardPage(app.queue, { path: '/admin/queues', writable: config.queueBoard === 'writable' })]
      : [],
    readiness: () => readiness(app),
  })
  const stop = async () => {
    await server.close()
    await jobListener.close()
  }
  try {
    const url = await server.listen({ host: config.host, port: config.port })
    log.info(
      `There is no access control yet: the API listens on ${config.host} only, for whoever uses this machine.`,
    )
    return { url, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function readiness(app: Application): Promise<{ ok: boolean; checks: Record<string, string> }> {
  const ask = (question: Promise<unknown>) =>
    question.then(
      () => 'ok',
      (error: Error) => error.message,
    )
  const [database, queue] = await Promise.all([
    ask(app.database.pool.query('select 1')),
    ask(app.queue.depth()),
  ])
  return { ok: database === 'ok' && queue === 'ok', checks: { database, queue } }
}
