import type { Db } from '../platform/database/connect.ts'

/** Minor units; 0 for who never had a wallet. */
export async function findBalance(db: Db, memberId: string): Promise<number> {
  const wallet = await db
    .selectFrom('wallets')
    .select('balance')
    .where('memberId', '=', memberId)
    .executeTakeFirst()
  return wallet?.balance ?? 0
}
