import { type Selectable, sql } from 'kysely'
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

/** The one that waits for somebody to decide it; nobody else decides it until the transaction ends. */
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

/** Those that wait, newest first. */
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

/** Whether two contents are the same, whatever the order of their fields. */
export async function isSameContent(tx: Tx, approvalId: string, content: object): Promise<boolean> {
  const { rows } = await sql<{ same: boolean }>`
    select content = ${JSON.stringify(content)}::jsonb as same from approvals where approval_id = ${approvalId}`.execute(
    tx,
  )
  return rows[0]?.same === true
}
