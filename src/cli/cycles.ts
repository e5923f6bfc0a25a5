import type { Command } from 'commander'
import { Option } from 'commander'
import type { Application } from '../app/application.ts'
import { approveStart, requestStart, withdrawStart } from '../cycles/approve-start.ts'
import {
  type CycleStatus,
  defaultDurationDays,
  maxDurationDays,
  minDurationDays,
  type Strategy,
  strategies,
} from '../cycles/cycle-rules.ts'
import { type CycleView, findCycles, requireCycle } from '../cycles/cycle-sql.ts'
import { type CyclePreview, previewCycle } from '../cycles/preview-cycle.ts'
import { requestRevocation, revokeCycle, withdrawRevocation } from '../cycles/revoke-cycle.ts'
import { type StartInput, startCycle } from '../cycles/start-cycle.ts'
import { cancelCycle, pauseCycle, resumeCycle, retryCycle } from '../cycles/steer-cycle.ts'
import { undoWaiver, waiveContribution } from '../cycles/waive-contribution.ts'
import { findFund } from '../fund/fund-sql.ts'
import { DomainError } from '../platform/values/errors.ts'
import { formatAmount, parseAmount } from '../platform/values/money-rules.ts'
import { claimByCode, cycleByCode, memberByCode, nameOf, wholeNumber } from './arguments.ts'
import { exitCodes } from './exit-codes.ts'
import { plural, printResult, say, table } from './output.ts'
import { commandActor, group, withApplication } from './run-command.ts'
import { type TwoPersonsOptions, twoPersons, twoPersonsCommand } from './two-persons.ts'
import { watchCycle } from './watch-cycle.ts'

interface StartOptions {
  claim: string
  amount?: string
  days: number
  strategy?: Strategy
}

