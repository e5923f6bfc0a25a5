import { describe, expect, test } from 'vitest'
import type { BullMqQueue } from './bullmq.ts'
import type { Message } from './queue.ts'

/** What the drivers on BullMQ promise besides the contract of all drivers. `open` opens an empty queue. */
export function bullMqContract(
  name: string,
  setUp: () => Promise<{ open(): Promise<BullMqQueue>; tearDown(): Promise<void> }>,
): void {
  describe(`BullMQ on ${name}`, () => {
    const promises = (title: string, prove: (queue: BullMqQueue) => Promise<void>) =>
      test(title, async () => {
        const store = await setUp()
        const queue = await store.open()
        try {
          await prove(queue)
        } finally {
          await queue.close()
          await store.tearDown()
        }
      })

    promises('messages of low priority come after those that wait, in their order', async (queue) => {
      await queue.send([
        { name: 'token', id: 'low 1', priority: 'low' },
        { name: 'token', id: 'low 2', priority: 'low' },
      ])
      await queue.send([{ name: 'token', id: 'normal 1' }])
      await queue.send([{ name: 'token', id: 'normal 2' }])
      expect(await queue.depth()).toMatchObject({ waiting: 4 })
      const taken: string[] = []
      await queue.consume(async ({ id }) => void taken.push(id), { concurrency: 1 })
      await expect.poll(() => taken, { timeout: 10_000 }).toEqual(['normal 1', 'normal 2', 'low 1', 'low 2'])
    })

    promises('only about the last hundred finished messages are kept', async (queue) => {
      const taken = new Set<string>()
      await queue.consume(async ({ id }) => void taken.add(id), { concurrency: 5 })
      await queue.send(
        Array.from({ length: 150 }, (_, index): Message => ({ name: 'token', id: `${index}` })),
      )
      await expect.poll(() => taken.size, { timeout: 10_000 }).toBe(150)
      await expect.poll(async () => (await queue.depth()).active).toBe(0)
      const kept = await queue.bullmqQueue.getJobCountByTypes('completed')
      // Two that end in the same instant may each leave room for the other.
      expect(kept).toBeGreaterThanOrEqual(100)
      expect(kept).toBeLessThan(110)
    })

    promises('what a handler reports is shown as the progress and the log of its message', async (queue) => {
      await queue.consume(
        async (_message, { report }) => {
          report?.({ percentage: 40, lines: ['one', 'two'] })
          report?.({ percentage: 70, lines: ['three'] })
        },
        { concurrency: 1 },
      )
      await queue.send([{ name: 'token', id: '1' }])
      const shown = async () => {
        const [job] = await queue.bullmqQueue.getJobs(['completed'])
        const logs = job?.id === undefined ? [] : (await queue.bullmqQueue.getJobLogs(job.id)).logs
        return { progress: job?.progress, logs }
      }
      await expect.poll(shown, { timeout: 10_000 }).toEqual({ progress: 70, logs: ['one\ntwo', 'three'] })
    })
  })
}
