import { z } from 'zod'
import { findDoneChunks } from '../platform/jobs/chunk-sql.ts'
import type { JobKind } from '../platform/jobs/job-kind.ts'
import { UnrecoverableError } from '../platform/jobs/job-kind.ts'
import { countContributions, deleteContributions } from './contribution-sql.ts'
import { findCycleCode } from './cycle-sql.ts'

const params = z.strictObject({ creationJobId: z.uuid() })

/**
 * Removes the contributions that a cancelled cycle had got so far: the chunks its creation had done, one by one. The
 * cycle is Cancelled from the moment it was cancelled; this only tidies up after it.
 */
export const removeContributions: JobKind<z.infer<typeof params>> = {
  name: 'remove-cycle-contributions',
  params,
  logFields: findCycleCode,
  // The claim may have its next cycle meanwhile: that comes first.
  priority: 'low',

  async plan(tx, job, chunkRows) {
    const chunks = await findDoneChunks(tx, job.params.creationJobId)
    chunkRows(Math.max(0, ...chunks.map((chunk) => chunk.expected)))
    return chunks
  },

  async run(tx, job, chunk) {
    return deleteContributions(tx, job.subject, chunk)
  },

  async finish(tx, job) {
    const left = await countContributions(tx, job.subject)
    if (left > 0) throw new UnrecoverableError(`${left} contributions of the cancelled cycle are left.`)
  },

  /** The cycle stays Cancelled; the job says what went wrong and can be retried. */
  async fail() {},
  async cancel() {},
}
