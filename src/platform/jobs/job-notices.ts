import type { Tx } from '../database/connect.ts'
import { notifyJob } from './job-sql.ts'

/** Four a second are enough for a reader, and each notification takes a lock that all commits of the server share. */
const everyMs = 250

const lastAt = new Map<string, number>()

/** Like `notifyJob`, but at most a few times a second for a job from this process. */
export async function notifyJobSometimes(tx: Tx, jobId: string): Promise<void> {
  const now = performance.now()
  if (now - (lastAt.get(jobId) ?? -everyMs) < everyMs) return
  // Removing the oldest keeps the map small, however many jobs there are.
  if (lastAt.size > 1000) lastAt.delete(lastAt.keys().next().value as string)
  lastAt.set(jobId, now)
  await notifyJob(tx, jobId)
}
