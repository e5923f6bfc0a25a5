import { type Selectable, sql } from 'kysely'
import type { ClientBase } from 'pg'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { Approvals } from '../platform/database/schema.ts'
import type { ApprovalKind } from './approval-rules.ts'

export type Approval = Omit<Selectable<Approvals>, 'content'> & { content: Record<string, unknown> }

export async function insertApproval(
  tx: Tx,
  approval: {
    approvalKind: ApprovalKind
    subject: string
    content: object
    reason: string
    requestedBy: string
  },
): Promise<Approval> {
  return tx
    .insertInto('approvals')
    .values({ ...approval, content: JSON.stringify(approval.content) })
    .returningAll()
    .$castTo<Approval>()
    .executeTakeFirstOrThrow()
}

/** The waiting request, locked until the transaction ends. */
export async function lockOpenApproval(
  tx: Tx,
  approvalKind: ApprovalKind,
  subject: string,
): Promise<Approval | undefined> {
  return tx
    .selectFrom('approvals')
    .selectAll()
    .where('approvalKind', '=', approvalKind)
    .where('subject', '=', subject)
    .where('decision', 'is', null)
    .forUpdate()
    .$castTo<Approval>()
    .executeTakeFirst()
}

/** The waiting requests, newest first. */
export async function findOpenApprovals(
  db: Db,
  { approvalKind, subject }: { approvalKind?: ApprovalKind; subject?: string | undefined },
  limit: number,
): Promise<Approval[]> {
  let query = db
    .selectFrom('approvals')
    .selectAll()
    .where('decision', 'is', null)
    .orderBy('requestedAt', 'desc')
    .limit(limit)
  if (approvalKind !== undefined) query = query.where('approvalKind', '=', approvalKind)
  if (subject !== undefined) query = query.where('subject', '=', subject)
  return query.$castTo<Approval>().execute()
}

export async function decideApproval(
  tx: Tx,
  approvalId: string,
  decision: 'Approved' | 'Withdrawn',
  decidedBy: string,
): Promise<void> {
  await tx
    .updateTable('approvals')
    .set({ decision, decidedBy, decidedAt: sql`now()` })
    .where('approvalId', '=', approvalId)
    .execute()
}

/** Whether one person may ask and approve: the fund has one only. The fund's own feature stands above this one. */
export async function letsOneDoBoth(tx: Tx): Promise<boolean> {
  const { selfApproval } = await tx.selectFrom('fund').select('selfApproval').executeTakeFirstOrThrow()
  return selfApproval
}

/** Whether two contents are the same, whatever the order of their fields. */
export async function isSameContent(tx: Tx, approvalId: string, content: object): Promise<boolean> {
  const { rows } = await sql<{ same: boolean }>`
    select content = ${JSON.stringify(content)}::jsonb as same from approvals where approval_id = ${approvalId}`.execute(
    tx,
  )
  return rows[0]?.same === true
}

/**
 * The approval that was given and not used yet, on a connection of the caller's: one of this content, else one of another.
 * An import has its own connection.
 */
export async function findGivenApproval(
  client: ClientBase,
  { kind, subject, content }: { kind: ApprovalKind; subject: string; content: object },
): Promise<{ approvalId: string; isSame: boolean } | undefined> {
  const { rows } = await client.query<{ approvalId: string; isSame: boolean }>(
    `select approval_id as "approvalId", content = $3::jsonb as "isSame" from approvals
    where approval_kind = $1 and subject = $2 and decision = 'Approved' and used_at is null
    order by "isSame" desc, decided_at desc limit 1`,
    [kind, subject, JSON.stringify(content)],
  )
  return rows[0]
}

/** What was approved is done with it: it is not done with it again. */
export async function noteUse(client: ClientBase, approvalId: string): Promise<void> {
  await client.query('update approvals set used_at = now() where approval_id = $1', [approvalId])
}
