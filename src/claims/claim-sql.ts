import { type Selectable, sql } from 'kysely'
import { erasedName, type MemberStatus } from '../members/member-rules.ts'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { Claims } from '../platform/database/schema.ts'
import { DomainError } from '../platform/values/errors.ts'
import type { ClaimStatus } from './claim-rules.ts'

/** A claim as the API shows it: with the member, and the cycle that collects for it. */
export type ClaimView = Omit<
  Selectable<Claims>,
  'deceasedFullName' | 'tierId' | 'joinedOn' | 'statusBefore'
> & {
  deceasedMemberCode: string
  deceasedFullName: string
  tierId: string
  joinedOn: string
  /** What the register now says differently from when the claim was submitted. */
  registerDiffers: ('fullName' | 'joinedOn' | 'tier')[]
  tierCode: string
  cycleId: string | null
  cycleCode: string | null
}

const claimViews = (db: Db) =>
  db
    .selectFrom('claims as c')
    .innerJoin('members as m', 'm.memberId', 'c.deceasedMemberId')
    .innerJoin('tiers as t', (join) => join.on('t.tierId', '=', sql`coalesce(c.tier_id, m.tier_id)`))
    .leftJoin('contributionCycles as cy', (join) =>
      join.onRef('cy.claimId', '=', 'c.claimId').on('cy.cycleStatus', '!=', 'Cancelled'),
    )
    .select([
      'c.claimId',
      'c.claimCode',
      'c.deceasedMemberId',
      'c.dateOfDeath',
      'c.placeOfDeath',
      'c.benefitAmount',
      'c.claimStatus',
      'c.inStanding',
      'c.submittedBy',
      'c.submittedAt',
      'c.approvedBy',
      'c.approvedAt',
      'c.approvalReason',
      'c.rejectedBy',
      'c.rejectedAt',
      'c.rejectionReason',
      'c.revokedBy',
      'c.revokedAt',
      'c.revocationReason',
      'm.memberCode as deceasedMemberCode',
      // An older version submits claims without these values.
      sql<string>`coalesce(c.deceased_full_name, m.full_name)`.as('deceasedFullName'),
      sql<string>`coalesce(c.joined_on, m.joined_on)`.as('joinedOn'),
      't.tierId',
      't.tierCode',
      sql<ClaimView['registerDiffers']>`array_remove(array[
        case when m.erased_at is null and c.deceased_full_name <> m.full_name then 'fullName' end,
        case when c.joined_on <> m.joined_on then 'joinedOn' end,
        case when c.tier_id <> m.tier_id then 'tier' end], null)`.as('registerDiffers'),
      'cy.cycleId',
      'cy.cycleCode',
    ])

export async function findClaim(
  db: Db,
  key: { claimId: string } | { claimCode: string },
): Promise<ClaimView | undefined> {
  return 'claimId' in key
    ? claimViews(db).where('c.claimId', '=', key.claimId).executeTakeFirst()
    : claimViews(db).where('c.claimCode', '=', key.claimCode).executeTakeFirst()
}

/** @throws DomainError `claim-not-found` */
export async function requireClaim(db: Db, claimId: string): Promise<ClaimView> {
  const claim = await findClaim(db, { claimId })
  if (!claim) throw new DomainError('claim-not-found', 'There is no such claim.')
  return claim
}

/** A page of claims, newest first, before the given one. */
export async function findClaims(
  db: Db,
  filter: { status?: ClaimStatus | undefined; hasCycle?: boolean | undefined },
  page: { before?: { submittedAt: string; claimId: string }; limit: number },
): Promise<ClaimView[]> {
  let query = claimViews(db).orderBy('c.submittedAt', 'desc').orderBy('c.claimId', 'desc').limit(page.limit)
  if (filter.status) query = query.where('c.claimStatus', '=', filter.status)
  if (filter.hasCycle !== undefined)
    query = query.where('cy.cycleId', filter.hasCycle ? 'is not' : 'is', null)
  if (page.before) {
    const { submittedAt, claimId } = page.before
    query = query.where(
      sql<boolean>`(c.submitted_at, c.claim_id) < (${submittedAt}::timestamptz, ${claimId}::uuid)`,
    )
  }
  return query.execute()
}

export async function insertClaim(
  tx: Tx,
  claim: {
    claimCode: string
    deceasedMemberId: string
    dateOfDeath: string
    placeOfDeath: string | null
    benefitAmount: number
    submittedBy: string
    deceasedFullName: string
    joinedOn: string
    tierId: string
    inStanding: boolean
  },
): Promise<string> {
  const { claimId } = await tx
    .insertInto('claims')
    .values(claim)
    .returning('claimId')
    .executeTakeFirstOrThrow()
  return claimId
}

/**
 * Approves a Submitted claim of somebody else's, or of one's own where the fund lets that be; nothing comes back when it
 * is neither.
 */
export async function approveSubmittedClaim(
  tx: Tx,
  claimId: string,
  actor: string,
  reason: string | null,
): Promise<string | undefined> {
  const { rows } = await sql<{ deceasedMemberId: string }>`
    update claims set claim_status = 'Approved', approved_by = ${actor}, approved_at = now(), approval_reason = ${reason},
      status_before = (select member_status from members where member_id = deceased_member_id)
    where claim_id = ${claimId} and claim_status = 'Submitted'
      and (submitted_by <> ${actor} or (select self_approval from fund))
    returning deceased_member_id`.execute(tx)
  return rows[0]?.deceasedMemberId
}

/** Rejects a Submitted claim; false when it is in another state. */
export async function rejectSubmittedClaim(
  tx: Tx,
  claimId: string,
  actor: string,
  reason: string,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update claims
    set claim_status = 'Rejected', rejected_by = ${actor}, rejected_at = now(), rejection_reason = ${reason}
    where claim_id = ${claimId} and claim_status = 'Submitted'`.execute(tx)
  return numAffectedRows === 1n
}

/** Makes an Approved claim Revoked, and returns the earlier status of the member; undefined when the claim is in another state. */
export async function revokeApprovedClaim(
  tx: Tx,
  claimId: string,
  actor: string,
  reason: string,
): Promise<{ deceasedMemberId: string; statusBefore: MemberStatus } | undefined> {
  const { rows } = await sql<{ deceasedMemberId: string; statusBefore: MemberStatus }>`
    update claims
    set claim_status = 'Revoked', revoked_by = ${actor}, revoked_at = now(), revocation_reason = ${reason}
    where claim_id = ${claimId} and claim_status = 'Approved'
    returning deceased_member_id, coalesce(status_before, 'Active') as status_before`.execute(tx)
  return rows[0]
}

/** Removes the personal data from the claims for the member, and returns these. */
export async function blankClaims(
  tx: Tx,
  memberId: string,
): Promise<Pick<ClaimView, 'claimId' | 'claimCode' | 'claimStatus'>[]> {
  return tx
    .updateTable('claims')
    .set({ placeOfDeath: null, deceasedFullName: erasedName })
    .where('deceasedMemberId', '=', memberId)
    .returning(['claimId', 'claimCode', 'claimStatus'])
    .execute()
}
