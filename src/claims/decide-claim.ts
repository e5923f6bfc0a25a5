import { requireSettled } from '../approvals/settled.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import { markDeceased } from '../members/keep-members.ts'
import type { Db } from '../platform/database/connect.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import { approveSubmittedClaim, type ClaimView, rejectSubmittedClaim, requireClaim } from './claim-sql.ts'

/**
 * Approves a Submitted claim. The member becomes Deceased, and what the member still owed in other cycles is waived.
 *
 * @param reason needed when the deceased was not in good standing on the day of death, or the register says otherwise by now
 * @throws DomainError `claim-not-found`, `claim-not-submitted`, `claim-needs-reason`, `new-approver`, and `own-claim` for whoever submitted it,
 *   unless the fund has one person only
 */
export async function approveClaim(
  { db, announce }: AnnounceDeps,
  { claimId, reason, actor }: { claimId: string; reason?: string | undefined; actor: Actor },
): Promise<ClaimView> {
  return db.transaction().execute(async (tx) => {
    await requireSettled(tx, actor)
    const claim = await requireClaim(tx, claimId)
    const doubts = claim.claimStatus === 'Submitted' ? doubtsOf(claim) : []
    if (doubts.length > 0 && reason === undefined) {
      throw new DomainError(
        'claim-needs-reason',
        `${doubts.join(' ')} Approve it with a reason, or reject it.`,
      )
    }
    const deceasedMemberId = await approveSubmittedClaim(tx, claimId, actor.name, reason ?? null)
    if (deceasedMemberId === undefined) throw await reasonAgainst(tx, claimId)
    await markDeceased(tx, deceasedMemberId)
    await announce(tx, {
      eventName: 'ClaimApproved',
      subject: claimId,
      actor,
      payload: { deceasedMemberId, ...(reason !== undefined && { reason }) },
    })
    return requireClaim(tx, claimId)
  })
}

/**
 * Rejects a Submitted claim; the member stays what it is, and another claim may be submitted.
 *
 * @throws DomainError `claim-not-found`, `claim-not-submitted`, `new-approver`
 */
export async function rejectClaim(
  { db, announce }: AnnounceDeps,
  input: { claimId: string; reason: string; actor: Actor },
): Promise<ClaimView> {
  const { claimId, reason, actor } = input
  return db.transaction().execute(async (tx) => {
    await requireSettled(tx, actor)
    if (!(await rejectSubmittedClaim(tx, claimId, actor.name, reason))) throw await reasonAgainst(tx, claimId)
    const { deceasedMemberId } = await requireClaim(tx, claimId)
    await announce(tx, {
      eventName: 'ClaimRejected',
      subject: claimId,
      actor,
      payload: { reason, deceasedMemberId },
    })
    return requireClaim(tx, claimId)
  })
}

/** Warnings for the approver of the claim, a sentence each. */
function doubtsOf({ deceasedMemberCode, dateOfDeath, inStanding, registerDiffers }: ClaimView): string[] {
  return [
    ...(inStanding === false
      ? [`${deceasedMemberCode} was not in good standing on ${dateOfDeath}, the day of death.`]
      : []),
    ...(registerDiffers.length > 0
      ? [`The register says otherwise than the claim by now: ${registerDiffers.join(', ')}.`]
      : []),
  ]
}

async function reasonAgainst(db: Db, claimId: string): Promise<DomainError> {
  const claim = await requireClaim(db, claimId)
  if (claim.claimStatus === 'Submitted') {
    return new DomainError(
      'own-claim',
      `You submitted claim ${claim.claimCode}: somebody else has to approve it.`,
    )
  }
  return new DomainError('claim-not-submitted', `Claim ${claim.claimCode} is ${claim.claimStatus} already.`)
}
