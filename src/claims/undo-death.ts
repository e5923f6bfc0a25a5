import type { Approval } from '../approvals/approval-sql.ts'
import { approve, type Matter, requestApproval, withdrawRequest } from '../approvals/two-persons.ts'
import type { Announce, AnnounceDeps } from '../events/announce.ts'
import { undoDeceased } from '../members/keep-members.ts'
import { lockMember } from '../members/member-sql.ts'
import type { Tx } from '../platform/database/connect.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import { type ClaimView, requireClaim, revokeApprovedClaim } from './claim-sql.ts'

/**
 * Asks for a death to be undone that was none, which needs another person to agree.
 *
 * @throws DomainError `claim-not-found`, `claim-not-approved`, `approval-requested`
 */
export async function requestUndoDeath(
  { db, announce }: AnnounceDeps,
  { claimId, reason, actor }: { claimId: string; reason: string; actor: Actor },
): Promise<Approval> {
  return db.transaction().execute(async (tx) => {
    const claim = requireApproved(await requireClaim(tx, claimId))
    const asked = await requestApproval(tx, matterOf(claim), { reason, actor })
    await announceAsked(tx, announce, 'ClaimRevocationRequested', claim, actor)
    return asked
  })
}

/** @throws DomainError `claim-not-found`, `approval-not-requested` */
export async function withdrawUndoDeath(
  { db, announce }: AnnounceDeps,
  { claimId, actor }: { claimId: string; actor: Actor },
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const claim = await requireClaim(tx, claimId)
    await withdrawRequest(tx, matterOf(claim), actor)
    await announceAsked(tx, announce, 'ClaimRevocationWithdrawn', claim, actor)
  })
}

/**
 * Undoes the death: the claim is Revoked, and the member is again what the register said before. Other features undo what followed
 * from the death, or refuse, as they subscribe to `ClaimRevoked`.
 *
 * @throws DomainError `claim-not-found`, `claim-not-approved`, `approval-not-requested`, `own-request`, `approval-void`
 */
export async function undoDeath(
  { db, announce }: AnnounceDeps,
  { claimId, actor }: { claimId: string; actor: Actor },
): Promise<ClaimView> {
  return db.transaction().execute(async (tx) => {
    const claim = requireApproved(await requireClaim(tx, claimId))
    await lockMember(tx, claim.deceasedMemberId)
    const { reason, requestedBy } = await approve(tx, matterOf(claim), actor)
    const revoked = await revokeApprovedClaim(tx, claimId, actor.name, reason)
    if (!revoked) throw notApproved(claim)
    await undoDeceased(tx, revoked.deceasedMemberId, revoked.statusBefore)
    await announce(tx, {
      eventName: 'ClaimRevoked',
      subject: claimId,
      actor,
      payload: { ...revoked, reason, requestedBy },
    })
    return requireClaim(tx, claimId)
  })
}

/** What the approver has seen: the member of the claim, and the cycle that collects for it. */
function matterOf({ claimId, claimStatus, deceasedMemberId, cycleId }: ClaimView): Matter {
  return { kind: 'undo-death', subject: claimId, content: { claimStatus, deceasedMemberId, cycleId } }
}

function requireApproved(claim: ClaimView): ClaimView {
  if (claim.claimStatus !== 'Approved') throw notApproved(claim)
  return claim
}

function notApproved({ claimCode, claimStatus }: ClaimView): DomainError {
  return new DomainError('claim-not-approved', `Claim ${claimCode} is ${claimStatus}, not Approved.`)
}

async function announceAsked(
  tx: Tx,
  announce: Announce,
  eventName: 'ClaimRevocationRequested' | 'ClaimRevocationWithdrawn',
  { claimId, claimCode }: ClaimView,
  actor: Actor,
): Promise<void> {
  await announce(tx, { eventName, subject: claimId, actor, payload: { claimCode } })
}
