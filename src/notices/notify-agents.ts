import { z } from 'zod'
import { findCycleCode } from '../cycles/cycle-sql.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import type { JobKind } from '../platform/jobs/job-kind.ts'
import { UnrecoverableError } from '../platform/jobs/job-kind.ts'
import { almoner } from '../platform/values/actor.ts'
import {
  countDigests,
  countNamed,
  divideNamed,
  makeDigests,
  nameAgents,
  notifyNotices,
} from './notice-sql.ts'

const params = z.strictObject({
  /** That the cycle is Active. */
  eventId: z.int(),
})

/** The name of this kind of job in the database. */
export const agentNoticesJobKind = 'notify-agents-new-cycle'

/**
 * Tells the agents of a cycle that is Active what they have to collect: one digest each. The subject is the cycle. Planning
 * names the agents, so that the chunks are of a set that no longer changes; each chunk makes the digests of its agents in
 * one statement.
 */
export const notifyAgents = ({
  announce,
}: Pick<AnnounceDeps, 'announce'>): JobKind<z.infer<typeof params>> => ({
  name: agentNoticesJobKind,
  params,
  logFields: findCycleCode,
  // The next cycle's contributions come first.
  priority: 'low',

  async plan(tx, job, chunkRows) {
    const { eventId } = job.params
    await nameAgents(tx, eventId, job.subject)
    const agents = await countNamed(tx, eventId)
    return agents === 0 ? [] : divideNamed(tx, eventId, agents, chunkRows(agents))
  },

  async run(tx, job, chunk) {
    const agents = await makeDigests(tx, { eventId: job.params.eventId, cycleId: job.subject }, chunk)
    await notifyNotices(tx)
    return agents
  },

  async finish(tx, job) {
    const { named, made, letters } = await countDigests(tx, job.params.eventId)
    if (named !== made) throw new UnrecoverableError(`${named} agents were named, but ${made} digests made.`)
    await announce(tx, {
      eventName: 'AgentsNotified',
      subject: job.subject,
      actor: almoner,
      payload: { agents: made, letters },
    })
  },

  /** The cycle stays Active; the job says what went wrong. */
  async fail() {},
  async cancel() {},
})
