import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Command, Option } from 'commander'
import { findFund } from '../fund/fund-sql.ts'
import { writeJournal } from '../ledger/journal.ts'
import { findBalances } from '../ledger/ledger-sql.ts'
import { formatAmount } from '../platform/values/money-rules.ts'
import { printResult, table } from './output.ts'
import { group, withApplication } from './run-command.ts'

export function ledgerCommand(): Command {
  const ledger = group('ledger', 'where the money is, and each movement of it')
  ledger
    .command('balances')
    .description('what each account holds; all of it adds up to 0')
    .action(async (_options: unknown, command: Command) => {
      const { items, fund } = await withApplication(async ({ db }) => ({
        items: await findBalances(db, { eachWallet: false }),
        fund: await findFund(db),
      }))
      const rows = items.map(({ account, ownerCode, debit, credit, balance }) => [
        account,
        ownerCode,
        ...[debit, credit, balance].map((amount) => formatAmount(amount, fund)),
      ])
      printResult(command, { items }, table([['account', 'whose', 'debit', 'credit', 'balance'], ...rows]))
    })
  ledger
    .command('export')
    .description('the whole ledger on standard output')
    .addOption(new Option('--format <format>', 'for which program').choices(['hledger']).default('hledger'))
    .action(async () => {
      await withApplication(async ({ db }) => {
        await pipeline(Readable.from(writeJournal(db)), process.stdout, { end: false })
      })
    })
  return ledger
}
