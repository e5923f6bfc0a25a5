import type { Command } from 'commander'
import { findFund, findTier, findTiers } from '../fund/fund-sql.ts'
import { addTier, changeTier } from '../fund/keep-tiers.ts'
import { DomainError } from '../platform/values/errors.ts'
import { formatAmount, parseAmount } from '../platform/values/money-rules.ts'
import { printResult, table } from './output.ts'
import { commandActor, group, withApplication } from './run-command.ts'

interface TierOptions {
  name?: string
  contribution?: string
  benefit?: string
}

export function tiersCommand(): Command {
  const tiers = group('tiers', 'classes of membership, each with its own amounts')
  tiers
    .command('list')
    .description('all tiers')
    .action(async (_options: unknown, command: Command) => {
      const { rows, fund } = await withApplication(async (app) => ({
        rows: await findTiers(app.db, { limit: 1000 }),
        fund: await findFund(app.db),
      }))
      const amount = (minor: number | null) => (minor === null ? '–' : formatAmount(minor, fund))
      printResult(
        command,
        { items: rows },
        table([
          ['tier', 'name', 'contribution', 'benefit'],
          ...rows.map((tier) => [
            tier.tierCode,
            tier.tierName,
            amount(tier.contributionAmount),
            amount(tier.benefitAmount),
          ]),
        ]),
      )
    })
  for (const [verb, description] of [
    ['add', 'add a tier'],
    ['set', 'change a tier'],
  ] as const) {
    tiers
      .command(verb)
      .description(description)
      .argument('<code>', 'the code of the tier')
      .option('--name <name>')
      .option('--contribution <amount>', 'what each member pays when another dies')
      .option('--benefit <amount>', 'what the family is to receive')
      .action(async (tierCode: string, options: TierOptions, command: Command) => {
        const tier = await withApplication(async (app) => {
          const fund = await findFund(app.db)
          const { name, contribution, benefit } = options
          const changes = {
            ...(name !== undefined && { tierName: name }),
            ...(contribution !== undefined && { contributionAmount: parseAmount(contribution, fund) }),
            ...(benefit !== undefined && { benefitAmount: parseAmount(benefit, fund) }),
          }
          if (verb === 'add') {
            const defaults = { tierName: tierCode, contributionAmount: null, benefitAmount: null }
            return addTier(app, { tierCode, ...defaults, ...changes, actor: commandActor() })
          }
          if (Object.keys(changes).length === 0) {
            throw new DomainError('invalid-input', 'Say what to change: --name, --contribution or --benefit.')
          }
          const found = await findTier(app.db, { tierCode })
          if (!found) throw new DomainError('tier-not-found', `There is no tier ${tierCode}.`)
          return changeTier(app, { tierId: found.tierId, changes, actor: commandActor() })
        })
        printResult(command, tier, [`Tier ${tier.tierCode} is kept.`])
      })
  }
  return tiers
}
