import { creationJobKind } from '../cycles/create-contributions.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import { type Engine, wakeJob } from '../platform/jobs/engine.ts'
import { findJobView, type JobView } from '../platform/jobs/job-view-sql.ts'
import { retryJob } from '../platform/jobs/steer-job.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'

/**
 * Tries again what failed of a Failed job; what is done stays done. The creation of a cycle is tried again with its cycle.
 *
 * @throws DomainError `job-not-found`, `job-state`
 */
export async function retryFailedJob(
  { db, announce, engine }: AnnounceDeps & { engine: Engine },
  { jobId, actor }: { jobId: string; actor: Actor },
): Promise<JobView> {
  const job = await db.transaction().execute(async (tx) => {
    const found = await findJobView(tx, jobId)
    if (!found) throw new DomainError('job-not-found', `There is no job ${jobId}.`)
    if (found.jobKind === creationJobKind) {
      throw new DomainError('job-state', 'This is tried again with its cycle: almoner cycles retry.')
    }
    await retryJob(tx, jobId)
    await announce(tx, {
      eventName: 'JobRetried',
      subject: found.subject,
      actor,
      payload: { jobId, jobKind: found.jobKind },
    })
    return found
  })
  await wakeJob(engine, job)
  return job
}
