import { type Selectable, sql } from 'kysely'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { MemberContributions, Waivers } from '../platform/database/schema.ts'
import type { ContributionStatus } from './cycle-rules.ts'

export type Waiver = Selectable<Waivers>

export type ContributionRow = Selectable<MemberContributions> & {
  memberCode: string
  isDeceased: boolean
}

/** Nobody else pays or waives the contribution until the transaction ends. The caller holds the cycle. */
export async function lockContribution(
  tx: Tx,
  cycleId: string,
  memberId: string,
): Promise<ContributionRow | undefined> {
  const { rows } = await sql<ContributionRow>`
    select mc.*, m.member_code, m.member_status = 'Deceased' as is_deceased
    from member_contributions mc join members m using (member_id)
    where mc.cycle_id = ${cycleId} and mc.member_id = ${memberId}
    for update of mc`.execute(tx)
  return rows[0]
}

export async function setContributionStatus(
  tx: Tx,
  { cycleId, memberId }: { cycleId: string; memberId: string },
  contributionStatus: ContributionStatus,
): Promise<void> {
  await tx
    .updateTable('memberContributions')
    .set({ contributionStatus })
    .where('cycleId', '=', cycleId)
    .where('memberId', '=', memberId)
    .execute()
}

export async function insertWaiver(
  tx: Tx,
  waiver: Pick<Waiver, 'cycleId' | 'memberId' | 'waiverKind' | 'reason' | 'amount' | 'waivedBy'>,
): Promise<void> {
  await tx.insertInto('waivers').values(waiver).execute()
}

/** The waiver that holds; the row of the contribution is locked. */
export async function findLiveWaiver(
  db: Db,
  { cycleId, memberId }: { cycleId: string; memberId: string },
): Promise<Waiver | undefined> {
  return db
    .selectFrom('waivers')
    .selectAll()
    .where('cycleId', '=', cycleId)
    .where('memberId', '=', memberId)
    .where('undoneAt', 'is', null)
    .executeTakeFirst()
}

export async function endWaiver(
  tx: Tx,
  waiverId: number,
  undoneBy: string,
  undoReason: string,
): Promise<void> {
  await tx
    .updateTable('waivers')
    .set({ undoneBy, undoReason, undoneAt: sql`now()` })
    .where('waiverId', '=', waiverId)
    .execute()
}