export function cyclesCommand(): Command {
  const cycles = group('cycles', 'contribution cycles')
  startOptions(cycles.command('preview').description('what a start would do; nothing is written')).action(
    async (options: StartOptions, command: Command) => {
      const preview = await withApplication(async (app) => previewCycle(app, await startInput(app, options)))
      printResult(command, preview, previewLines(preview))
    },
  )
  twoPersonsCommand(startOptions(cycles.command('start')))
    .description(
      'start the cycle of an approved claim; what goes too far for one person is asked for, and another approves it',
    )
    .option('--watch', 'stay and show the progress')
    .action(async (options: StartOptions & TwoPersonsOptions & { watch?: true }, command: Command) => {
      const { claim: claimCode, reason, approve, withdraw, watch } = options
      await withApplication(async (app) => {
        const actor = commandActor()
        if (reason === undefined && !approve && !withdraw) {
          const started = await startCycle(app, { ...(await startInput(app, options)), actor })
          say(`Cycle ${started.cycleCode} is started.`)
          return printCycle(app, command, started, watch === true)
        }
        const { claimId } = await claimByCode(app.db, claimCode)
        const sentence = await twoPersons(options, {
          async request(why) {
            await requestStart(app, { ...(await startInput(app, options)), reason: why, actor })
            return `Another person has to approve it: almoner cycles start --claim ${claimCode} --approve`
          },
          async withdraw() {
            await withdrawStart(app, { claimId, actor })
            return `No cycle is to be started for claim ${claimCode} any more.`
          },
          async approve() {
            requireNoOrder(command)
            const { cycleCode } = await approveStart(app, { claimId, actor })
            return `Cycle ${cycleCode} is started: almoner cycles watch ${cycleCode}`
          },
        })
        printResult(command, { claimCode, done: sentence }, [sentence])
      })
    })
  cycles
    .command('watch')
    .description('show the progress until the contributions are created')
    .argument('<code>', 'the code of the cycle')
    .action(async (code: string, _options: unknown, command: Command) => {
      await withApplication(async (app) => printCycle(app, command, await cycleByCode(app.db, code), true))
    })
  cycles
    .command('show')
    .description('one cycle')
    .argument('<code>', 'the code of the cycle')
    .action(async (code: string, _options: unknown, command: Command) => {
      const cycle = await withApplication((app) => cycleByCode(app.db, code))
      printResult(command, cycle, cycleLines(cycle))
    })
  const steering = [
    ['pause', 'pause the creation; once this returns, nothing more is written', pauseCycle],
    ['resume', 'go on with a paused creation', resumeCycle],
    ['cancel', 'give up a cycle that is not Active; its contributions are removed', cancelCycle],
    ['retry', 'try again what failed', retryCycle],
  ] as const
  for (const [verb, description, steer] of steering) {
    cycles
      .command(verb)
      .description(description)
      .argument('<code>', 'the code of the cycle')
      .action(async (code: string, _options: unknown, command: Command) => {
        const cycle = await withApplication(async (app) => {
          const { cycleId } = await cycleByCode(app.db, code)
          return steer(app, { cycleId, actor: commandActor() })
        })
        printResult(command, cycle, cycleLines(cycle))
      })
  }
  twoPersonsCommand(cycles.command('revoke'))
    .description(
      'give up an Active cycle that should never have begun: one person asks for it, another approves',
    )
    .argument('<code>', 'the code of the cycle')
    .action(async (code: string, options: TwoPersonsOptions, command: Command) => {
      const sentence = await withApplication(async (app) => {
        const { cycleId } = await cycleByCode(app.db, code)
        const actor = commandActor()
        return twoPersons(options, {
          async request(reason) {
            await requestRevocation(app, { cycleId, reason, actor })
            return `Another person has to approve it: almoner cycles revoke ${code} --approve`
          },
          async withdraw() {
            await withdrawRevocation(app, { cycleId, actor })
            return `Cycle ${code} is not to be revoked any more.`
          },
          async approve() {
            await revokeCycle(app, { cycleId, actor })
            return `Cycle ${code} is Cancelled; its contributions are being removed.`
          },
        })
      })
      printResult(command, { cycleCode: code, done: sentence }, [sentence])
    })
  cycles
    .command('waive')
    .description('let a member off what is still owed of a contribution, or ask for it again')
    .argument('<code>', 'the code of the cycle')
    .requiredOption('--member <code>', 'whose contribution')
    .requiredOption('--reason <text>', 'why', nameOf)
    .option('--undo', 'ask for it again')
    .action(
      async (code: string, options: { member: string; reason: string; undo?: true }, command: Command) => {
        const cycle = await withApplication(async (app) => {
          const { cycleId } = await cycleByCode(app.db, code)
          const { memberId } = await memberByCode(app.db, options.member)
          const verb = options.undo ? undoWaiver : waiveContribution
          return verb(app, { cycleId, memberId, reason: options.reason, actor: commandActor() })
        })
        printResult(command, cycle, cycleLines(cycle))
      },
    )
  cycles
    .command('list')
    .description('the newest cycles')
    .option('--limit <number>', 'how many', wholeNumber(1, 1000), 50)
    .action(async (options: { limit: number }, command: Command) => {
      const rows = await withApplication((app) => findCycles(app.db, {}, options))
      printResult(
        command,
        { items: rows },
        table([
          ['cycle', 'status', 'claim', 'tier', 'members', 'collected', 'target', 'deadline'],
          ...rows.map((cycle) => [
            cycle.cycleCode,
            cycle.cycleStatus,
            cycle.claimCode,
            cycle.tierCode,
            String(cycle.totalMembers),
            formatAmount(cycle.collectedAmount, cycle),
            formatAmount(cycle.targetAmount, cycle),
            cycle.deadline,
          ]),
        ]),
      )
    })
  return cycles
}

function startOptions(command: Command): Command {
  return command
    .requiredOption('--claim <code>', 'the approved claim')
    .option(
      '--amount <amount>',
      'what each member owes, such as 100 or 99.50, or "apportion"; else the tier’s amount',
    )
    .option(
      '--days <number>',
      'days to the deadline',
      wholeNumber(minDurationDays, maxDurationDays),
      defaultDurationDays,
    )
    .addOption(new Option('--strategy <strategy>', 'how to create the contributions').choices(strategies))
}

/** @throws DomainError `invalid-input`: nobody should take it that her own amount is started */
function requireNoOrder(command: Command): void {
  const given = ['amount', 'days', 'strategy'].filter((name) => command.getOptionValueSource(name) === 'cli')
  if (given.length === 0) return
  throw new DomainError(
    'invalid-input',
    `What was asked for is started as it is: leave out --${given.join(' and --')}.`,
  )
}

