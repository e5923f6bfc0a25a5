import { findSettledAt } from '../access/access-sql.ts'
import type { Tx } from '../platform/database/connect.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import { letsOneDoBoth } from './approval-sql.ts'

/**
 * Who was given a role a moment ago decides nothing yet: else whoever gives roles would be two persons by herself. A fund of one
 * person has nobody to keep from it.
 *
 * @throws DomainError `new-approver`
 */
export async function requireSettled(tx: Tx, actor: Actor): Promise<void> {
  const settledAt = await findSettledAt(tx, actor.name)
  if (settledAt === undefined || (await letsOneDoBoth(tx))) return
  const instant = `${new Date(settledAt).toISOString().slice(0, 16).replace('T', ' ')} UTC`
  throw new DomainError(
    'new-approver',
    `Your role is new: you decide from ${instant} on. An admin other than who gave it may ask before that for you to be confirmed.`,
  )
}
