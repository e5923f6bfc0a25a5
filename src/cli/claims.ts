import type { Command } from 'commander'
import { type ClaimView, findClaims } from '../claims/claim-sql.ts'
import { approveClaim, rejectClaim } from '../claims/decide-claim.ts'
import { submitClaim } from '../claims/submit-claim.ts'
import { requestUndoDeath, undoDeath, withdrawUndoDeath } from '../claims/undo-death.ts'
import { findFund } from '../fund/fund-sql.ts'
import { formatAmount, parseAmount } from '../platform/values/money-rules.ts'
import { claimByCode, isoDate, memberByCode, nameOf, wholeNumber } from './arguments.ts'
import { printResult, table } from './output.ts'
import { commandActor, group, withApplication } from './run-command.ts'
import { type TwoPersonsOptions, twoPersons, twoPersonsCommand } from './two-persons.ts'

interface SubmitOptions {
  member: string
  dateOfDeath: string
  placeOfDeath?: string
  benefit: string
}

export function claimsCommand(): Command {
  const claims = group('claims', 'death claims')
  claims
    .command('submit')
    .description('enter the death of a member')
    .requiredOption('--member <code>', 'the member who died')
    .requiredOption('--date-of-death <date>', 'such as 2026-11-23', isoDate)
    .option('--place-of-death <place>', 'such as Delhi; those who are asked are told', nameOf)
    .requiredOption('--benefit <amount>', 'what the family is to receive, such as 500000 or 99.50')
    .action(async (options: SubmitOptions, command: Command) => {
      const claim = await withApplication(async (app) => {
        const { memberId } = await memberByCode(app.db, options.member)
        return submitClaim(app, {
          deceasedMemberId: memberId,
          dateOfDeath: options.dateOfDeath,
          placeOfDeath: options.placeOfDeath ?? null,
          benefitAmount: parseAmount(options.benefit, await findFund(app.db)),
          actor: commandActor(),
        })
      })
      print(command, claim)
    })
  claims
    .command('approve')
    .description('the death is proved; the member becomes Deceased')
    .argument('<code>', 'the code of the claim')
    .option('--reason <text>', 'why, where the deceased was not in good standing', nameOf)
    .action(async (code: string, options: { reason?: string }, command: Command) => {
      const claim = await withApplication(async (app) => {
        const { claimId } = await claimByCode(app.db, code)
        return approveClaim(app, { claimId, ...options, actor: commandActor() })
      })
      print(command, claim)
    })
  claims
    .command('reject')
    .description('the death is not proved')
    .argument('<code>', 'the code of the claim')
    .requiredOption('--why <text>', 'the reason, kept with the claim')
    .action(async (code: string, options: { why: string }, command: Command) => {
      const claim = await withApplication(async (app) => {
        const { claimId } = await claimByCode(app.db, code)
        return rejectClaim(app, { claimId, reason: options.why, actor: commandActor() })
      })
      print(command, claim)
    })
  twoPersonsCommand(claims.command('revoke'))
    .description('undo a death that was none: one person asks for it, another approves')
    .argument('<code>', 'the code of the claim')
    .action(async (code: string, options: TwoPersonsOptions, command: Command) => {
      const sentence = await withApplication(async (app) => {
        const { claimId } = await claimByCode(app.db, code)
        const actor = commandActor()
        return twoPersons(options, {
          async request(reason) {
            await requestUndoDeath(app, { claimId, reason, actor })
            return `Another person has to approve it: almoner claims revoke ${code} --approve`
          },
          async withdraw() {
            await withdrawUndoDeath(app, { claimId, actor })
            return `The death of claim ${code} is not to be undone any more.`
          },
          async approve() {
            await undoDeath(app, { claimId, actor })
            return `Claim ${code} is Revoked: the member is what it was before.`
          },
        })
      })
      printResult(command, { claimCode: code, done: sentence }, [sentence])
    })
  claims
    .command('list')
    .description('the newest claims')
    .option('--limit <number>', 'how many', wholeNumber(1, 1000), 50)
    .action(async (options: { limit: number }, command: Command) => {
      const { rows, fund } = await withApplication(async (app) => ({
        rows: await findClaims(app.db, {}, options),
        fund: await findFund(app.db),
      }))
      printResult(
        command,
        { items: rows },
        table([
          ['claim', 'status', 'deceased', 'name', 'date of death', 'benefit'],
          ...rows.map((claim) => [
            claim.claimCode,
            claim.claimStatus,
            claim.deceasedMemberCode,
            claim.deceasedFullName,
            claim.dateOfDeath,
            formatAmount(claim.benefitAmount, fund),
          ]),
        ]),
      )
    })
  return claims
}

function print(command: Command, claim: ClaimView): void {
  printResult(command, claim, [
    `Claim ${claim.claimCode} of ${claim.deceasedMemberCode} (${claim.deceasedFullName}) is ${claim.claimStatus}.`,
  ])
}
