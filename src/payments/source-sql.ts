import { type Selectable, sql } from 'kysely'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { PaymentSources } from '../platform/database/schema.ts'
import { codeRule } from '../platform/values/text-rules.ts'

export type SourceRow = Selectable<PaymentSources>
export type SourceView = SourceRow & { accountCode: string }

const sources = (db: Db) =>
  db
    .selectFrom('paymentSources as s')
    .innerJoin('moneyAccounts as a', 'a.accountId', 's.accountId')
    .selectAll('s')
    .select('a.accountCode')

/** All sources, by code: a fund has a handful, and an agent each. */
export async function findSources(db: Db): Promise<SourceView[]> {
  return sources(db).orderBy('s.sourceCode').execute()
}

/** By its code, written in capitals or not. */
export async function findSource(db: Db, sourceCode: string): Promise<SourceView | undefined> {
  return sources(db)
    .where(sql<boolean>`code_key(s.source_code) = code_key(${codeRule.tidy(sourceCode)})`)
    .executeTakeFirst()
}

export async function findAccountId(db: Db, accountCode: string): Promise<string | undefined> {
  const account = await db
    .selectFrom('moneyAccounts')
    .select('accountId')
    .where(sql<boolean>`code_key(account_code) = code_key(${codeRule.tidy(accountCode)})`)
    .executeTakeFirst()
  return account?.accountId
}

export async function insertAccount(tx: Tx, accountCode: string, accountName: string): Promise<string> {
  const { accountId } = await tx
    .insertInto('moneyAccounts')
    .values({ accountCode, accountName })
    .returning('accountId')
    .executeTakeFirstOrThrow()
  return accountId
}

export async function insertSource(
  tx: Tx,
  source: Pick<SourceRow, 'sourceCode' | 'sourceName' | 'accountId' | 'paymentMethod'>,
): Promise<void> {
  await tx.insertInto('paymentSources').values(source).execute()
}
