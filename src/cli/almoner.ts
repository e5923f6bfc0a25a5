#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { version } from '../app/version.ts'
import { exitCodes } from './exit-codes.ts'

/**
 * Every command, and what has to be loaded for it. Only the one that is asked for is: the libraries of all of them would
 * take longer to load than most commands take.
 */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./start.ts')).startCommand(),
  api: async () => (await import('./start.ts')).apiCommand(),
  worker: async () => (await import('./start.ts')).workerCommand(),
  migrate: async () => (await import('./migrate.ts')).migrateCommand(),
  demo: async () => (await import('./demo.ts')).demoCommand(),
  fund: async () => (await import('./fund.ts')).fundCommand(),
  tiers: async () => (await import('./tiers.ts')).tiersCommand(),
  agents: async () => (await import('./agents.ts')).agentsCommand(),
  members: async () => (await import('./members.ts')).membersCommand(),
  claims: async () => (await import('./claims.ts')).claimsCommand(),
  cycles: async () => (await import('./cycles.ts')).cyclesCommand(),
  payments: async () => (await import('./payments.ts')).paymentsCommand(),
  wallets: async () => (await import('./wallets.ts')).walletsCommand(),
  ledger: async () => (await import('./ledger.ts')).ledgerCommand(),
  jobs: async () => (await import('./jobs.ts')).jobsCommand(),
  users: async () => (await import('./users.ts')).usersCommand(),
  doctor: async () => (await import('./doctor.ts')).doctorCommand(),
  backup: async () => (await import('./backup.ts')).backupCommand(),
  restore: async () => (await import('./backup.ts')).restoreCommand(),
}

const program = new Command('almoner')
  .description('Contribution cycles for mutual-aid and death-benefit funds.')
  .version(version)
  .option('--json', 'print one JSON value on standard output')
  .showHelpAfterError('(see --help)')

const asked = process.argv.slice(2).find((word) => !word.startsWith('-')) ?? ''
const wanted = Object.hasOwn(commands, asked) ? [asked] : Object.keys(commands)
for (const name of wanted) program.addCommand(await (commands[name] as () => Promise<Command>)())

/** Commander ends the process by itself unless it is told, command by command, to throw. */
function throwInstead(command: Command): void {
  command.exitOverride()
  for (const child of command.commands) throwInstead(child)
}
throwInstead(program)

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed the error already; asking for help is no error.
    process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUse
  } else {
    const { explain } = await import('./run-command.ts')
    const { sentence, exitCode } = explain(error)
    process.stderr.write(`${sentence}\n`)
    process.exitCode = exitCode
  }
}
