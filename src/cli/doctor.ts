import { Command } from 'commander'
import { version } from '../app/version.ts'
import { checkAnchor, writeAnchor } from '../operations/anchor.ts'
import { examine, type Finding } from '../operations/examine.ts'
import { exitCodes } from './exit-codes.ts'
import { printResult } from './output.ts'
import { withApplication } from './run-command.ts'

export const doctorCommand = () =>
  new Command('doctor')
    .description('check that everything holds; exit code 1 when something is wrong')
    .option(
      '--anchor <file>',
      'compare the audit trail with this file, kept where the database is not; when everything holds, write its end there',
    )
    .action(async ({ anchor }: { anchor?: string }, command: Command) => {
      const findings: Finding[] = []
      const holds = () => findings.every(({ ok }) => ok)
      await withApplication(async (app) => {
        for await (const finding of examine({ ...app, version })) findings.push(finding)
        if (anchor === undefined) return
        const found = await checkAnchor(app.db, anchor)
        if (found) findings.push(found)
        if (!holds()) return
        const { position } = await writeAnchor(app.db, anchor)
        findings.push({ check: 'anchor', ok: true, detail: `${anchor} now names ${position} events` })
      })
      const ok = holds()
      printResult(command, { ok, findings }, [
        ...findings.map(({ check, ok, detail }) => `${ok ? 'ok   ' : 'WRONG'}  ${check}: ${detail}`),
        ok ? 'Everything holds.' : 'Something is wrong.',
      ])
      if (!ok) process.exitCode = exitCodes.failed
    })
