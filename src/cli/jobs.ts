import type { Command } from 'commander'
import { retryFailedJob } from '../operations/retry-job.ts'
import { findJobView, findJobViews, findTroubles } from '../platform/jobs/job-view-sql.ts'
import { DomainError } from '../platform/values/errors.ts'
import { wholeNumber } from './arguments.ts'
import { printResult, table } from './output.ts'
import { commandActor, group, withApplication } from './run-command.ts'

export function jobsCommand(): Command {
  const jobs = group('jobs', 'long work in the background')
  jobs
    .command('list')
    .description('the newest jobs')
    .option('--limit <number>', 'how many', wholeNumber(1, 1000), 50)
    .action(async (options: { limit: number }, command: Command) => {
      const rows = await withApplication((app) => findJobViews(app.db, {}, options))
      printResult(
        command,
        { items: rows },
        table([
          ['job', 'kind', 'status', 'progress', 'rows', 'created'],
          ...rows.map((job) => [
            job.jobId,
            job.jobKind,
            job.jobStatus,
            `${job.percentage} %`,
            `${job.processed} / ${job.total ?? '?'}`,
            job.createdAt,
          ]),
        ]),
      )
    })
  jobs
    .command('show')
    .description('one job, with what went wrong')
    .argument('<id>', 'the id of the job')
    .action(async (jobId: string, _options: unknown, command: Command) => {
      const { job, errors } = await withApplication(async (app) => ({
        job: isId(jobId) ? await findJobView(app.db, jobId) : undefined,
        errors: isId(jobId) ? await findTroubles(app.db, jobId, 100) : [],
      }))
      if (!job) throw new DomainError('job-not-found', `There is no job ${jobId}.`)
      const { chunks } = job
      printResult(command, { ...job, errors }, [
        `${job.jobKind} ${job.jobId} is ${job.jobStatus}, ${job.percentage} % (${job.processed} / ${job.total ?? '?'} rows).`,
        `  chunks   ${chunks.done} done, ${chunks.pending} pending, ${chunks.failed} failed`,
        `  running  ${(job.runningMs / 1000).toFixed(1)} s`,
        ...(job.error === null ? [] : [`  error    ${job.error}`]),
        ...errors.map(
          (trouble) => `  chunk ${trouble.chunkNo} after ${trouble.attempts} attempts: ${trouble.error}`,
        ),
      ])
    })
  jobs
    .command('retry')
    .description('try again what failed of a job; what is done stays done')
    .argument('<id>', 'the id of the job')
    .action(async (jobId: string, _options: unknown, command: Command) => {
      if (!isId(jobId)) throw new DomainError('job-not-found', `There is no job ${jobId}.`)
      const job = await withApplication((app) => retryFailedJob(app, { jobId, actor: commandActor() }))
      printResult(command, job, [`${job.jobKind} ${job.jobId} is tried again; a worker does it.`])
    })
  return jobs
}

function isId(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
}
