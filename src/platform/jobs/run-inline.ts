import type { Tx } from '../database/connect.ts'
import { type Engine, kindOf } from './engine.ts'
import { takeJob } from './job-sql.ts'
import { completeJob, planJob, runChunk } from './job-steps.ts'

const tryForMs = 50
const tryAgainMs = 5

/**
 * The whole of a Queued job in the caller's transaction, by the same steps as in the background: planned as one
 * chunk, run, completed. False when it still cannot be planned after some 50 ms; then nothing was done.
 *
 * @throws whatever plan, run or finish throws; the caller's transaction then rolls back
 */
export async function runJobInline(engine: Pick<Engine, 'kinds'>, tx: Tx, jobId: string): Promise<boolean> {
  const row = await takeJob(tx, jobId, 'Queued')
  if (!row) throw new Error(`Job ${jobId} is not Queued.`)
  const kind = kindOf(engine, row.jobKind)
  const plan = () => planJob(tx, kind, row, (total) => Math.max(1, total))

  const giveUpAt = performance.now() + tryForMs
  let chunks = await plan()
  while (chunks === null) {
    if (performance.now() >= giveUpAt) return false
    await new Promise((resolve) => setTimeout(resolve, tryAgainMs))
    chunks = await plan()
  }
  for (const chunk of chunks) await runChunk(tx, kind, row, chunk)
  await completeJob(tx, kind, row)
  return true
}
