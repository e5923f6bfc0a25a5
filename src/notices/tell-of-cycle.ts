import type { Tx } from '../platform/database/connect.ts'
import { insertJob } from '../platform/jobs/job-sql.ts'
import { areMembersTold, hasAgents, insertUserNotices, notifyNotices } from './notice-sql.ts'
import { notifyAgents } from './notify-agents.ts'
import { notifyMembers } from './notify-members.ts'

/**
 * Tells admins and treasurers that a cycle is Active, and leaves telling agents and members to jobs: all in the transaction that
 * makes it Active, so nobody hears of it before and nobody is forgotten after.
 *
 * @param eventId the event that says so
 */
export async function tellReady(tx: Tx, cycleId: string, eventId: number): Promise<void> {
  await insertUserNotices(tx, { eventId, cycleId, noticeKind: 'cycle-ready' })
  const kinds = [
    ...((await hasAgents(tx)) ? [notifyAgents] : []),
    ...((await areMembersTold(tx)) ? [notifyMembers] : []),
  ]
  for (const { name: jobKind } of kinds) {
    const job = { jobKind, subject: cycleId, params: { eventId }, createdBy: 'almoner' }
    await notifyNotices(tx, { jobKind, jobId: await insertJob(tx, job) })
  }
  await notifyNotices(tx)
}

/** Tells admins and treasurers that the contributions could not be created. */
export async function tellFailed(tx: Tx, cycleId: string, eventId: number): Promise<void> {
  await insertUserNotices(tx, { eventId, cycleId, noticeKind: 'cycle-failed' })
  await notifyNotices(tx)
}
