import { z } from 'zod'
import { countContributions } from '../cycles/contribution-sql.ts'
import { findCycleCode } from '../cycles/cycle-sql.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import { divideKeys } from '../platform/jobs/divide-keys.ts'
import type { JobKind } from '../platform/jobs/job-kind.ts'
import { almoner } from '../platform/values/actor.ts'
import { countMemberNotices, makeMemberNotices, notifyNotices, owing } from './notice-sql.ts'

const params = z.strictObject({
  /** That the cycle is Active. */
  eventId: z.int(),
})

/** The name of this kind of job in the database. */
export const memberNoticesJobKind = 'notify-members-new-cycle'

/**
 * Tells the members of a cycle that is Active what the law asks, where the fund wants it: one notice each. The subject is
 * the cycle; its contributions are a set that no longer changes, and each chunk makes the notices of a range of them in one
 * statement.
 */
export const notifyMembers = ({
  announce,
}: Pick<AnnounceDeps, 'announce'>): JobKind<z.infer<typeof params>> => ({
  name: memberNoticesJobKind,
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
    await announce(tx, {
      eventName: 'MembersNotified',
      subject: job.subject,
      actor: almoner,
      payload: await countMemberNotices(tx, job.params.eventId),
    })
  },

  /** The cycle stays Active; the job says what went wrong. */
  async fail() {},
  async cancel() {},
})
