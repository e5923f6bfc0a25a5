import type { Application } from '../app/application.ts'
import { type CreationProgress, isOver, readCreationProgress } from '../cycles/creation-progress.ts'
import { countWorkers } from '../operations/operation-sql.ts'
import { listen } from '../platform/database/listen.ts'
import { jobChannel } from '../platform/jobs/job-sql.ts'
import { say, sayDuration, showProgress } from './output.ts'

/** Checks at least this often, because notifications are limited and can be lost with the connection. */
const lookEveryMs = 500
/** After this long without a worker the watcher says so, once. */
const noWorkerAfterMs = 3000

/** Shows the creation of a cycle's contributions until it is over. Stopping to watch does not stop it. */
export async function watchCycle(app: Application, cycleId: string): Promise<CreationProgress> {
  const listener = await listen({ url: app.database.url, channel: jobChannel, onError: () => {} })
  let wake: () => void = () => {}
  listener.subscribe(() => wake())
  const display = showProgress('Creating contributions')
  const startedAt = performance.now()
  let warned = false
  try {
    for (;;) {
      const state = await readCreationProgress(app.db, cycleId)
      const { total, processed } = state.progress
      if (state.jobStatus !== 'Queued') display.show(processed, total, noteOn(state))
      if (isOver(state.status)) return state
      if (!warned && state.jobStatus === 'Queued' && performance.now() - startedAt > noWorkerAfterMs) {
        warned = true
        if ((await countWorkers(app.db)) === 0) {
          say('No worker is running, so nobody takes this up yet. Run "almoner start" or "almoner worker".')
        }
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, lookEveryMs)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  } finally {
    display.end()
    await listener.close()
  }
}

function noteOn(state: CreationProgress): string {
  if (state.jobStatus === 'Paused') return 'paused'
  const seconds = state.estimatedTimeRemaining
  return seconds === null || seconds === 0 ? '' : `about ${sayDuration(seconds)} left`
}
