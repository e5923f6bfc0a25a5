import type { Announce, AnnounceDeps } from '../events/announce.ts'
import { differences } from '../events/event-rules.ts'
import type { Tx } from '../platform/database/connect.ts'
import { isRestricted, isUniqueViolation } from '../platform/database/sql-state.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import { takenCode } from '../platform/values/text-rules.ts'
import {
  type AgentRow,
  deleteAgent,
  findAgent,
  hasMembers,
  insertAgent,
  lockAgent,
  moveMembers,
  updateAgent,
} from './member-sql.ts'

export type NewAgent = Pick<AgentRow, 'agentCode' | 'fullName' | 'email' | 'phone'>

/** @throws DomainError `agent-code-taken` */
export async function addAgent(
  { db, announce }: AnnounceDeps,
  { actor, ...agent }: NewAgent & { actor: Actor },
): Promise<AgentRow> {
  try {
    return await db.transaction().execute(async (tx) => {
      const twin = await findAgent(tx, agent.agentCode)
      if (twin) throw agentCodeTaken(agent.agentCode, twin.agentCode)
      return insertAnnounced(tx, announce, agent, actor)
    })
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw agentCodeTaken(agent.agentCode, agent.agentCode)
  }
}

/** Adds an agent whose code is free. */
export async function insertAnnounced(
  tx: Tx,
  announce: Announce,
  agent: NewAgent,
  actor: Actor,
): Promise<AgentRow> {
  const added = await insertAgent(tx, agent)
  await announce(tx, { eventName: 'AgentAdded', subject: added.agentId, actor, payload: { after: added } })
  return added
}

function agentCodeTaken(agentCode: string, taken: string): DomainError {
  return new DomainError('agent-code-taken', `There is an agent ${takenCode(agentCode, taken)}.`)
}

export interface AgentChanges {
  readonly fullName?: string
  readonly email?: string | null
  readonly phone?: string | null
  /** Whether no more members can be given to the agent. */
  readonly isRetired?: boolean
}

/**
 * Changes what is kept of an agent, or retires one who has no members any more.
 *
 * @throws DomainError `agent-not-found`, and `agent-in-use` for a retirement while the agent has members
 */
export async function changeAgent(
  { db, announce }: AnnounceDeps,
  { agentId, changes, actor }: { agentId: string; changes: AgentChanges; actor: Actor },
): Promise<AgentRow> {
  return db.transaction().execute(async (tx) => {
    const before = await lockAgent(tx, agentId)
    if (!before) throw agentNotFound()
    if (changes.isRetired && (await hasMembers(tx, agentId))) {
      throw new DomainError(
        'agent-in-use',
        `Agent ${before.agentCode} has members: move them to another agent first.`,
      )
    }
    return updateAnnounced(tx, announce, { before, changes }, actor)
  })
}

/** @param change.before the agent, which nobody else changes until the transaction ends */
export async function updateAnnounced(
  tx: Tx,
  announce: Announce,
  { before, changes }: { before: AgentRow; changes: AgentChanges },
  actor: Actor,
): Promise<AgentRow> {
  const after = await updateAgent(tx, before.agentId, changes)
  const { agentId: subject, agentCode } = after
  const payload = { agentCode, ...differences(before, after) }
  await announce(tx, { eventName: 'AgentChanged', subject, actor, payload })
  return after
}

/**
 * Removes an agent who was never used.
 *
 * @throws DomainError `agent-not-found`, `agent-in-use`
 */
export async function removeAgent(
  { db, announce }: AnnounceDeps,
  { agentId, actor }: { agentId: string; actor: Actor },
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const before = await lockAgent(tx, agentId)
    if (!before) throw agentNotFound()
    try {
      await deleteAgent(tx, agentId)
    } catch (error) {
      if (!isRestricted(error)) throw error
      const detail = `Agent ${before.agentCode} is used, or was: agents can be retired, and not removed.`
      throw new DomainError('agent-in-use', detail, [], { cause: error })
    }
    await announce(tx, { eventName: 'AgentRemoved', subject: agentId, actor, payload: { before } })
  })
}

/**
 * Gives all members of one agent to another, in one step. What was asked in cycles that are Active stays with the former agent.
 *
 * @param toAgentId null: to nobody
 * @returns how many members were moved
 * @throws DomainError `agent-not-found`, `agent-retired`
 */
export async function moveMembersOfAgent(
  { db, announce }: AnnounceDeps,
  { agentId, toAgentId, actor }: { agentId: string; toAgentId: string | null; actor: Actor },
): Promise<number> {
  return db.transaction().execute(async (tx) => {
    const from = await lockAgent(tx, agentId)
    const to = toAgentId === null ? null : await lockAgent(tx, toAgentId)
    if (!from || to === undefined) throw agentNotFound()
    if (to && to.retiredAt !== null) {
      throw new DomainError('agent-retired', `Agent ${to.agentCode} is retired: choose another.`)
    }
    const members = agentId === toAgentId ? 0 : await moveMembers(tx, agentId, toAgentId)
    await announce(tx, {
      eventName: 'AgentMembersMoved',
      subject: agentId,
      actor,
      payload: { agentCode: from.agentCode, toAgentCode: to?.agentCode ?? null, members },
    })
    return members
  })
}

function agentNotFound(): DomainError {
  return new DomainError('agent-not-found', 'There is no such agent.')
}
