import type { Tx } from '../platform/database/connect.ts'
import { isUniqueViolation } from '../platform/database/sql-state.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import type { ApprovalKind } from './approval-rules.ts'
import {
  type Approval,
  decideApproval,
  findOpenApprovals,
  insertApproval,
  isSameContent,
  letsOneDoBoth,
  lockOpenApproval,
} from './approval-sql.ts'
import { requireSettled } from './settled.ts'

/** What is requested, and its subject. */
export interface Matter {
  readonly kind: ApprovalKind
  readonly subject: string
  /** Everything that the approver has seen; it must not have changed since the request. */
  readonly content: object
}

/**
 * Asks another person to approve the matter. The caller has checked that it may be done.
 *
 * @throws DomainError `approval-requested` when it has been asked for already, `new-approver`
 */
export async function requestApproval(
  tx: Tx,
  { kind, subject, content }: Matter,
  { reason, actor }: { reason: string; actor: Actor },
): Promise<Approval> {
  await requireSettled(tx, actor)
  try {
    return await insertApproval(tx, { approvalKind: kind, subject, content, reason, requestedBy: actor.name })
  } catch (error) {
    if (!isUniqueViolation(error, 'approvals_one_open')) throw error
    const detail = 'It has been asked for already: another person has to approve it.'
    throw new DomainError('approval-requested', detail, [], { cause: error })
  }
}

/**
 * What waits for another person to approve it, read without holding it: `approve` looks again.
 *
 * @throws DomainError `approval-not-requested`
 */
export async function requireRequest(
  tx: Tx,
  { kind, subject }: Pick<Matter, 'kind' | 'subject'>,
): Promise<Approval> {
  const [asked] = await findOpenApprovals(tx, { approvalKind: kind, subject }, 1)
  if (!asked) throw notRequested()
  return asked
}

/**
 * Approves what another person has asked for; the caller then does it, in the same transaction.
 *
 * @throws DomainError `approval-not-requested`, `own-request` for whoever asked for it, unless the fund has one person only, and
 *   `approval-void` when what was asked for has changed since, `new-approver`
 */
export async function approve(tx: Tx, { kind, subject, content }: Matter, actor: Actor): Promise<Approval> {
  await requireSettled(tx, actor)
  const asked = await lockOpenApproval(tx, kind, subject)
  if (!asked) throw notRequested()
  if (asked.requestedBy === actor.name && !(await letsOneDoBoth(tx))) {
    throw new DomainError('own-request', 'You asked for it yourself: another person has to approve it.')
  }
  if (!(await isSameContent(tx, asked.approvalId, content))) {
    throw new DomainError(
      'approval-void',
      'It has changed since it was asked for: withdraw the request, look again, and ask anew.',
    )
  }
  await decideApproval(tx, asked.approvalId, 'Approved', actor.name)
  return asked
}

/** @throws DomainError `approval-not-requested` */
export async function withdrawRequest(
  tx: Tx,
  { kind, subject }: Pick<Matter, 'kind' | 'subject'>,
  actor: Actor,
): Promise<void> {
  const asked = await lockOpenApproval(tx, kind, subject)
  if (!asked) throw notRequested()
  await decideApproval(tx, asked.approvalId, 'Withdrawn', actor.name)
}

function notRequested(): DomainError {
  return new DomainError('approval-not-requested', 'Nobody has asked for it.')
}
