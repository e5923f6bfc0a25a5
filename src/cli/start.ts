import { Command } from 'commander'
import { readConfig } from '../config.ts'
import { createLog } from '../log.ts'
import { type Application, type Role, startApi, startWorker } from '../main.ts'
import { say } from './output.ts'
import { untilStopped, withApplicationOf } from './run-command.ts'

export const startCommand = () =>
  new Command('start')
    .description('the API and a worker; embedded PostgreSQL unless DATABASE_URL is set')
    .action(() =>
      serve('almoner start', async (app, running) => {
        const api = await startApi(app)
        running.push(api, await startWorker(app))
        say(`Almoner is ready at ${api.url}/api/docs`)
      }),
    )

export const apiCommand = () =>
  new Command('api').description('the API alone').action(() =>
    serve('almoner api', async (app, running) => {
      const api = await startApi(app)
      running.push(api)
      say(`The API is ready at ${api.url}/api/docs`)
    }),
  )

export const workerCommand = () =>
  new Command('worker').description('a worker alone; as many as you like').action(() =>
    serve('almoner worker', async (app, running) => {
      running.push(await startWorker(app))
      say('The worker is ready.')
    }),
  )

/** Runs the roles until the process is asked to stop, or one cannot start; then stops those that run, in order. */
async function serve(
  name: string,
  start: (app: Application, running: Role[]) => Promise<void>,
): Promise<void> {
  const stopped = untilStopped()
  const config = readConfig(process.env)
  const log = createLog({ level: config.logLevel, format: config.logFormat })
  await withApplicationOf(config, log, name, async (app) => {
    const running: Role[] = []
    try {
      await start(app, running)
      await stopped
      log.info('stopping: what is in hand is finished first')
    } finally {
      for (const role of running) await role.stop()
    }
  })
}
