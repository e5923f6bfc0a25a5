import type { Db } from '../database/connect.ts'
import { DomainError } from '../errors.ts'
import { insertEvent } from '../events/event-sql.ts'
import { markDeceased } from '../members/keep-members.ts'
import { approveSubmittedClaim, type ClaimView, rejectSubmittedClaim, requireClaim } from './claim-sql.ts'

/**
 * Approves a Submitted claim. The member becomes Deceased, and what the member still owed in other cycles is waived.
 *
 * @throws DomainError `claim-not-found`, `claim-not-submitted`
 */
export async function approveClaim(
  { db }: { db: Db },
  input: { claimId: string; actor: string },
): Promise<ClaimView> {
  return db.transaction().execute(async (tx) => {
    const deceasedMemberId = await approveSubmittedClaim(tx, input.claimId, input.actor)
    if (deceasedMemberId === undefined) throw await decidedAlready(tx, input.claimId)
    await markDeceased(tx, deceasedMemberId)
    await insertEvent(tx, { eventName: 'ClaimApproved', subject: input.claimId, actor: input.actor })
    return requireClaim(tx, input.claimId)
  })
}

/**
 * Rejects a Submitted claim; the member stays what it is, and another claim may be submitted.
 *
 * @throws DomainError `claim-not-found`, `claim-not-submitted`
 */
export async function rejectClaim(
  { db }: { db: Db },
  input: { claimId: string; reason: string; actor: string },
): Promise<ClaimView> {
  const { claimId, reason, actor } = input
  return db.transaction().execute(async (tx) => {
    if (!(await rejectSubmittedClaim(tx, claimId, actor, reason))) throw await decidedAlready(tx, claimId)
    await insertEvent(tx, { eventName: 'ClaimRejected', subject: claimId, actor, payload: { reason } })
    return requireClaim(tx, claimId)
  })
}

async function decidedAlready(db: Db, claimId: string): Promise<DomainError> {
  const claim = await requireClaim(db, claimId)
  return new DomainError('claim-not-submitted', `Claim ${claim.claimCode} is ${claim.claimStatus} already.`)
}
