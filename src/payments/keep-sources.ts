import type { AnnounceDeps } from '../events/announce.ts'
import type { Db } from '../platform/database/connect.ts'
import { isUniqueViolation } from '../platform/database/sql-state.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import type { PaymentMethod } from './payment-rules.ts'
import { findAccountId, findSource, insertAccount, insertSource, type SourceView } from './source-sql.ts'

/** @throws DomainError `source-not-found` */
export async function requireSource(db: Db, sourceCode: string): Promise<SourceView> {
  const source = await findSource(db, sourceCode)
  if (!source) throw new DomainError('source-not-found', `There is no source of payments ${sourceCode}.`)
  return source
}

/**
 * Adds where payments come from: a till, a bank account, a paybill.
 *
 * @param accountCode the money account into which they come; one of the source's own code when absent
 * @throws DomainError `source-code-taken`, `account-not-found`
 */
export async function addSource(
  { db, announce }: AnnounceDeps,
  {
    sourceCode,
    sourceName,
    accountCode,
    method,
    actor,
  }: {
    sourceCode: string
    sourceName: string
    accountCode?: string | undefined
    method: PaymentMethod
    actor: Actor
  },
): Promise<SourceView> {
  try {
    return await db.transaction().execute(async (tx) => {
      const accountId =
        accountCode === undefined
          ? await insertAccount(tx, sourceCode, sourceName)
          : await findAccountId(tx, accountCode)
      if (accountId === undefined) {
        throw new DomainError('account-not-found', `There is no money account ${accountCode}.`)
      }
      await insertSource(tx, { sourceCode, sourceName, accountId, paymentMethod: method })
      const source = await requireSource(tx, sourceCode)
      await announce(tx, {
        eventName: 'PaymentSourceAdded',
        subject: source.sourceId,
        actor,
        payload: {
          after: { sourceCode, sourceName, accountCode: source.accountCode, paymentMethod: method },
        },
      })
      return source
    })
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new DomainError('source-code-taken', `There is a source ${sourceCode} already.`, [], {
      cause: error,
    })
  }
}
