import type { Pool } from 'pg'
import { collectDefaultMetrics } from 'prom-client'
import { serveMetrics } from '../platform/http/metrics-server.ts'
import type { Readiness } from '../platform/http/server.ts'
import type { Application, Role } from './application.ts'

/** Serves metrics and health where METRICS_PORT says so: a worker has no API that could. */
export async function startMetrics(app: Application): Promise<Role | undefined> {
  collectDefaultMetrics({ prefix: 'almoner_' })
  if (!app.config.metrics) return undefined
  const server = await serveMetrics(app.config.metrics, { ...app, readiness: () => readiness(app) })
  app.log.info({ url: server.url }, 'metrics are served')
  return server
}

/** Every connection is in use, and others wait for one: so the database answers, otherwise they would fail. */
function isBusy({ waitingCount, totalCount, options }: Pool): boolean {
  return waitingCount > 0 && totalCount >= (options.max ?? 0)
}

/** Whether the database and the queue answer. A process whose connections are all in use counts as ready. */
export async function readiness(app: Application): Promise<Readiness> {
  // Anybody may ask, so details are only in the log.
  const ask = (name: string, question: Promise<unknown>) =>
    question.then(
      () => 'ok',
      (error: unknown) => {
        app.log.warn({ err: error }, `not ready: the ${name} does not answer`)
        return 'does not answer'
      },
    )
  const [database, queue] = await Promise.all([
    isBusy(app.database.pool) ? 'busy' : ask('database', app.database.pool.query('select 1')),
    ask('queue', app.queue.depth()),
  ])
  return { ok: database !== 'does not answer' && queue === 'ok', checks: { database, queue } }
}
