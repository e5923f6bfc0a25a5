import type { Tx } from '../database/connect.ts'
import { notifyJob } from './job-sql.ts'

/** Four a second are enough for an eye, and each notification takes a lock that all of the server's commits share. */
const everyMs = 250

const lastAt = new Map<string, number>()

/** Like `notifyJob`, but at most a few times a second for a job from this process. */
export async function notifyJobSometimes(tx: Tx, jobId: string): Promise<void> {
  const now = performance.now()
  if (now - (lastAt.get(jobId) ?? -everyMs) < everyMs) return
  // Forgetting the oldest keeps the map small however many jobs pass through.
  if (lastAt.size > 1000) lastAt.delete(lastAt.keys().next().value as string)
  lastAt.set(jobId, now)
  await notifyJob(tx, jobId)
}
