import { z } from 'zod'
import { countContributions } from '../cycles/contribution-sql.ts'
import { findCycleCode } from '../cycles/cycle-sql.ts'
import { insertEvent } from '../events/event-sql.ts'
import { divideKeys } from '../platform/jobs/divide-keys.ts'
import type { JobKind } from '../platform/jobs/job-kind.ts'
import { almoner } from '../platform/values/actor.ts'
import { countMemberNotices, makeMemberNotices, notifyNotices, owing } from './notice-sql.ts'

const params = z.strictObject({
  /** That the cycle is Active. */
  eventId: z.int(),
})

/**
 * Tells the members of a cycle that is Active what the law asks, where the fund wants it: one notice each. The subject is
 * the cycle; its contributions are a set that no longer changes, and each chunk makes the notices of a range of them in one
 * statement.
 */
export const notifyMembers: JobKind<z.infer<typeof params>> = {
  name: 'notify-members-new-cycle',
  params,
  logFields: findCycleCode,
  // The next cycle's contributions come first.
  priority: 'low',

  async plan(tx, job, chunkRows) {
    const members = await countContributions(tx, job.subject)
    return divideKeys(tx, owing(job.subject), members, chunkRows(members))
  },

  async run(tx, job, chunk) {
    const members = await makeMemberNotices(tx, { eventId: job.params.eventId, cycleId: job.subject }, chunk)
    await notifyNotices(tx)
    return members
  },

  async finish(tx, job) {
    await insertEvent(tx, {
      eventName: 'MembersNotified',
      subject: job.subject,
      actor: almoner,
      payload: await countMemberNotices(tx, job.params.eventId),
    })
  },

  /** The cycle is Active all the same; the job says what went wrong. */
  async fail() {},
  async cancel() {},
}
