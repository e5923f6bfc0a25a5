import type { AnnounceDeps } from '../events/announce.ts'
import { differences } from '../events/event-rules.ts'
import { localDate } from '../fund/fund-rules.ts'
import { findFund } from '../fund/fund-sql.ts'
import type { Db, Tx } from '../platform/database/connect.ts'
import { isForeignKeyViolation, isUniqueViolation } from '../platform/database/sql-state.ts'
import type { Actor } from '../platform/values/actor.ts'
import type { Clock } from '../platform/values/clock.ts'
import { DomainError } from '../platform/values/errors.ts'
import { takenCode } from '../platform/values/text-rules.ts'
import { type MemberStatus, memberMoves, memberStatuses, personalFields } from './member-rules.ts'
import {
  findMember,
  findRetired,
  insertMember,
  lockMember,
  type MemberView,
  type NewMember,
  updateMember,
} from './member-sql.ts'

/**
 * Puts a member on the register. Somebody who joins in the future is refused, so a member in standing has joined.
 *
 * @throws DomainError `member-code-taken`, `invalid-input`, `tier-not-found`, `agent-not-found`
 */
export async function addMember(
  { db, announce, clock }: AnnounceDeps & { clock: Clock },
  { actor, ...member }: NewMember & { actor: Actor },
): Promise<MemberView> {
  await refuseFutureJoiner(db, clock, member.joinedOn)
  if (member.memberStatus === 'Deceased') throw deathNeedsClaim()
  try {
    return await db.transaction().execute(async (tx) => {
      await refuseRetired(tx, member)
      const twin = await findMember(tx, { memberCode: member.memberCode })
      if (twin) throw memberCodeTaken(member.memberCode, twin.memberCode)
      const added = await requireMember(tx, await insertMember(tx, member))
      await announce(tx, {
        eventName: 'MemberAdded',
        subject: added.memberId,
        actor,
        payload: { after: added },
        personal: { memberId: added.memberId, fields: personalFields },
      })
      return added
    })
  } catch (error) {
    if (!isUniqueViolation(error)) throw refusalOfReference(error)
    throw memberCodeTaken(member.memberCode, member.memberCode)
  }
}

function memberCodeTaken(memberCode: string, taken: string): DomainError {
  return new DomainError('member-code-taken', `There is a member ${takenCode(memberCode, taken)}.`)
}

/**
 * Changes what the register says of a member. A change of tier, or from or to Active, closes and opens standings.
 *
 * @throws DomainError `member-not-found`, `member-deceased`, `member-erased`, `invalid-input`, `tier-not-found`, `agent-not-found`
 */
export async function changeMember(
  { db, announce, clock }: AnnounceDeps & { clock: Clock },
  {
    memberId,
    changes,
    actor,
  }: { memberId: string; changes: Partial<Omit<NewMember, 'memberCode'>>; actor: Actor },
): Promise<MemberView> {
  if (changes.joinedOn !== undefined) await refuseFutureJoiner(db, clock, changes.joinedOn)
  const { memberStatus } = changes
  const from = memberStatuses.filter(
    (status) =>
      (memberStatus === undefined ||
        status === memberStatus ||
        (memberMoves[status] as readonly MemberStatus[]).includes(memberStatus)) &&
      // A cycle is for the tier of its deceased.
      (changes.tierId === undefined || status !== 'Deceased'),
  )
  try {
    return await db.transaction().execute(async (tx) => {
      await lockMember(tx, memberId)
      const before = await requireMember(tx, memberId)
      const { memberCode, erasedAt } = before
      if (erasedAt !== null) {
        throw new DomainError('member-erased', `${memberCode} was erased: nothing can change any more.`)
      }
      await refuseRetired(tx, changes)
      if (memberStatus === 'Deceased' && before.memberStatus !== 'Deceased') throw deathNeedsClaim()
      if (!(await updateMember(tx, memberId, changes, from))) {
        throw new DomainError(
          'member-deceased',
          `${memberCode} is ${before.memberStatus}: neither status nor tier can change any more.`,
        )
      }
      const after = await requireMember(tx, memberId)
      await announce(tx, {
        eventName: 'MemberChanged',
        subject: memberId,
        actor,
        payload: { memberCode, ...differences(before, after) },
        personal: { memberId, fields: personalFields },
      })
      return after
    })
  } catch (error) {
    throw refusalOfReference(error)
  }
}

/** Marks the member Deceased, in the transaction that proves the death. Does nothing if the member is Deceased already. */
export async function markDeceased(tx: Tx, memberId: string): Promise<void> {
  await updateMember(tx, memberId, { memberStatus: 'Deceased' }, ['Active', 'Suspended', 'Inactive'])
}

/** Gives the member back the status from before a death that did not happen, in the same transaction. */
export async function undoDeceased(tx: Tx, memberId: string, memberStatus: MemberStatus): Promise<void> {
  await updateMember(tx, memberId, { memberStatus }, ['Deceased'])
}

/**
 * @param ownAgentId the agent who asks, to whom the members of others are not there; undefined for everybody else
 * @throws DomainError `member-not-found`
 */
export async function requireMember(db: Db, memberId: string, ownAgentId?: string): Promise<MemberView> {
  const member = await findMember(db, { memberId })
  if (!member || (ownAgentId !== undefined && member.agentId !== ownAgentId))
    throw new DomainError('member-not-found', 'There is no such member.')
  return member
}

/** No member can be moved to a retired tier or agent. */
async function refuseRetired(
  tx: Tx,
  { tierId, agentId }: { tierId?: string | undefined; agentId?: string | null | undefined },
): Promise<void> {
  const { tierCode, agentCode } = await findRetired(tx, { tierId, agentId })
  if (tierCode !== null) {
    throw new DomainError('tier-retired', `Tier ${tierCode} is retired: no member comes into it any more.`)
  }
  if (agentCode !== null) {
    throw new DomainError('agent-retired', `Agent ${agentCode} is retired: choose another.`)
  }
}

/** A death has lasting effects: it needs a claim, which another person approves. */
function deathNeedsClaim(): DomainError {
  return new DomainError(
    'invalid-input',
    'Nobody becomes Deceased but by an approved claim: submit a death claim for the member.',
    [{ pointer: '/memberStatus', detail: 'must not be Deceased' }],
  )
}

async function refuseFutureJoiner(db: Db, clock: Clock, joinedOn: string): Promise<void> {
  const today = localDate(clock.now(), (await findFund(db)).timeZone)
  if (joinedOn > today) {
    throw new DomainError('invalid-input', `Nobody joins in the future; today is ${today}.`, [
      { pointer: '/joinedOn', detail: `must not be later than ${today}` },
    ])
  }
}

/** The refusal of a foreign key as a sentence; other errors unchanged. */
function refusalOfReference(error: unknown): unknown {
  if (isForeignKeyViolation(error, 'members_tier_id_fkey')) {
    return new DomainError('tier-not-found', 'There is no such tier.', [], { cause: error })
  }
  if (isForeignKeyViolation(error, 'members_agent_id_fkey')) {
    return new DomainError('agent-not-found', 'There is no such agent.', [], { cause: error })
  }
  return error
}
