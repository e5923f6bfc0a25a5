import { type Command, Option } from 'commander'
import { findFund, findTiers } from '../fund/fund-sql.ts'
import { addTier, changeTier, removeTier } from '../fund/keep-tiers.ts'
import type { Currency } from '../platform/values/currency-rules.ts'
import { DomainError } from '../platform/values/errors.ts'
import { formatAmount, parseAmount } from '../platform/values/money-rules.ts'
import { codeRule } from '../platform/values/text-rules.ts'
import { nameOf, textOf, tierByCode } from './arguments.ts'
import { printResult, table } from './output.ts'
import { commandActor, group, withApplication } from './run-command.ts'

interface TierOptions {
  name?: string
  contribution?: string
  benefit?: string
  retired?: 'yes' | 'no'
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
  withFields(tiers.command('add'))
    .description('add a tier')
    .argument('<code>', 'the code of the tier', textOf(codeRule))
    .action(async (tierCode: string, options: TierOptions, command: Command) => {
      const tier = await withApplication(async (app) =>
        addTier(app, {
          tierCode,
          tierName: tierCode,
          contributionAmount: null,
          benefitAmount: null,
          ...changesOf(options, await findFund(app.db)),
          actor: commandActor(),
        }),
      )
      printResult(command, tier, [`Tier ${tier.tierCode} is kept.`])
    })
  withFields(tiers.command('set'))
    .description('change a tier, or retire it: no member comes into it any more')
    .argument('<code>', 'the code of the tier')
    .addOption(new Option('--retired <yes|no>').choices(['yes', 'no']))
    .action(async (code: string, options: TierOptions, command: Command) => {
      if (Object.keys(options).length === 0) {
        throw new DomainError(
          'invalid-input',
          'Say what to change: --name, --contribution, --benefit or --retired.',
        )
      }
      const tier = await withApplication(async (app) => {
        const { tierId } = await tierByCode(app.db, code)
        const changes = changesOf(options, await findFund(app.db))
        return changeTier(app, { tierId, changes, actor: commandActor() })
      })
      printResult(command, tier, [`Tier ${tier.tierCode} is kept.`])
    })
  tiers
    .command('remove')
    .description('remove a tier that was never used')
    .argument('<code>', 'the code of the tier')
    .action(async (code: string, _options: unknown, command: Command) => {
      await withApplication(async (app) => {
        const { tierId } = await tierByCode(app.db, code)
        await removeTier(app, { tierId, actor: commandActor() })
      })
      printResult(command, { tierCode: code }, [`Tier ${code} is removed.`])
    })
  return tiers
}

function withFields(command: Command): Command {
  return command
    .option('--name <name>', 'how it is called', nameOf)
    .option('--contribution <amount>', 'what each member pays when another dies')
    .option('--benefit <amount>', 'what the family is to receive')
}

function changesOf({ name, contribution, benefit, retired }: TierOptions, fund: Currency) {
  return {
    ...(name !== undefined && { tierName: name }),
    ...(contribution !== undefined && { contributionAmount: parseAmount(contribution, fund) }),
    ...(benefit !== undefined && { benefitAmount: parseAmount(benefit, fund) }),
    ...(retired !== undefined && { isRetired: retired === 'yes' }),
  }
}
