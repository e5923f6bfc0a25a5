import { type Engine, tokens } from './engine.ts'
import { sweepTokens } from './job-metrics.ts'
import { findNeglectedJobs } from './job-sql.ts'

const everyMs = 5000

/** Sends a token for each job that has work due and no worker; returns their ids. */
export async function sweep(engine: Engine, quietMs = everyMs): Promise<string[]> {
  const jobs = await findNeglectedJobs(engine.db, quietMs)
  const jobIds = jobs.map((job) => job.jobId)
  if (jobs.length > 0) {
    engine.log.info({ jobIds }, 'the sweep sends tokens for work nobody does')
    sweepTokens.inc(jobs.length)
    await engine.queue.send(jobs.flatMap((job) => tokens(engine, job, 1)))
  }
  return jobIds
}

/**
 * Sweeps now and then every 5 s, so that a lost message, an emptied queue, a crash between commit and send, or a
 * change of the queue costs seconds, never data. Returns the function that stops it.
 */
export function startSweeping(engine: Engine): () => Promise<void> {
  let sweeping: Promise<unknown> = Promise.resolve()
  const round = (quietMs?: number) => {
    sweeping = sweep(engine, quietMs).catch((error: unknown) => {
      engine.log.warn({ err: error }, 'the sweep failed; it will try again')
    })
  }
  round(0)
  const timer = setInterval(round, everyMs)
  return async () => {
    clearInterval(timer)
    await sweeping
  }
}
