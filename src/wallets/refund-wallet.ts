import type { Approval } from '../approvals/approval-sql.ts'
import { approve, type Matter, requestApproval, withdrawRequest } from '../approvals/two-persons.ts'
import type { AnnounceDeps, AnnouncedEvent } from '../events/announce.ts'
import { localDate } from '../fund/fund-rules.ts'
import { findFund } from '../fund/fund-sql.ts'
import { post } from '../ledger/post.ts'
import { requireMember } from '../members/keep-members.ts'
import { requireSource } from '../payments/keep-sources.ts'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { Actor } from '../platform/values/actor.ts'
import type { Clock } from '../platform/values/clock.ts'
import { DomainError } from '../platform/values/errors.ts'
import { formatAmount } from '../platform/values/money-rules.ts'
import { findBalance } from './wallet-sql.ts'

/** What the member has in the wallet, and what is to be given back of it. */
export interface WalletView {
  readonly memberId: string
  readonly memberCode: string
  /** Minor units. */
  readonly balance: number
}

/** What is to be given back, and out of which till or account. */
interface Refund {
  readonly amount: number
  readonly sourceCode: string
}

/** @throws DomainError `member-not-found` */
export async function readWallet(db: Db, memberId: string): Promise<WalletView> {
  const { memberCode } = await requireMember(db, memberId)
  return { memberId, memberCode, balance: await findBalance(db, memberId) }
}

/**
 * Asks for money of a wallet to be given back, which needs another person to agree.
 *
 * @throws DomainError `member-not-found`, `source-not-found`, `wallet-too-low`, `approval-requested`
 */
export async function requestRefund(
  { db, announce }: AnnounceDeps,
  {
    memberId,
    amount,
    sourceCode,
    reason,
    actor,
  }: Refund & { memberId: string; reason: string; actor: Actor },
): Promise<Approval> {
  return db.transaction().execute(async (tx) => {
    const { memberCode, balance } = await readWallet(tx, memberId)
    const source = await requireSource(tx, sourceCode)
    if (balance < amount) {
      const fund = await findFund(tx)
      throw new DomainError(
        'wallet-too-low',
        `The wallet of ${memberCode} has ${formatAmount(balance, fund)}, less than ${formatAmount(amount, fund)}.`,
      )
    }
    const content = { amount, sourceCode: source.sourceCode }
    const asked = await requestApproval(tx, matterOf(memberId, content), { reason, actor })
    await announce(tx, {
      eventName: 'WalletRefundRequested',
      subject: memberId,
      actor,
      payload: { memberCode, ...content, reason },
    })
    return asked
  })
}

/**
 * Gives the money back, as somebody else has asked.
 *
 * @param refund what whoever approves has seen
 * @throws DomainError `member-not-found`, `source-not-found`, `approval-not-requested`, `own-request`, `approval-void`, `wallet-too-low`
 */
export async function approveRefund(
  { db, announce, clock }: AnnounceDeps & { readonly clock: Clock },
  { memberId, amount, sourceCode, actor }: Refund & { memberId: string; actor: Actor },
): Promise<WalletView> {
  return db.transaction().execute(async (tx) => {
    const source = await requireSource(tx, sourceCode)
    const content = { amount, sourceCode: source.sourceCode }
    const { reason, requestedBy } = await approve(tx, matterOf(memberId, content), actor)
    const { timeZone } = await findFund(tx)
    const movement = {
      transferCode: 'wallet-refund',
      debitOwner: memberId,
      creditOwner: source.accountId,
      amount,
      cycleId: null,
      memberId,
      paymentId: null,
      reverses: null,
    } as const
    await post(tx, [movement], {
      effectiveOn: localDate(clock.now(), timeZone),
      postedBy: actor.name,
    })
    const wallet = await readWallet(tx, memberId)
    await announce(tx, {
      eventName: 'WalletRefunded',
      subject: memberId,
      actor,
      payload: { memberCode: wallet.memberCode, ...content, reason, requestedBy },
    })
    return wallet
  })
}

/** @throws DomainError `member-not-found`, `approval-not-requested` */
export async function withdrawRefund(
  { db, announce }: AnnounceDeps,
  { memberId, actor }: { memberId: string; actor: Actor },
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const { memberCode } = await requireMember(tx, memberId)
    await withdrawRequest(tx, { kind: 'wallet-refund', subject: memberId }, actor)
    await announce(tx, {
      eventName: 'WalletRefundWithdrawn',
      subject: memberId,
      actor,
      payload: { memberCode },
    })
  })
}

/**
 * Who has money here is not forgotten before it is given back.
 *
 * @throws DomainError `member-is-owed`
 */
export async function refuseErasureOfOwner(tx: Tx, { subject }: AnnouncedEvent): Promise<void> {
  // The subject of this event is the member.
  const balance = await findBalance(tx, subject as string)
  if (balance === 0) return
  throw new DomainError(
    'member-is-owed',
    `The member’s wallet has ${formatAmount(balance, await findFund(tx))}.`,
  )
}

function matterOf(memberId: string, content: Refund): Matter {
  return { kind: 'wallet-refund', subject: memberId, content }
}
