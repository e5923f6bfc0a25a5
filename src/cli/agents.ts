import { type Command, Option } from 'commander'
import { addAgent, changeAgent, moveMembersOfAgent, removeAgent } from '../members/keep-agents.ts'
import { type AgentRow, findAgent, findAgents } from '../members/member-sql.ts'
import type { Db } from '../platform/database/connect.ts'
import { DomainError } from '../platform/values/errors.ts'
import { codeRule, emailRule, phoneRule } from '../platform/values/text-rules.ts'
import { addAgentsImport } from './agents-import.ts'
import { nameOf, orNone, textOf } from './arguments.ts'
import { plural, printResult, table } from './output.ts'
import { commandActor, group, withApplication } from './run-command.ts'

/** `none` comes as an empty text. */
interface AgentOptions {
  name?: string
  email?: string
  phone?: string
  retired?: 'yes' | 'no'
}

export function agentsCommand(): Command {
  const agents = group('agents', 'who collects from members')
  agents
    .command('list')
    .description('all agents')
    .action(async (_options: unknown, command: Command) => {
      const rows = await withApplication((app) => findAgents(app.db, { limit: 10_000 }))
      printResult(
        command,
        { items: rows },
        table([
          ['agent', 'name', 'email', 'phone', 'retired'],
          ...rows.map((one) => [
            one.agentCode,
            one.fullName,
            one.email ?? '',
            one.phone ?? '',
            one.retiredAt === null ? '' : 'yes',
          ]),
        ]),
      )
    })
  agents
    .command('show')
    .description('one agent')
    .argument('<code>', 'the code of the agent')
    .action(async (code: string, _options: unknown, command: Command) => {
      print(command, await withApplication((app) => agentByCode(app.db, code)))
    })
  withFields(agents.command('add'))
    .description('add an agent')
    .argument('<code>', 'the code of the agent', textOf(codeRule))
    .action(async (agentCode: string, { name, email, phone }: AgentOptions, command: Command) => {
      const added = await withApplication((app) =>
        addAgent(app, {
          agentCode,
          fullName: name ?? agentCode,
          email: email || null,
          phone: phone || null,
          actor: commandActor(),
        }),
      )
      print(command, added)
    })
  withFields(agents.command('set'))
    .description('change an agent, or retire one who has no members')
    .argument('<code>', 'the code of the agent')
    .addOption(
      new Option('--retired <yes|no>', 'whether members can no longer be given to the agent').choices([
        'yes',
        'no',
      ]),
    )
    .action(async (code: string, options: AgentOptions, command: Command) => {
      const { name, email, phone, retired } = options
      if (Object.keys(options).length === 0) throw new DomainError('invalid-input', 'Say what to change.')
      const changed = await withApplication(async (app) => {
        const { agentId } = await agentByCode(app.db, code)
        const changes = {
          ...(name !== undefined && { fullName: name }),
          ...(email !== undefined && { email: email || null }),
          ...(phone !== undefined && { phone: phone || null }),
          ...(retired !== undefined && { isRetired: retired === 'yes' }),
        }
        return changeAgent(app, { agentId, changes, actor: commandActor() })
      })
      print(command, changed)
    })
  addAgentsImport(agents)
  agents
    .command('move')
    .description(
      'give all members of an agent to another; what was asked in Active cycles stays with the former',
    )
    .argument('<from>', 'the code of the agent')
    .argument('<to>', 'the code of the other, or none')
    .action(async (from: string, to: string, _options: unknown, command: Command) => {
      const members = await withApplication(async (app) => {
        const { agentId } = await agentByCode(app.db, from)
        const toAgentId = to === 'none' ? null : (await agentByCode(app.db, to)).agentId
        return moveMembersOfAgent(app, { agentId, toAgentId, actor: commandActor() })
      })
      printResult(command, { members }, [`${plural(members, 'member')} moved from ${from} to ${to}.`])
    })
  agents
    .command('remove')
    .description('remove an agent who was never used')
    .argument('<code>', 'the code of the agent')
    .action(async (code: string, _options: unknown, command: Command) => {
      await withApplication(async (app) => {
        const { agentId } = await agentByCode(app.db, code)
        await removeAgent(app, { agentId, actor: commandActor() })
      })
      printResult(command, { agentCode: code }, [`Agent ${code} is removed.`])
    })
  return agents
}

function withFields(command: Command): Command {
  return command
    .option('--name <name>', 'the full name', nameOf)
    .option('--email <address>', 'the e-mail address, or none', orNone(textOf(emailRule)))
    .option('--phone <number>', 'the telephone number, or none', orNone(textOf(phoneRule)))
}

/** @throws DomainError `agent-not-found` */
async function agentByCode(db: Db, code: string): Promise<AgentRow> {
  const agent = await findAgent(db, code)
  if (!agent) throw new DomainError('agent-not-found', `There is no agent ${code}.`)
  return agent
}

function print(command: Command, agent: AgentRow): void {
  const { agentCode, fullName, email, phone, retiredAt } = agent
  printResult(command, agent, [
    `${agentCode} (${fullName})${retiredAt === null ? '' : ' is retired'}`,
    `email: ${email ?? 'none'}`,
    `phone: ${phone ?? 'none'}`,
  ])
}
