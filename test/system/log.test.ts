import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AlmonerProcess } from '../support/almoner-process.ts'
import { openWorkedFund, type WorkedFund } from '../support/worked-fund.ts'

let fund: WorkedFund
beforeAll(async () => {
  fund = await openWorkedFund({ members: 3_001 })
})
afterAll(() => fund.close())

const linesOf = ({ output }: AlmonerProcess) =>
  output.stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)

test('each step of a job is a line with the cycle’s code and the job; at SIGUSR2 each chunk is one too', async () => {
  const worker = await fund.startWorker({ LOG_FORMAT: 'json', LOG_LEVEL: 'info' })
  const { cycleId, cycleCode, jobId } = await fund.startCycle()
  await fund.untilActive(cycleId)
  await worker.says('The job is Completed')
  const about = (message: string) => linesOf(worker).filter(({ msg }) => String(msg).startsWith(message))
  const ofJob = { jobId, jobKind: 'create-cycle-contributions', cycleCode }
  expect(about('the job is planned')).toContainEqual(expect.objectContaining({ ...ofJob, chunks: 6 }))
  expect(about('The job is Completed')).toContainEqual(expect.objectContaining(ofJob))
  expect(about('Chunk')).toEqual([])

  worker.child.kill('SIGUSR2')
  await worker.says('the log level is debug now')
  const next = await fund.startCycle()
  await fund.untilActive(next.cycleId)
  await worker.says('Chunk 6: ')
  expect(about('Chunk 1: ')).toContainEqual(expect.objectContaining({ jobId: next.jobId, chunkNo: 1 }))
  worker.child.kill('SIGUSR2')
  await worker.says('the log level is info now')
})
