import type { Selectable } from 'kysely'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { ErasureRequests } from '../platform/database/schema.ts'

export type ErasureRequest = Selectable<ErasureRequests>

export async function insertErasureRequest(
  tx: Tx,
  request: Pick<ErasureRequest, 'memberId' | 'reason' | 'requestedBy'>,
): Promise<ErasureRequest> {
  return tx.insertInto('erasureRequests').values(request).returningAll().executeTakeFirstOrThrow()
}

export async function findErasureRequest(db: Db, memberId: string): Promise<ErasureRequest | undefined> {
  return db.selectFrom('erasureRequests').selectAll().where('memberId', '=', memberId).executeTakeFirst()
}

/** Whether one existed. */
export async function deleteErasureRequest(tx: Tx, memberId: string): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('erasureRequests')
    .where('memberId', '=', memberId)
    .executeTakeFirst()
  return numDeletedRows > 0n
}
