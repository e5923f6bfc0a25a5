import { requireSettled } from '../approvals/settled.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import { destroyPersonalData } from '../events/event-sql.ts'
import { findFund } from '../fund/fund-sql.ts'
import { isUniqueViolation } from '../platform/database/sql-state.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import {
  deleteErasureRequest,
  type ErasureRequest,
  findErasureRequest,
  insertErasureRequest,
} from './erasure-sql.ts'
import { requireMember } from './keep-members.ts'
import { personalFields } from './member-rules.ts'
import { blankMember, lockMember, type MemberView } from './member-sql.ts'
import { blankImportChanges } from './undo-sql.ts'

/**
 * Asks for a member to be forgotten, which needs another person to agree. Only who has left or died can be.
 *
 * @throws DomainError `member-not-found`, `member-in-standing`, `member-erased`, `erasure-requested`, `new-approver`
 */
export async function requestErasure(
  { db, announce }: AnnounceDeps,
  { memberId, reason, actor }: { memberId: string; reason: string; actor: Actor },
): Promise<ErasureRequest> {
  try {
    return await db.transaction().execute(async (tx) => {
      await requireSettled(tx, actor)
      await lockMember(tx, memberId)
      const { memberCode } = requireErasable(await requireMember(tx, memberId))
      const request = await insertErasureRequest(tx, { memberId, reason, requestedBy: actor.name })
      await announce(tx, {
        eventName: 'MemberErasureRequested',
        subject: memberId,
        actor,
        payload: { memberCode },
      })
      return request
    })
  } catch (error) {
    if (!isUniqueViolation(error, 'erasure_requests_pkey')) throw error
    throw new DomainError(
      'erasure-requested',
      'It has been asked for already: another person has to approve it.',
      [],
      { cause: error },
    )
  }
}

/**
 * Takes the request back.
 *
 * @throws DomainError `member-not-found`, `erasure-not-requested`
 */
export async function withdrawErasure(
  { db, announce }: AnnounceDeps,
  { memberId, actor }: { memberId: string; actor: Actor },
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const { memberCode } = await requireMember(tx, memberId)
    if (!(await deleteErasureRequest(tx, memberId))) throw notRequested(memberCode)
    await announce(tx, {
      eventName: 'MemberErasureWithdrawn',
      subject: memberId,
      actor,
      payload: { memberCode },
    })
  })
}

/**
 * Forgets the member for good: name, telephone, e-mail and wallet are removed from the register and from all that events say.
 * The code, standings and contributions stay, so every total stays. Other features remove what they keep of the member, or
 * refuse, as they subscribe to `MemberErased`.
 *
 * @throws DomainError `member-not-found`, `erasure-not-requested`, `own-erasure` for whoever asked for it, unless the fund has
 *   one person only, `new-approver`, `member-in-standing`, `member-owes`, `member-is-owed`
 */
export async function eraseMember(
  { db, announce }: AnnounceDeps,
  { memberId, actor }: { memberId: string; actor: Actor },
): Promise<MemberView> {
  return db.transaction().execute(async (tx) => {
    await requireSettled(tx, actor)
    await lockMember(tx, memberId)
    const { memberCode } = requireErasable(await requireMember(tx, memberId))
    const request = await findErasureRequest(tx, memberId)
    if (!request) throw notRequested(memberCode)
    if (request.requestedBy === actor.name && !(await findFund(tx)).selfApproval) {
      throw new DomainError('own-erasure', 'You asked for it yourself: another person has to approve it.')
    }
    await deleteErasureRequest(tx, memberId)
    await blankMember(tx, memberId)
    await blankImportChanges(tx, memberId)
    await destroyPersonalData(tx, { memberId, about: [memberId] }, personalFields)
    await announce(tx, {
      eventName: 'MemberErased',
      subject: memberId,
      actor,
      payload: { memberCode, requestedBy: request.requestedBy },
    })
    return requireMember(tx, memberId)
  })
}

function requireErasable(member: MemberView): MemberView {
  const { memberCode, memberStatus, erasedAt } = member
  if (erasedAt !== null) throw new DomainError('member-erased', `${memberCode} was erased already.`)
  if (memberStatus === 'Inactive' || memberStatus === 'Deceased') return member
  throw new DomainError(
    'member-in-standing',
    `${memberCode} is ${memberStatus}: only who has left the fund (Inactive) or has died can be erased.`,
  )
}

function notRequested(memberCode: string): DomainError {
  return new DomainError('erasure-not-requested', `Nobody has asked for ${memberCode} to be erased.`)
}
