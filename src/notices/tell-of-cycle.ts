import type { Tx } from '../database/connect.ts'
import { insertJob } from '../jobs/job-sql.ts'
import { hasAgents, insertUserNotices, notifyNotices } from './notice-sql.ts'
import { notifyAgents } from './notify-agents.ts'

/**
 * Tells admins and treasurers that a cycle is Active, and leaves telling the agents to a job: both in the transaction that
 * makes it Active, so nobody hears of it before and nobody is forgotten after.
 *
 * @param eventId the event that says so
 */
export async function tellReady(tx: Tx, cycleId: string, eventId: number): Promise<void> {
  await insertUserNotices(tx, { eventId, cycleId, noticeKind: 'cycle-ready' })
  const jobId = (await hasAgents(tx))
    ? await insertJob(tx, {
        jobKind: notifyAgents.name,
        subject: cycleId,
        params: { eventId },
        createdBy: 'almoner',
      })
    : undefined
  await notifyNotices(tx, jobId)
}

/** Tells admins and treasurers that the contributions could not be created. */
export async function tellFailed(tx: Tx, cycleId: string, eventId: number): Promise<void> {
  await insertUserNotices(tx, { eventId, cycleId, noticeKind: 'cycle-failed' })
  await notifyNotices(tx)
}
