import type { AnnouncedEvent } from '../events/announce.ts'
import { destroyPersonalData } from '../events/event-sql.ts'
import type { Tx } from '../platform/database/connect.ts'
import { DomainError } from '../platform/values/errors.ts'
import { personalFields } from './claim-rules.ts'
import { blankClaims } from './claim-sql.ts'

/**
 * Removes what claims say of an erased member.
 *
 * @throws DomainError `member-is-owed` while a claim is Submitted or Approved: a benefit is, or may be, due for the member
 */
export async function forgetDeceased(tx: Tx, { subject }: AnnouncedEvent): Promise<void> {
  // The subject of this event is the member.
  const memberId = subject as string
  const claims = await blankClaims(tx, memberId)
  const open = claims.find(({ claimStatus }) => claimStatus === 'Submitted' || claimStatus === 'Approved')
  if (open) {
    throw new DomainError(
      'member-is-owed',
      `Claim ${open.claimCode} for this member is ${open.claimStatus}: a benefit is, or may be, due.`,
    )
  }
  await destroyPersonalData(tx, { memberId, about: claims.map(({ claimId }) => claimId) }, personalFields)
}