async function startInput(app: Application, options: StartOptions): Promise<StartInput> {
  const { amount } = options
  const fund = await findFund(app.db)
  return {
    claimId: (await claimByCode(app.db, options.claim)).claimId,
    contributionAmount: amount === undefined || amount === 'apportion' ? amount : parseAmount(amount, fund),
    cycleDuration: options.days,
    strategy: options.strategy ?? app.config.creationStrategy,
  }
}

/** Prints the cycle, after watching it if asked to; the command fails if the creation failed. */
async function printCycle(
  app: Application,
  command: Command,
  cycle: CycleView,
  watch: boolean,
): Promise<void> {
  if (watch) await watchCycle(app, cycle.cycleId)
  const now = watch ? await requireCycle(app.db, cycle.cycleId) : cycle
  printResult(command, now, cycleLines(now))
  const bad: readonly CycleStatus[] = ['Failed', 'Cancelled']
  if (watch && bad.includes(now.cycleStatus)) process.exitCode = exitCodes.failed
}

function cycleLines(cycle: CycleView): string[] {
  const amount = (minor: number) => formatAmount(minor, cycle)
  const lines = [
    `Cycle ${cycle.cycleCode} for claim ${cycle.claimCode} (${cycle.deceasedFullName}) is ${cycle.cycleStatus}.`,
  ]
  if (cycle.failureReason !== null) lines.push(`  why       ${cycle.failureReason}`)
  if (cycle.cycleStatus === 'Initializing')
    lines.push(`  creation  ${cycle.jobStatus}, ${cycle.jobProgress} %`)
  if (cycle.activatedAt !== null) {
    lines.push(
      `  members   ${plural(cycle.totalMembers, 'member')}: ${cycle.pendingMembers} pending, ${cycle.paidMembers} paid, ${cycle.failedMembers} failed, ${cycle.waivedMembers} waived`,
    )
  }
  if (cycle.contributionAmount !== null) {
    lines.push(`  amount    ${amount(cycle.contributionAmount)} each, target ${amount(cycle.targetAmount)}`)
  }
  if (cycle.activatedAt !== null) lines.push(`  collected ${amount(cycle.collectedAmount)}`)
  lines.push(`  deadline  ${cycle.deadline}, end of the day in ${cycle.timeZone}`)
  return lines
}

function previewLines(preview: CyclePreview): string[] {
  const amount = (minor: number) => formatAmount(minor, preview)
  const { exclusions } = preview
  const balance =
    preview.shortfallAmount > 0
      ? `a shortfall of ${amount(preview.shortfallAmount)}`
      : `a surplus of ${amount(preview.surplusAmount)}`
  return [
    `Claim ${preview.claimCode}, tier ${preview.tierCode}: ${plural(preview.eligibleMembers, 'member')} would owe ${amount(preview.contributionAmount)} each, by ${preview.deadline}.`,
    `  expected  ${amount(preview.expectedAmount)} against a target of ${amount(preview.targetAmount)}: ${balance}`,
    `  apportioned it would be ${amount(preview.apportionedAmount)} each`,
    `  excluded  ${exclusions.deceased} deceased, ${exclusions.notActive} not Active, ${exclusions.registeredAfter} registered later`,
    ...(preview.joinedAfterDeath === 0
      ? []
      : [`  joined    ${plural(preview.joinedAfterDeath, 'member')} of them joined after the day of death`]),
    ...preview.beyondLimit.map(({ reason, figure, limit }) =>
      reason === 'total'
        ? `  beyond    ${amount(figure)} in all is more than the ${amount(limit)} that one person starts`
        : `  beyond    ${amount(figure)} each is more than the tier’s own ${amount(limit)}`,
    ),
    ...(preview.beyondLimit.length === 0
      ? []
      : ['            ask for it with --reason: another person has to approve it']),
    ...preview.reportedDead.map(
      (one) =>
        `  reported  ${one.memberCode} (${one.fullName}) would be asked, though claim ${one.claimCode} says that they have died`,
    ),
    `  strategy  ${preview.strategy}${preview.estimatedSeconds === null ? '' : `, about ${plural(preview.estimatedSeconds, 'second')}`}`,
    '',
    ...table([
      ['agent', 'name', 'members', 'to collect'],
      ...preview.largestAgents.map((agent) => [
        agent.agentCode,
        agent.fullName,
        String(agent.members),
        amount(agent.expectedAmount),
      ]),
    ]),
  ]
}
