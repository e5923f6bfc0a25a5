import type { AnnouncedEvent, Subscriptions } from '../events/announce.ts'
import type { Tx } from '../platform/database/connect.ts'
import { insertJob } from '../platform/jobs/job-sql.ts'
import { almoner } from '../platform/values/actor.ts'
import {
  areMembersTold,
  findCyclesNotTold,
  hasAgents,
  insertUserNotices,
  makeMemberNotices,
  notifyNotices,
} from './notice-sql.ts'
import { agentNoticesJobKind } from './notify-agents.ts'
import { memberNoticesJobKind } from './notify-members.ts'

/**
 * Who is told when a cycle is Active or its contributions could not be created. All of it happens in the transaction that
 * makes it true: nobody hears of it before, and nobody is forgotten after. Telling agents and members is left to jobs.
 */
export const cycleSubscriptions: Subscriptions = {
  async ContributionCycleActivated(tx, event) {
    const { cycleId } = await tellUsers(tx, event, 'cycle-ready')
    const jobKinds = [
      ...((await hasAgents(tx)) ? [agentNoticesJobKind] : []),
      ...((await areMembersTold(tx)) ? [memberNoticesJobKind] : []),
    ]
    for (const jobKind of jobKinds) {
      const job = { jobKind, subject: cycleId, params: { eventId: event.eventId }, createdBy: almoner.name }
      await notifyNotices(tx, { jobKind, jobId: await insertJob(tx, job) })
    }
    await notifyNotices(tx)
  },
  async ContributionCycleFailed(tx, event) {
    await tellUsers(tx, event, 'cycle-failed')
    await notifyNotices(tx)
  },
}

/**
 * A death that was reported is none: whoever got no letter for it is told of the cycles in which all others were told meanwhile. Where
 * the others are still being told, so will this member.
 */
export async function tellWhoLives(tx: Tx, { payload }: AnnouncedEvent): Promise<void> {
  const { deceasedMemberId: memberId } = payload as { deceasedMemberId: string }
  if (!(await areMembersTold(tx))) return
  for (const told of await findCyclesNotTold(tx, memberId, memberNoticesJobKind)) {
    await makeMemberNotices(tx, told, { firstKey: memberId, lastKey: memberId })
  }
  await notifyNotices(tx)
}

/** Tells admins and treasurers. */
async function tellUsers(
  tx: Tx,
  { eventId, subject }: AnnouncedEvent,
  noticeKind: 'cycle-ready' | 'cycle-failed',
): Promise<{ cycleId: string }> {
  // Events of a cycle have it as their subject.
  const cycleId = subject as string
  await insertUserNotices(tx, { eventId, cycleId, noticeKind })
  return { cycleId }
}
