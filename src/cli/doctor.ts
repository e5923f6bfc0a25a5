import { Command } from 'commander'
import { version } from '../app/version.ts'
import { examine, type Finding } from '../operations/examine.ts'
import { exitCodes } from './exit-codes.ts'
import { printResult } from './output.ts'
import { withApplication } from './run-command.ts'

export const doctorCommand = () =>
  new Command('doctor')
    .description('check that everything holds; exit code 1 when something is wrong')
    .action(async (_options: unknown, command: Command) => {
      const findings: Finding[] = []
      await withApplication(async (app) => {
        for await (const finding of examine({ ...app, version })) findings.push(finding)
      })
      const ok = findings.every((finding) => finding.ok)
      printResult(command, { ok, findings }, [
        ...findings.map(({ check, ok, detail }) => `${ok ? 'ok   ' : 'WRONG'}  ${check}: ${detail}`),
        ok ? 'Everything holds.' : 'Something is wrong.',
      ])
      if (!ok) process.exitCode = exitCodes.failed
    })
