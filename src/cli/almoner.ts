#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { version } from '../app/version.ts'
import { backupCommand, restoreCommand } from './backup.ts'
import { claimsCommand } from './claims.ts'
import { cyclesCommand } from './cycles.ts'
import { demoCommand } from './demo.ts'
import { doctorCommand } from './doctor.ts'
import { fundCommand } from './fund.ts'
import { jobsCommand } from './jobs.ts'
import { membersCommand } from './members.ts'
import { migrateCommand } from './migrate.ts'
import { exitCodes, explain } from './run-command.ts'
import { apiCommand, startCommand, workerCommand } from './start.ts'
import { tiersCommand } from './tiers.ts'
import { usersCommand } from './users.ts'

const program = new Command('almoner')
  .description('Contribution cycles for mutual-aid and death-benefit funds.')
  .version(version)
  .option('--json', 'print one JSON value on standard output')
  .showHelpAfterError('(see --help)')

for (const command of [
  startCommand,
  apiCommand,
  workerCommand,
  migrateCommand,
  demoCommand,
  fundCommand,
  tiersCommand,
  membersCommand,
  claimsCommand,
  cyclesCommand,
  jobsCommand,
  usersCommand,
  doctorCommand,
  backupCommand,
  restoreCommand,
]) {
  program.addCommand(command())
}

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
    // It has said what is wrong already; asking for help is not wrong.
    process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUse
  } else {
    const { sentence, exitCode } = explain(error)
    process.stderr.write(`${sentence}\n`)
    process.exitCode = exitCode
  }
}
