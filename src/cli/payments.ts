import { randomUUID } from 'node:crypto'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { findFund } from '../fund/fund-sql.ts'
import { addSource, requireSource } from '../payments/keep-sources.ts'
import { type PaymentMethod, paymentMethods } from '../payments/payment-rules.ts'
import { findPayments, type PaymentView } from '../payments/payment-sql.ts'
import { type PaymentDetail, paymentNotFound, requirePayment } from '../payments/read-payment.ts'
import { recordPayment } from '../payments/record-payment.ts'
import { reversePayment } from '../payments/reverse-payment.ts'
import { findSources, type SourceView } from '../payments/source-sql.ts'
import type { Db } from '../platform/database/connect.ts'
import type { Currency } from '../platform/values/currency-rules.ts'
import { formatAmount, parseAmount } from '../platform/values/money-rules.ts'
import { codeRule, referenceRule } from '../platform/values/text-rules.ts'
import { cycleByCode, isoDate, memberByCode, nameOf, textOf, wholeNumber } from './arguments.ts'
import { printResult, say, table } from './output.ts'
import { commandActor, group, withApplication } from './run-command.ts'

interface RecordOptions {
  amount: string
  source: string
  member?: string
  line?: string[]
  cycle?: string
  reference?: string
  receivedOn?: string
  method?: PaymentMethod
  payer?: string
}

export function paymentsCommand(): Command {
  const payments = group('payments', 'money that has come in')
  payments
    .command('record')
    .description('record a payment; the same source and reference are the same payment, however often')
    .requiredOption('--amount <amount>', 'such as 100 or 99.50')
    .requiredOption('--source <code>', 'where it comes from; see almoner payments sources')
    .option('--member <code>', 'who has paid; without a member it is kept in suspense')
    .option('--line <member=amount>', 'of a payment for several members: each, and what is theirs', gathered)
    .option('--cycle <code>', 'what it is for; else what is owed longest')
    .option('--reference <text>', 'the number of the source; else one is made', textOf(referenceRule))
    .option('--received-on <date>', 'when it came, such as 2026-11-23; else today', isoDate)
    .option('--payer <text>', 'the payer as the source calls them', nameOf)
    .addOption(methodOption())
    .action(async (options: RecordOptions, command: Command) => {
      await withApplication(async (app) => {
        const fund = await findFund(app.db)
        const cycle = options.cycle === undefined ? undefined : await cycleByCode(app.db, options.cycle)
        const lines = options.line && (await readLines(app.db, options.line, fund, cycle?.cycleId))
        const { payment, isKnown } = await recordPayment(app, {
          sourceCode: options.source,
          // Told twice without a number, it is two payments.
          reference: options.reference ?? `cli-${randomUUID()}`,
          amount: parseAmount(options.amount, fund),
          receivedOn: options.receivedOn,
          method: options.method,
          payerText: options.payer,
          ...(options.member !== undefined && {
            memberId: (await memberByCode(app.db, options.member)).memberId,
            cycleId: cycle?.cycleId,
          }),
          lines,
          actor: commandActor(),
        })
        if (isKnown)
          say(`${payment.sourceCode} has told of ${payment.reference} before: nothing is posted again.`)
        if (payment.alike.length > 0) {
          say(
            `The same payer, day and amount: payment ${payment.alike.join(', ')}. Is it the same money, told twice?`,
          )
        }
        printResult(command, payment, paymentLines(payment, fund))
      })
    })
  payments
    .command('list')
    .description('the newest payments')
    .option('--member <code>', 'of that member')
    .option('--cycle <code>', 'for that cycle')
    .option('--source <code>', 'from that source')
    .option('--reference <text>', 'of that number')
    .option('--limit <number>', 'how many', wholeNumber(1, 1000), 50)
    .action(
      async (
        options: { member?: string; cycle?: string; source?: string; reference?: string; limit: number },
        command: Command,
      ) => {
        const { member, cycle, source, reference } = options
        const { items, fund } = await withApplication(async ({ db }) => ({
          fund: await findFund(db),
          items: await findPayments(
            db,
            {
              reference,
              memberId: member === undefined ? undefined : (await memberByCode(db, member)).memberId,
              cycleId: cycle === undefined ? undefined : (await cycleByCode(db, cycle)).cycleId,
              sourceId: source === undefined ? undefined : (await requireSource(db, source)).sourceId,
            },
            options,
          ),
        }))
        const rows = items.map((payment) => [
          String(payment.paymentId),
          payment.receivedOn,
          payment.sourceCode,
          payment.reference,
          formatAmount(payment.amount, fund),
          payerOf(payment),
          payment.paymentStatus,
        ])
        printResult(
          command,
          { items },
          table([['payment', 'received', 'source', 'reference', 'amount', 'payer', 'status'], ...rows]),
        )
      },
    )
  payments
    .command('show')
    .description('a payment, with each movement of its money')
    .argument('<payment>', 'its number, or SOURCE/REFERENCE')
    .action(async (key: string, _options: unknown, command: Command) => {
      const { payment, fund } = await withApplication(async ({ db }) => ({
        payment: await requirePayment(db, await paymentIdOf(db, key)),
        fund: await findFund(db),
      }))
      printResult(command, payment, paymentLines(payment, fund))
    })
  payments
    .command('reverse')
    .description('undo a payment that was never true; what it paid is owed again')
    .argument('<payment>', 'its number, or SOURCE/REFERENCE')
    .requiredOption('--reason <text>', 'why', nameOf)
    .action(async (key: string, { reason }: { reason: string }, command: Command) => {
      const { payment, fund } = await withApplication(async (app) => ({
        payment: await reversePayment(app, {
          paymentId: await paymentIdOf(app.db, key),
          reason,
          actor: commandActor(),
        }),
        fund: await findFund(app.db),
      }))
      printResult(command, payment, paymentLines(payment, fund))
    })
  const sources = payments.command('sources').description('where payments come from')
  sources
    .command('list', { isDefault: true })
    .description('all of them')
    .action(async (_options: unknown, command: Command) => {
      const items = await withApplication((app) => findSources(app.db))
      printResult(command, { items }, sourceTable(items))
    })
  sources
    .command('add')
    .description('add a till, a bank account or a paybill')
    .requiredOption('--code <code>', 'how it is called, in short', textOf(codeRule))
    .requiredOption('--name <name>', 'its name', nameOf)
    .option('--account <code>', 'the money account it comes into; else one of its own', textOf(codeRule))
    .addOption(methodOption().default('Cash'))
    .action(
      async (
        options: { code: string; name: string; account?: string; method: PaymentMethod },
        command: Command,
      ) => {
        const source = await withApplication((app) =>
          addSource(app, {
            sourceCode: options.code,
            sourceName: options.name,
            accountCode: options.account,
            method: options.method,
            actor: commandActor(),
          }),
        )
        printResult(command, source, sourceTable([source]))
      },
    )
  return payments
}

