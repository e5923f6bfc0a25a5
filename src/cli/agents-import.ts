import type { Command } from 'commander'
import { agentFile, readColumnMap } from '../members/column-rules.ts'
import { importAgents } from '../members/import-agents.ts'
import { countsLine, type FileOptions, printImport, withFile, withFileOptions } from './import-files.ts'
import { commandActor, withApplication } from './run-command.ts'

export function addAgentsImport(agents: Command): void {
  withFileOptions(agents.command('import'))
    .description('import agents from a CSV file or a workbook; good rows are imported, bad rows are listed')
    .option('--update', 'change agents that are there and differ; an empty cell keeps what is there')
    .action(async (file: string, options: FileOptions & { update?: true }, command: Command) => {
      const map = readColumnMap(agentFile, options.map)
      const result = await withFile(agentFile, file, options, (csv, { onFault }) =>
        withApplication((app) =>
          importAgents(app, {
            csv,
            map,
            update: options.update === true,
            dryRun: options.dryRun === true,
            actor: commandActor(),
            ...(onFault && { onFault }),
          }),
        ),
      )
      printImport(command, result, [countsLine(result)])
    })
}
