import { type Command, InvalidArgumentError, Option } from 'commander'
import { changeFund } from '../fund/change-fund.ts'
import { channelsSchema } from '../fund/fund-api.ts'
import {
  type LetterLanguage,
  letterLanguages,
  maxStartLimitPercent,
  type PersonalChannel,
  personalChannels,
} from '../fund/fund-rules.ts'
import { type FundRow, findFund } from '../fund/fund-sql.ts'
import { currencyOf } from '../platform/values/currency-rules.ts'
import { formatAmount, parseAmount } from '../platform/values/money-rules.ts'
import { wholeNumber } from './arguments.ts'
import { printResult } from './output.ts'
import { commandActor, group, withApplication } from './run-command.ts'

interface FundOptions {
  name?: string
  currency?: string
  timeZone?: string
  roundingStep?: string
  paymentLimit?: string
  selfApproval?: 'yes' | 'no'
  startLimitPercent?: number
  noticeLanguage?: LetterLanguage
  agentChannels?: PersonalChannel[]
  memberChannels?: PersonalChannel[]
  importStatusLimit?: number
}

export function fundCommand(): Command {
  const fund = group('fund', 'the fund this installation serves')
  fund
    .command('show')
    .description('name, currency, time zone, rounding step')
    .action(async (_options: unknown, command: Command) => {
      print(command, await withApplication((app) => findFund(app.db)))
    })
  fund
    .command('set')
    .description('change the fund; the currency only while no amounts are kept')
    .option('--name <name>')
    .option('--currency <code>', 'ISO 4217, such as USD')
    .option('--time-zone <name>', 'IANA, such as Asia/Kolkata')
    .option('--rounding-step <amount>', 'apportioned amounts are rounded up to a multiple of this')
    .option('--payment-limit <amount>', 'the largest payment that is taken, or none')
    .addOption(
      new Option(
        '--self-approval <yes|no>',
        'whether whoever submitted a claim may approve it; for a fund of one person',
      ).choices(['yes', 'no']),
    )
    .option(
      '--start-limit-percent <number>',
      'how far the total of a cycle may go beyond its target when one person starts it',
      wholeNumber(0, maxStartLimitPercent),
    )
    .addOption(
      new Option('--notice-language <language>', 'in which letters are written').choices(letterLanguages),
    )
    .option('--agent-channels <channels>', 'by which agents are told, such as email,sms', channelList)
    .option('--member-channels <channels>', 'by which members are told of a cycle, or none', channelList)
    .option(
      '--import-status-limit <percent>',
      'of the register: an import that changes more statuses needs two persons',
      wholeNumber(0, 100),
    )
    .action(
      async (
        { roundingStep, paymentLimit, importStatusLimit, selfApproval, ...changes }: FundOptions,
        command: Command,
      ) => {
        const changed = await withApplication(async (app) => {
          const fund = await findFund(app.db)
          // In the currency that the fund has afterwards; an unknown one is refused below.
          const isSame = changes.currency === undefined || changes.currency === fund.currency
          const currency = (isSame ? undefined : currencyOf(changes.currency ?? '')) ?? fund
          return changeFund(app, {
            changes: {
              ...changes,
              ...(roundingStep !== undefined && { roundingStep: parseAmount(roundingStep, currency) }),
              ...(paymentLimit !== undefined && {
                paymentLimit: paymentLimit === 'none' ? null : parseAmount(paymentLimit, currency),
              }),
              ...(importStatusLimit !== undefined && { importStatusLimitPercent: importStatusLimit }),
              ...(selfApproval !== undefined && { selfApproval: selfApproval === 'yes' }),
            },
            actor: commandActor(),
          })
        })
        print(command, changed)
      },
    )
  return fund
}

function channelList(text: string): PersonalChannel[] {
  if (text === 'none') return []
  const list = channelsSchema.safeParse(text.split(',').map((channel) => channel.trim()))
  if (list.success) return list.data
  throw new InvalidArgumentError(
    `It must be none, or of ${personalChannels.join(', ')}, with commas between them.`,
  )
}

const languageNames = new Intl.DisplayNames('en', { type: 'language' })

const listOf = (channels: string[]) => channels.join(', ') || 'nothing'

function print(command: Command, fund: FundRow): void {
  printResult(command, fund, [
    fund.name,
    `currency ${fund.currency}, time zone ${fund.timeZone}, apportioned amounts in steps of ${formatAmount(fund.roundingStep, fund)}`,
    fund.selfApproval
      ? 'whoever submits a claim may approve it'
      : 'whoever submits a claim does not approve it',
    fund.paymentLimit === null
      ? 'payments of any amount are taken'
      : `payments of at most ${formatAmount(fund.paymentLimit, fund)} are taken`,
    `an import that changes the status of more than ${fund.importStatusLimitPercent} % of the members needs two persons`,
    `one person starts cycles of up to ${fund.startLimitPercent} % more than the target`,
    `letters in ${languageNames.of(fund.noticeLanguage)}; agents are told by ${listOf(fund.agentChannels)}, members by ${listOf(fund.memberChannels)}`,
  ])
}