const methodOption = () => new Option('--method <method>', 'how it is paid').choices(paymentMethods)

const gathered = (line: string, before: string[] = []) => [...before, line]

async function readLines(db: Db, lines: string[], fund: Currency, cycleId: string | undefined) {
  const read = []
  for (const line of lines) {
    const at = line.lastIndexOf('=')
    if (at < 1) throw new InvalidArgumentError(`--line ${line}: it must be such as M-000123=100.`)
    const { memberId } = await memberByCode(db, line.slice(0, at))
    read.push({ memberId, amount: parseAmount(line.slice(at + 1), fund), cycleId })
  }
  return read
}

/** @throws DomainError `payment-not-found`, `source-not-found` */
async function paymentIdOf(db: Db, key: string): Promise<number> {
  if (/^\d{1,15}$/.test(key)) return Number(key)
  const slash = key.indexOf('/')
  if (slash < 1) throw paymentNotFound()
  const { sourceId } = await requireSource(db, key.slice(0, slash))
  const [payment] = await findPayments(db, { sourceId, reference: key.slice(slash + 1) }, { limit: 1 })
  if (!payment) throw paymentNotFound()
  return payment.paymentId
}

function payerOf({ payerMemberCode, lines, payerText }: PaymentView): string {
  return payerMemberCode ?? (lines === null ? (payerText ?? 'nobody known') : `${lines.length} members`)
}

function paymentLines(payment: PaymentDetail, fund: Currency): string[] {
  const { paymentId, paymentStatus, sourceCode, reference, receivedOn, reversalReason, transfers } = payment
  return [
    `Payment ${paymentId} of ${formatAmount(payment.amount, fund)} from ${payerOf(payment)}, received on ${receivedOn}, is ${paymentStatus}.`,
    `  number    ${sourceCode}/${reference}`,
    ...(reversalReason === null ? [] : [`  why       ${reversalReason}`]),
    ...transfers.map(
      ({ debitAccount, debitCode, creditAccount, creditCode, amount, memberCode, cycleCode }) =>
        `  ${formatAmount(amount, fund)} ${debitAccount} ${debitCode} → ${creditAccount} ${creditCode}${cycleCode === null ? '' : `, contribution ${cycleCode}/${memberCode}`}`,
    ),
  ]
}

function sourceTable(items: readonly SourceView[]): string[] {
  return table([
    ['source', 'name', 'method', 'account'],
    ...items.map((source) => [
      source.sourceCode,
      source.sourceName,
      source.paymentMethod,
      source.accountCode,
    ]),
  ])
}
