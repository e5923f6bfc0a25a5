import { countDeciders } from '../access/access-sql.ts'
import type { Approval } from '../approvals/approval-sql.ts'
import { approve, type Matter, requestApproval, withdrawRequest } from '../approvals/two-persons.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import type { Tx } from '../platform/database/connect.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import { fundSubject } from './fund-rules.ts'
import { type FundRow, holdFund, updateFund } from './fund-sql.ts'

const kind = 'self-approval'

const subject = fundSubject

/**
 * Asks that whoever submits a claim may approve it, which needs another person to agree.
 *
 * @throws DomainError `invalid-input` when it is so already, `approval-requested`
 */
export async function requestSelfApproval(
  { db, announce }: AnnounceDeps,
  { reason, actor }: { reason: string; actor: Actor },
): Promise<Approval> {
  return db.transaction().execute(async (tx) => {
    const fund = await holdFund(tx, 'update')
    if (fund.selfApproval) {
      throw new DomainError('invalid-input', 'Whoever submits a claim may approve it already.')
    }
    const asked = await requestApproval(tx, await matterOf(tx, fund), { reason, actor })
    await announce(tx, { eventName: 'SelfApprovalRequested', subject: null, actor, payload: { reason } })
    return asked
  })
}

/** @throws DomainError `approval-not-requested` */
export async function withdrawSelfApproval({ db, announce }: AnnounceDeps, actor: Actor): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await withdrawRequest(tx, { kind, subject }, actor)
    await announce(tx, { eventName: 'SelfApprovalRequestWithdrawn', subject: null, actor })
  })
}

/**
 * From now on whoever submits a claim may approve it, as another person has asked.
 *
 * @throws DomainError `approval-not-requested`, `own-request`, `approval-void`
 */
export async function allowSelfApproval({ db, announce }: AnnounceDeps, actor: Actor): Promise<FundRow> {
  return db.transaction().execute(async (tx) => {
    const fund = await holdFund(tx, 'update')
    const { reason, requestedBy } = await approve(tx, await matterOf(tx, fund), actor)
    const changed = await updateFund(tx, { selfApproval: true })
    await announce(tx, {
      eventName: 'FundChanged',
      subject: null,
      actor,
      payload: { before: { selfApproval: false }, after: { selfApproval: true }, reason, requestedBy },
    })
    return changed
  })
}

/** Whoever approves has seen that it is not so yet, and how many could decide claims instead. */
async function matterOf(tx: Tx, { selfApproval }: FundRow): Promise<Matter> {
  return { kind, subject, content: { selfApproval, deciders: await countDeciders(tx) } }
}
