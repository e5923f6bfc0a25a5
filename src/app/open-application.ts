/** Opens what every process needs: the database, the queue, and the engine with every kind of job. */
import type { Logger } from 'pino'
import { announceTo } from '../events/announce.ts'
import { connect } from '../platform/database/connect.ts'
import { startEmbeddedServer } from '../platform/database/embedded-server.ts'
import { migrate } from '../platform/database/migrate.ts'
import { isTransient } from '../platform/database/sql-state.ts'
import { createEngine } from '../platform/jobs/engine.ts'
import type { JobKind } from '../platform/jobs/job-kind.ts'
import { watchPressure } from '../platform/jobs/watch-pressure.ts'
import { describeBroker } from '../platform/queue/broker-url.ts'
import { openQueue } from '../platform/queue/open-queue.ts'
import { BrokerAwayError, openWhenNeeded } from '../platform/queue/queue.ts'
import { retryWhile } from '../platform/retry-while.ts'
import { systemClock } from '../platform/values/clock.ts'
import type { Application, MetricsDeps } from './application.ts'
import type { Config } from './config.ts'
import { features } from './features.ts'

/** Imports and exports that a process runs at the same time; an import keeps its connection to its end. */
const fileConnections = 4

/** Lists and searches that a process runs at the same time, and for how long at most. */
const listConnections = 4
const listTimeoutMs = 2_000

export interface OpenOptions {
  /** How long to wait for a database, or a needed queue, that does not answer; 0 if absent. */
  readonly retryForMs?: number
  /** False: the queue is opened at its first use, and its users can work without it. True if absent. */
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
  { retryForMs = 0, needsQueue = true }: OpenOptions = {},
): Promise<Application> {
  const server =
    config.databaseUrl === undefined
      ? await startEmbeddedServer({
          ...(config.dataDir !== undefined && { dataDir: config.dataDir }),
          log: (line) => log.info(line),
        })
      : { url: config.databaseUrl, stop: async () => {} }
  const retrying = <Result>(
    what: string,
    attempt: () => Promise<Result>,
    mayRetry: (error: unknown) => boolean,
  ) =>
    retryWhile(attempt, {
      retryForMs,
      isTransient: mayRetry,
      onWait: (error, leftSeconds) =>
        log.warn(`${what} does not answer yet; trying for ${leftSeconds} s more: ${error.message || error}`),
    })
  const undo: (() => Promise<void>)[] = [() => server.stop()]
  const close = async () => {
    for (const step of undo.splice(0).toReversed()) await step()
  }
  try {
    await retrying('The database', () => migrate(server.url), isTransient)
    const open = (name: string, maxConnections: number, statementTimeoutMs?: number) => {
      const opened = connect({
        url: server.url,
        name,
        maxConnections,
        statementTimeoutMs,
        onError: (error) => log.warn({ err: error }, 'a database connection broke'),
      })
      undo.push(() => opened.close())
      return opened
    }
    // Separate pools, so that jobs, API requests, files and searches never wait for each other.
    const database = open(role, 10)
    const jobDatabase = open(`${role} jobs`, config.workerConcurrency + 2)
    const fileDatabase = open(`${role} files`, fileConnections)
    const listDatabase = open(`${role} lists`, listConnections, listTimeoutMs)

    const queueUrl = config.queueUrl ?? server.url
    const openNow = () => openQueue({ url: queueUrl, log })
    const queue = needsQueue
      ? await retrying(
          `The queue at ${describeBroker(queueUrl)}`,
          openNow,
          (error) => error instanceof BrokerAwayError,
        )
      : openWhenNeeded(openNow)
    undo.push(() => queue.close())

    const { db } = database
    const announce = announceTo(features.flatMap(({ subscriptions }) => subscriptions ?? []))
    const engine = createEngine({
      db: jobDatabase.db,
      queue,
      kinds: features.flatMap((feature) => feature.jobKinds?.({ announce }) ?? []) as JobKind[],
      log,
      lanes: config.jobLanes,
      rowsPerSecond: config.rowsPerSecond,
      holdReason: watchPressure(jobDatabase.db, config.holdLimits),
    })
    const metrics = metricsOf({
      db,
      queue,
      driver: queueUrl.slice(0, queueUrl.indexOf(':')),
      pools: {
        requests: database.pool,
        jobs: jobDatabase.pool,
        files: fileDatabase.pool,
        lists: listDatabase.pool,
      },
      onError: (error) => log.warn({ err: error }, 'some metrics could not be asked for'),
    })
    return {
      config,
      log,
      database,
      fileDatabase,
      listDb: listDatabase.db,
      db,
      queue,
      engine,
      announce,
      clock: systemClock,
      publicUrl: config.publicUrl,
      inlineMemberLimit: config.inlineMemberLimit,
      metrics,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** The metrics of this process, and then those of each feature; opened at the first use. */
function metricsOf(deps: MetricsDeps): () => Promise<string> {
  const opening = once(() => Promise.all(features.flatMap((feature) => feature.metrics?.(deps) ?? [])))
  return async () => {
    const { register } = await import('prom-client')
    const sources = [register, ...(await opening())]
    return (await Promise.all(sources.map((source) => source.metrics()))).join('\n')
  }
}

function once<Result>(open: () => Result): () => Result {
  let opened: Result | undefined
  return () => (opened ??= open())
}
