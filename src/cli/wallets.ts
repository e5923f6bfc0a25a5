import type { Command } from 'commander'
import { findFund } from '../fund/fund-sql.ts'
import { DomainError } from '../platform/values/errors.ts'
import { formatAmount, parseAmount } from '../platform/values/money-rules.ts'
import { approveRefund, readWallet, requestRefund, withdrawRefund } from '../wallets/refund-wallet.ts'
import { memberByCode } from './arguments.ts'
import { printResult } from './output.ts'
import { commandActor, group, withApplication } from './run-command.ts'
import { type TwoPersonsOptions, twoPersons, twoPersonsCommand } from './two-persons.ts'

export function walletsCommand(): Command {
  const wallets = group('wallets', 'members’ money that nothing has been asked of yet')
  wallets
    .command('show')
    .description('what a member has')
    .argument('<code>', 'the code of the member')
    .action(async (code: string, _options: unknown, command: Command) => {
      const { wallet, fund } = await withApplication(async ({ db }) => ({
        wallet: await readWallet(db, (await memberByCode(db, code)).memberId),
        fund: await findFund(db),
      }))
      printResult(command, wallet, [`${wallet.memberCode} has ${formatAmount(wallet.balance, fund)}`])
    })
  twoPersonsCommand(wallets.command('refund'))
    .description('give money of a wallet back: one person asks for it, another approves')
    .argument('<code>', 'the code of the member')
    .option('--amount <amount>', 'how much')
    .option('--source <code>', 'the till or account it is given out of', 'TILL')
    .action(
      async (
        code: string,
        options: TwoPersonsOptions & { amount?: string; source: string },
        command: Command,
      ) => {
        const sentence = await withApplication(async (app) => {
          const { memberId } = await memberByCode(app.db, code)
          const actor = commandActor()
          const fund = await findFund(app.db)
          const refund = () => {
            if (options.amount === undefined) throw new DomainError('invalid-input', 'Give --amount.')
            return { memberId, amount: parseAmount(options.amount, fund), sourceCode: options.source, actor }
          }
          return twoPersons(options, {
            async request(reason) {
              await requestRefund(app, { ...refund(), reason })
              return `Another person has to approve it: almoner wallets refund ${code} --amount ${options.amount} --approve`
            },
            async withdraw() {
              await withdrawRefund(app, { memberId, actor })
              return `Nothing is to be given back to ${code} any more.`
            },
            async approve() {
              const { balance } = await approveRefund(app, refund())
              return `It is given back; ${code} has ${formatAmount(balance, fund)} left.`
            },
          })
        })
        printResult(command, { memberCode: code, done: sentence }, [sentence])
      },
    )
  return wallets
}
