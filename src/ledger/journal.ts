import { findFund } from '../fund/fund-sql.ts'
import type { Db } from '../platform/database/connect.ts'
import type { Currency } from '../platform/values/currency-rules.ts'
import { formatDecimal } from '../platform/values/money-rules.ts'
import { findBalances, findJournal, type TransferView } from './ledger-sql.ts'
import type { AccountKind } from './transfer-rules.ts'

/** Transfers that are read at once. */
const pageTransfers = 5000

/** In the books money of the fund is an asset; what it holds for others, it owes. */
const accountRoots: Record<AccountKind, string> = {
  Money: 'assets:money',
  Suspense: 'liabilities:suspense',
  Wallet: 'liabilities:wallets',
  Proceeds: 'liabilities:proceeds',
}

/** `liabilities:proceeds:CC-2026-00001`. Two blanks would end the name of an account, and a colon would begin another. */
const accountName = (kind: AccountKind, code: string) =>
  `${accountRoots[kind]}:${code.replaceAll(':', '·').replaceAll(/\s+/g, ' ')}`

/**
 * The whole ledger as plain text, which hledger and its relatives read (https://hledger.org/1.50/hledger.html#journal): each transfer is a
 * transaction of two postings, on the day to which it belongs, and the end asserts the balance of every account. Read in one
 * snapshot, page by page.
 *
 * @param db not in a transaction
 */
export async function* writeJournal(db: Db): AsyncGenerator<string> {
  const tx = await db.startTransaction().setIsolationLevel('repeatable read').execute()
  try {
    yield* journalOf(tx)
  } finally {
    await tx.rollback().execute()
  }
}

async function* journalOf(db: Db): AsyncGenerator<string> {
  const fund = await findFund(db)
  yield `; ${fund.name.replaceAll(/\s+/g, ' ')}\ncommodity ${commodity(fund, '1000', '0'.repeat(fund.currencyExponent))}\n`
  const balances = await findBalances(db, { eachWallet: true })
  for (const { account, ownerCode } of balances) yield `account ${accountName(account, ownerCode)}\n`
  let after = 0
  let lastDay = ''
  for (;;) {
    const transfers = await findJournal(db, after, pageTransfers)
    for (const transfer of transfers) {
      yield entry(transfer, fund)
      if (transfer.effectiveOn > lastDay) lastDay = transfer.effectiveOn
    }
    const last = transfers.at(-1)
    if (last === undefined || transfers.length < pageTransfers) break
    after = last.transferId
  }
  if (balances.length > 0) yield `\n; What the accounts hold at the end.\n${lastDay} balances\n`
  for (const { account, ownerCode, balance } of balances) {
    yield `    ${accountName(account, ownerCode)}  ${amount(0, fund)} = ${amount(balance, fund)}\n`
  }
}

function entry(transfer: TransferView, currency: Currency): string {
  const { transferId, transferCode, effectiveOn, reverses, paymentId, memberCode, cycleCode } = transfer
  const what = reverses === null ? transferCode : `${transferCode}, reversal of ${reverses}`
  const tags = [
    paymentId !== null && `payment:${paymentId}`,
    memberCode !== null && `member:${memberCode}`,
    cycleCode !== null && `cycle:${cycleCode}`,
  ].filter((tag) => tag !== false)
  return `
${effectiveOn} (${transferId}) ${what}${tags.length > 0 ? `  ; ${tags.join(', ')}` : ''}
    ${accountName(transfer.debitAccount, transfer.debitCode)}  ${amount(transfer.amount, currency)}
    ${accountName(transfer.creditAccount, transfer.creditCode)}  ${amount(-transfer.amount, currency)}
`
}

/** `USD -99.50`. */
function amount(amountMinor: number, currency: Currency): string {
  const [whole = '', fraction = ''] = formatDecimal(Math.abs(amountMinor), currency).split('.')
  return commodity(currency, `${amountMinor < 0 ? '-' : ''}${whole}`, fraction)
}

/** A whole number ends with a mark too: the reader is to know that it is no mark between groups. */
function commodity({ currency }: Currency, whole: string, fraction: string): string {
  return `${currency} ${whole}.${fraction}`
}
