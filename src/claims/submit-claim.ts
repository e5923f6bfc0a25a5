import type { AnnounceDeps } from '../events/announce.ts'
import { claimCodePrefix, endOfDay, localDate } from '../fund/fund-rules.ts'
import { findFund, holdFund, takeCode } from '../fund/fund-sql.ts'
import { requireMember } from '../members/keep-members.ts'
import { findStandingAt } from '../members/member-sql.ts'
import { isUniqueViolation } from '../platform/database/sql-state.ts'
import type { Actor } from '../platform/values/actor.ts'
import type { Clock } from '../platform/values/clock.ts'
import { DomainError } from '../platform/values/errors.ts'
import { personalFields } from './claim-rules.ts'
import { type ClaimView, insertClaim, requireClaim } from './claim-sql.ts'

/**
 * Enters the death claim of a member. Claims are numbered in the order they come, within the fund's calendar year. What the claim
 * rests on is kept with it: tier and standing as they were on the day of death, name and joining date as they are now.
 *
 * @throws DomainError `member-not-found`, `member-erased`, `claim-exists`, and `invalid-input` for a date of death in the future or
 *   before the member joined
 */
export async function submitClaim(
  { db, announce, clock }: AnnounceDeps & { clock: Clock },
  input: {
    deceasedMemberId: string
    dateOfDeath: string
    placeOfDeath: string | null
    benefitAmount: number
    actor: Actor
  },
): Promise<ClaimView> {
  const { timeZone } = await findFund(db)
  const now = clock.now()
  const today = localDate(now, timeZone)
  const member = await requireMember(db, input.deceasedMemberId)
  if (member.erasedAt !== null) {
    throw new DomainError(
      'member-erased',
      `${member.memberCode} was erased: nobody can tell any more who it was.`,
    )
  }
  if (input.dateOfDeath > today) throw dateFault(`must not be later than ${today}`)
  if (input.dateOfDeath < member.joinedOn) {
    throw dateFault(`must not be before ${member.memberCode} joined, on ${member.joinedOn}`)
  }
  const { actor, ...claim } = input
  try {
    return await db.transaction().execute(async (tx) => {
      await holdFund(tx, 'share')
      const claimCode = await takeCode(tx, claimCodePrefix, Number(today.slice(0, 4)))
      const { deceasedMemberId, dateOfDeath } = claim
      const standing = await findStandingAt(tx, deceasedMemberId, endOfDay(dateOfDeath, timeZone, now))
      const { fullName, joinedOn } = await requireMember(tx, deceasedMemberId)
      const claimId = await insertClaim(tx, {
        ...claim,
        claimCode,
        submittedBy: actor.name,
        deceasedFullName: fullName,
        joinedOn,
        ...standing,
      })
      const submitted = await requireClaim(tx, claimId)
      await announce(tx, {
        eventName: 'ClaimSubmitted',
        subject: claimId,
        actor,
        payload: { claimCode, after: submitted },
        personal: { memberId: claim.deceasedMemberId, fields: personalFields },
      })
      return submitted
    })
  } catch (error) {
    if (!isUniqueViolation(error, 'claims_one_per_deceased')) throw error
    throw new DomainError('claim-exists', `There is a claim for ${member.memberCode} already.`, [], {
      cause: error,
    })
  }
}

function dateFault(detail: string): DomainError {
  return new DomainError('invalid-input', `The date of death ${detail}.`, [
    { pointer: '/dateOfDeath', detail },
  ])
}
