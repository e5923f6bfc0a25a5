/** What the engine counts in this process; an API adds what the database knows of all of them. */
import { Counter, Histogram } from 'prom-client'

export const chunkSeconds = new Histogram({
  name: 'almoner_chunk_seconds',
  help: 'Seconds a chunk took in the background, by kind of job and by whether it was done or failed.',
  labelNames: ['job_kind', 'outcome'] as const,
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120],
})

export const rowsDone = new Counter({
  name: 'almoner_rows_total',
  help: 'Rows done and committed in the background, by kind of job.',
  labelNames: ['job_kind'] as const,
})

export const retries = new Counter({
  name: 'almoner_retries_total',
  help: 'Attempts that failed and are made again, by kind of job and by what failed: a chunk, or the job’s plan or finish.',
  labelNames: ['job_kind', 'what'] as const,
})

export const sweepTokens = new Counter({
  name: 'almoner_sweep_tokens_total',
  help: 'Tokens that the sweep sent for work that nobody did.',
})

export const tokenSeconds = new Histogram({
  name: 'almoner_token_seconds',
  help: 'Seconds from the sending of a token to its being taken, by the clocks of both machines.',
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600],
})
