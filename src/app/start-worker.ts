import { noticeChannel } from '../notices/notice-sql.ts'
import { tokenHandler } from '../platform/jobs/advance-job.ts'
import { startSweeping } from '../platform/jobs/sweep.ts'
import { createMailer } from '../platform/mail.ts'
import type { Application, Role } from './application.ts'
import { features } from './features.ts'
import { listenTo } from './listen-to.ts'

/** Advances jobs: takes tokens, and sweeps for work without a worker. Runs the senders of the features. */
export async function startWorker(app: Application): Promise<Role> {
  const { config, log, engine } = app
  const concurrency = config.workerConcurrency
  const consumer = await app.queue.consume(tokenHandler(engine), { concurrency })
  const stopSweeping = startSweeping(engine)
  const noticeListener = await listenTo(app, noticeChannel)
  const mailer = config.mail && createMailer(config.mail)
  const deps = { ...app, noticeListener, sendMail: mailer?.send }
  const stopSenders = await Promise.all(features.flatMap((feature) => feature.startSenders?.(deps) ?? []))
  log.info({ concurrency, lanes: config.jobLanes }, 'the worker is ready')
  return {
    async stop() {
      await stopSweeping()
      await consumer.stop()
      await Promise.all(stopSenders.map((stop) => stop()))
      await mailer?.close()
      await noticeListener.close()
    },
  }
}
