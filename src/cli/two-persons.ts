import type { Command } from 'commander'
import { DomainError } from '../platform/values/errors.ts'
import { nameOf } from './arguments.ts'

export interface TwoPersonsOptions {
  reason?: string
  approve?: true
  withdraw?: true
}

/** The options of a command that one person requests and another approves. */
export function twoPersonsCommand(command: Command): Command {
  return command
    .option('--reason <text>', 'why; asks for it', nameOf)
    .option('--approve', 'do what another person has asked for')
    .option('--withdraw', 'take the request back')
}

/** Does the step that the options name, and prints what was done. */
export async function twoPersons(
  { reason, approve, withdraw }: TwoPersonsOptions,
  verbs: {
    readonly request: (reason: string) => Promise<string>
    readonly withdraw: () => Promise<string>
    readonly approve: () => Promise<string>
  },
): Promise<string> {
  if ([reason, approve, withdraw].filter((given) => given !== undefined).length !== 1) {
    throw new DomainError('invalid-input', 'Give one of --reason, --approve and --withdraw.')
  }
  if (reason !== undefined) return verbs.request(reason)
  return withdraw ? verbs.withdraw() : verbs.approve()
}
