import { Command } from 'commander'
import type { Logger } from 'pino'
import type { Application, Role } from '../app/application.ts'
import { readConfig } from '../app/config.ts'
import { startApi } from '../app/start-api.ts'
import { startMetrics } from '../app/start-metrics.ts'
import { startWorker } from '../app/start-worker.ts'
import { version } from '../app/version.ts'
import { exportTraces } from '../platform/telemetry/export-traces.ts'
import { createLog, switchLevelBySignal } from '../platform/telemetry/log.ts'
import { exitCodes } from './exit-codes.ts'
import { say } from './output.ts'
import { serverRetryMs, untilStopped, withApplicationOf } from './run-command.ts'

export const startCommand = () =>
  new Command('start')
    .description('the API and a worker; embedded PostgreSQL unless DATABASE_URL is set')
    .action(() =>
      serve('almoner start', async (app, running) => {
        const api = await startApi(app)
        running.push(api, await startWorker(app))
        say(`Almoner is ready at ${api.url}/sign-in`)
        sayHowToSetUp(api.setUpLink)
      }),
    )

export const apiCommand = () =>
  new Command('api').description('the API alone').action(() =>
    serve('almoner api', async (app, running) => {
      const api = await startApi(app)
      running.push(api)
      say(`The API is ready at ${api.url}/sign-in`)
      sayHowToSetUp(api.setUpLink)
    }),
  )

export const workerCommand = () =>
  new Command('worker').description('a worker alone; as many as you like').action(() =>
    serve('almoner worker', async (app, running) => {
      running.push(await startWorker(app))
      say('The worker is ready.')
    }),
  )

function sayHowToSetUp(link: string | undefined): void {
  if (link === undefined) return
  say('Nobody can sign in yet. On this machine, open this link to become the first user, an admin:')
  say(link)
  say('On another machine: npx almoner users add EMAIL --name NAME --role admin')
}

/** Below the 30 s after which supervisors such as Kubernetes kill. */
const stopLimitMs = 20_000

/** Ends the process if it has not ended by itself: unfinished work is rolled back, and another worker does it. */
function leaveWithin(limitMs: number, log: Logger): void {
  const leave = () => {
    log.error({ limitMs }, 'what is in hand takes too long; it is left to others')
    process.exit(exitCodes.failed)
  }
  setTimeout(leave, limitMs).unref()
}

/** Runs the roles until the process is asked to stop, or one cannot start; then stops those that run, in order. */
async function serve(
  name: string,
  start: (app: Application, running: Role[]) => Promise<void>,
): Promise<void> {
  const config = readConfig(process.env)
  const log = createLog({ level: config.logLevel, format: config.logFormat })
  switchLevelBySignal(log)
  const endTraces = config.isTraced ? await exportTraces(name, version, log) : undefined
  const stopped = untilStopped().then(() => {
    log.info('stopping: what is in hand is finished first')
    leaveWithin(stopLimitMs, log)
  })
  const work = async (app: Application) => {
    const running: Role[] = []
    try {
      const metrics = await startMetrics(app)
      if (metrics) running.push(metrics)
      await start(app, running)
      await stopped
    } finally {
      for (const role of running) await role.stop()
      await endTraces?.()
    }
  }
  await withApplicationOf(config, log, name, work, { retryForMs: serverRetryMs })
}
