import type { AnnouncedEvent } from '../events/announce.ts'
import type { Tx } from '../platform/database/connect.ts'
import { DomainError } from '../platform/values/errors.ts'
import { findCyclesOwed } from './contribution-sql.ts'

/**
 * Whoever is asked for a contribution is not forgotten before it is paid or waived.
 *
 * @throws DomainError `member-owes`
 */
export async function refuseErasureOfDebtor(tx: Tx, { subject }: AnnouncedEvent): Promise<void> {
  // The subject of this event is the member.
  const cycleCodes = await findCyclesOwed(tx, subject as string)
  if (cycleCodes.length === 0) return
  throw new DomainError('member-owes', `The member owes a contribution in ${cycleCodes.join(', ')}.`)
}
