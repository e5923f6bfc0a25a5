import { type Selectable, sql } from 'kysely'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { Claims } from '../platform/database/schema.ts'
import { DomainError } from '../platform/values/errors.ts'
import type { ClaimStatus } from './claim-rules.ts'

/** A claim as the API shows it: with whose it is, and the cycle that collects for it. */
export type ClaimView = Selectable<Claims> & {
  deceasedMemberCode: string
  deceasedFullName: string
  tierId: string
  tierCode: string
  cycleId: string | null
  cycleCode: string | null
}

const claimViews = (db: Db) =>
  db
    .selectFrom('claims as c')
    .innerJoin('members as m', 'm.memberId', 'c.deceasedMemberId')
    .innerJoin('tiers as t', 't.tierId', 'm.tierId')
    .leftJoin('contributionCycles as cy', (join) =>
      join.onRef('cy.claimId', '=', 'c.claimId').on('cy.cycleStatus', '!=', 'Cancelled'),
    )
    .selectAll('c')
    .select([
      'm.memberCode as deceasedMemberCode',
      'm.fullName as deceasedFullName',
      'm.tierId',
      't.tierCode',
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
): Promise<string | undefined> {
  const { rows } = await sql<{ deceasedMemberId: string }>`
    update claims set claim_status = 'Approved', approved_by = ${actor}, approved_at = now()
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

/** Removes what the claims for the member say of who it was, and returns them. */
export async function blankClaims(
  tx: Tx,
  memberId: string,
): Promise<Pick<ClaimView, 'claimId' | 'claimCode' | 'claimStatus'>[]> {
  return tx
    .updateTable('claims')
    .set({ placeOfDeath: null })
    .where('deceasedMemberId', '=', memberId)
    .returning(['claimId', 'claimCode', 'claimStatus'])
    .execute()
}
