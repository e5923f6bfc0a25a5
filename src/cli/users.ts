import { type Command, Option } from 'commander'
import { findUser, findUsers, type UserRow } from '../access/access-sql.ts'
import { countAttempts } from '../access/attempts.ts'
import { addUser, changeUser, resetUser, type UserWithLink } from '../access/keep-users.ts'
import type { Role } from '../access/permission-rules.ts'
import { roles } from '../access/permission-rules.ts'
import type { Application } from '../app/application.ts'
import { confirmUser, requestConfirmation, withdrawConfirmation } from '../approvals/new-approver.ts'
import { findAgent } from '../members/member-sql.ts'
import { DomainError } from '../platform/values/errors.ts'
import { wholeNumber } from './arguments.ts'
import { printResult, table } from './output.ts'
import { commandActor, group, withApplication } from './run-command.ts'
import { type TwoPersonsOptions, twoPersons, twoPersonsCommand } from './two-persons.ts'

interface AddOptions {
  name: string
  role: Role
  agent?: string
}

/** For the operator of the server: it works even when nobody can sign in. */
export function usersCommand(): Command {
  const users = group('users', 'who may sign in')
  users
    .command('add')
    .description('add a user, and print the link with which the user sets a password')
    .argument('<email>')
    .requiredOption('--name <name>')
    .addOption(new Option('--role <role>').choices(roles).makeOptionMandatory())
    .option('--agent <code>', 'whose members an agent sees')
    .action(async (email: string, { name, role, agent }: AddOptions, command: Command) => {
      const added = await withApplication(async (app) => {
        const agentId = agent === undefined ? null : await agentIdOf(app, agent)
        return addUser(app, { email, name, role, agentId, actor: commandActor() })
      })
      printWithLink(command, added)
    })
  users
    .command('list')
    .description('all users')
    .option('--limit <number>', 'how many', wholeNumber(1, 1000), 200)
    .action(async (options: { limit: number }, command: Command) => {
      const rows = await withApplication((app) => findUsers(app.db, options))
      printResult(
        command,
        { items: rows },
        table([
          ['e-mail', 'name', 'role', 'agent', 'second factor', 'state'],
          ...rows.map((user) => [
            user.email,
            user.name,
            user.role,
            user.agentCode ?? '–',
            user.secondFactor ? 'yes' : 'no',
            stateOf(user),
          ]),
        ]),
      )
    })
  users
    .command('reset')
    .description(
      'for who has lost password or telephone: end all sessions and the second factor, print a link',
    )
    .argument('<email>')
    .action(async (email: string, _options: unknown, command: Command) => {
      const reset = await withApplication(async (app) => {
        const { userId } = await requireUserOf(app, email)
        const reset = await resetUser(app, { userId, actor: commandActor() })
        await countAttempts(app.database.pool).unlock({ userId, email })
        return reset
      })
      printWithLink(command, reset)
    })
  twoPersonsCommand(users.command('confirm'))
    .description('let a user whose role is new decide at once: one person asks for it, another approves')
    .argument('<email>')
    .action(async (email: string, options: TwoPersonsOptions, command: Command) => {
      const sentence = await withApplication(async (app) => {
        const { userId } = await requireUserOf(app, email)
        const actor = commandActor()
        return twoPersons(options, {
          async request(reason) {
            await requestConfirmation(app, { userId, reason, actor })
            return `Another person has to approve it: almoner users confirm ${email} --approve`
          },
          async withdraw() {
            await withdrawConfirmation(app, { userId, actor })
            return `${email} is not to be confirmed any more.`
          },
          async approve() {
            await confirmUser(app, { userId, actor })
            return `${email} decides from now on.`
          },
        })
      })
      printResult(command, { email, done: sentence }, [sentence])
    })
  for (const [verb, disabled] of [
    ['disable', true],
    ['enable', false],
  ] as const) {
    users
      .command(verb)
      .description(disabled ? 'let a user in no more; what the user did stays' : 'let a user in again')
      .argument('<email>')
      .action(async (email: string, _options: unknown, command: Command) => {
        const changed = await withApplication(async (app) => {
          const { userId } = await requireUserOf(app, email)
          return changeUser(app, { userId, changes: { disabled }, actor: commandActor() })
        })
        printResult(command, changed, [`${changed.email} is ${stateOf(changed)}.`])
      })
  }
  return users
}

function printWithLink(command: Command, { user, link }: UserWithLink): void {
  printResult(command, { ...user, passwordLink: link }, [
    `${user.email} (${user.role}) sets a password, once, at`,
    link,
  ])
}

function stateOf(user: UserRow): string {
  if (user.disabledAt !== null) return 'disabled'
  return user.hasPassword ? 'enabled' : 'without a password yet'
}

async function requireUserOf({ db }: Application, email: string): Promise<UserRow> {
  const user = await findUser(db, { email })
  if (!user) throw new DomainError('user-not-found', `There is no user ${email}.`)
  return user
}

async function agentIdOf({ db }: Application, agentCode: string): Promise<string> {
  const agent = await findAgent(db, agentCode)
  if (!agent) throw new DomainError('agent-not-found', `There is no agent ${agentCode}.`)
  return agent.agentId
}
