import { type Command, Option } from 'commander'
import { eraseMember, requestErasure, withdrawErasure } from '../members/erase-member.ts'
import { addMember, changeMember } from '../members/keep-members.ts'
import { type MemberStatus, memberStatuses } from '../members/member-rules.ts'
import { findAgent, findMembers, findStandings, type MemberView } from '../members/member-sql.ts'
import type { Db } from '../platform/database/connect.ts'
import { DomainError } from '../platform/values/errors.ts'
import { emailRule, memberCodeRule, phoneRule } from '../platform/values/text-rules.ts'
import { isoDate, memberByCode, nameOf, orNone, textOf, tierByCode, wholeNumber } from './arguments.ts'
import { addImportCommand, addUndoCommands } from './members-import.ts'
import { printResult, table } from './output.ts'
import { commandActor, group, withApplication } from './run-command.ts'
import { type TwoPersonsOptions, twoPersons, twoPersonsCommand } from './two-persons.ts'

interface ListOptions {
  status?: MemberStatus
  tier?: string
  agent?: string
  limit: number
}

/** The given fields of a member. `none` comes as an empty text, because commander has no null. */
interface MemberOptions {
  name?: string
  tier?: string
  agent?: string
  status?: MemberStatus
  joined?: string
  phone?: string
  email?: string
}

export function membersCommand(): Command {
  const members = group('members', 'the register')
  members
    .command('list')
    .description('members by code: all, or those that a search finds')
    .argument(
      '[search]',
      'beginnings of words of a name, the beginning of a code, or the end of a telephone number',
    )
    .addOption(new Option('--status <status>').choices(memberStatuses))
    .option('--tier <code>')
    .option('--agent <code>')
    .option('--limit <number>', 'how many', wholeNumber(1, 10_000), 50)
    .action(async (search: string | undefined, options: ListOptions, command: Command) => {
      const rows = await withApplication(async ({ db }) => {
        const { tierId, agentId } = await referred(db, options)
        const filter = { q: search, status: options.status, tierId, agentId: agentId ?? undefined }
        return findMembers(db, filter, { limit: options.limit })
      })
      printResult(
        command,
        { items: rows },
        table([
          ['member', 'name', 'tier', 'agent', 'status', 'joined', 'phone'],
          ...rows.map((one) => [
            one.memberCode,
            one.fullName,
            one.tierCode,
            one.agentCode ?? '',
            one.memberStatus,
            one.joinedOn,
            one.phone ?? '',
          ]),
        ]),
      )
    })
  members
    .command('show')
    .description('a member, with the history of the standing')
    .argument('<code>', 'the code of the member')
    .action(async (memberCode: string, _options: unknown, command: Command) => {
      const { member, standings } = await withApplication(async ({ db }) => {
        const found = await memberByCode(db, memberCode)
        return { member: found, standings: await findStandings(db, found.memberId) }
      })
      printResult(command, { ...member, standings }, [
        sentence(member),
        ...[
          ['agent', member.agentCode],
          ['joined', member.joinedOn],
          ['phone', member.phone],
          ['email', member.email],
        ].map(([name, value]) => `${name}: ${value ?? 'none'}`),
        ...standings.map(
          ({ tierCode, validFrom, validTo }) => `in good standing in ${tierCode}: ${validFrom} to ${validTo}`,
        ),
      ])
    })
  withFields(members.command('add'))
    .description('put a member on the register')
    .argument('<code>', 'the code of the member', textOf(memberCodeRule))
    .action(async (memberCode: string, options: MemberOptions, command: Command) => {
      const { name, joined } = options
      if (name === undefined || joined === undefined || options.tier === undefined) {
        throw new DomainError('invalid-input', 'Say at least --name, --tier and --joined.')
      }
      const added = await withApplication(async (app) => {
        const { tierId, agentId = null } = await referred(app.db, options)
        return addMember(app, {
          memberCode,
          fullName: name,
          tierId: tierId ?? '',
          agentId,
          walletId: null,
          memberStatus: options.status ?? 'Active',
          joinedOn: joined,
          phone: options.phone || null,
          email: options.email || null,
          actor: commandActor(),
        })
      })
      printResult(command, added, [sentence(added)])
    })
  withFields(members.command('set'))
    .description('change what the register says of a member')
    .argument('<code>', 'the code of the member')
    .action(async (memberCode: string, options: MemberOptions, command: Command) => {
      if (Object.keys(options).length === 0) throw new DomainError('invalid-input', 'Say what to change.')
      const { name, status, joined, phone, email } = options
      const changed = await withApplication(async (app) => {
        const { memberId } = await memberByCode(app.db, memberCode)
        const changes = {
          ...(await referred(app.db, options)),
          ...(name !== undefined && { fullName: name }),
          ...(status !== undefined && { memberStatus: status }),
          ...(joined !== undefined && { joinedOn: joined }),
          ...(phone !== undefined && { phone: phone || null }),
          ...(email !== undefined && { email: email || null }),
        }
        return changeMember(app, { memberId, changes, actor: commandActor() })
      })
      printResult(command, changed, [sentence(changed)])
    })
  addImportCommand(members)
  addUndoCommands(members)
  twoPersonsCommand(members.command('erase'))
    .description(
      'forget a member who has left or died: one person asks for it, another approves; it cannot be undone',
    )
    .argument('<code>', 'the code of the member')
    .action(async (memberCode: string, options: TwoPersonsOptions, command: Command) => {
      const sentence = await withApplication(async (app) => {
        const { memberId } = await memberByCode(app.db, memberCode)
        const actor = commandActor()
        return twoPersons(options, {
          async request(reason) {
            await requestErasure(app, { memberId, reason, actor })
            return `Another person has to approve it: almoner members erase ${memberCode} --approve`
          },
          async withdraw() {
            await withdrawErasure(app, { memberId, actor })
            return `${memberCode} is not to be erased any more.`
          },
          async approve() {
            await eraseMember(app, { memberId, actor })
            return `${memberCode} is erased. Backups of before still hold the name: delete them in their time.`
          },
        })
      })
      printResult(command, { memberCode, done: sentence }, [sentence])
    })
  return members
}

function withFields(command: Command): Command {
  return command
    .option('--name <name>', 'the full name', nameOf)
    .option('--tier <code>', 'the tier')
    .option(
      '--agent <code>',
      'the agent, or none',
      orNone((code) => code),
    )
    .addOption(
      new Option('--status <status>').choices(memberStatuses.filter((status) => status !== 'Deceased')),
    )
    .option('--joined <date>', 'when the member joined', isoDate)
    .option('--phone <number>', 'the telephone number, or none', orNone(textOf(phoneRule)))
    .option('--email <address>', 'the e-mail address, or none', orNone(textOf(emailRule)))
}

/** The tier and the agent that the options name. */
async function referred(
  db: Db,
  { tier, agent }: Pick<MemberOptions, 'tier' | 'agent'>,
): Promise<{ tierId?: string; agentId?: string | null }> {
  const found = tier === undefined ? undefined : await tierByCode(db, tier)
  const who = agent ? await findAgent(db, agent) : undefined
  if (agent && !who) {
    throw new DomainError('agent-not-found', `There is no agent ${agent}.`)
  }
  return {
    ...(found && { tierId: found.tierId }),
    ...(agent !== undefined && { agentId: who?.agentId ?? null }),
  }
}

function sentence(member: MemberView): string {
  return `${member.memberCode} (${member.fullName}) is ${member.memberStatus} in tier ${member.tierCode}.`
}
