import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startAlmoner } from '../support/almoner-process.ts'
import { type BrokerKind, brokers, type RunningBroker } from '../support/brokers/brokers.ts'
import { faultsIn } from '../support/doctor.ts'
import { openWorkedFund, type WorkedFund } from '../support/worked-fund.ts'

/** What the environment of a process has to hold for this broker to be its queue. */
const environmentOf = (broker: RunningBroker) => ({ QUEUE_URL: broker.url, ...broker.env })

for (const kind of brokers) {
  describe.skipIf(kind.missing)(`Almoner on ${titleOf(kind)}`, () => {
    let broker: RunningBroker
    beforeAll(async () => {
      broker = await kind.start()
    })
    afterAll(() => broker.stop())

    test('a cycle becomes Active, and the doctor finds nothing wrong', async () => {
      const env = environmentOf(broker)
      const fund = await openWorkedFund({ members: 3_001, env })
      const server = startAlmoner(['start'], { DATABASE_URL: fund.databaseUrl, PORT: '0', ...env })
      try {
        await server.says('Almoner is ready at ')
        const { cycleId } = await fund.startCycle()
        expect(await fund.untilActive(cycleId)).toMatchObject({ totalMembers: 3_000 })
        expect(await faultsIn(fund.app)).toEqual([])
        expect(await server.end('SIGTERM')).toBe(0)
      } finally {
        await server.end('SIGKILL')
        await fund.close()
      }
    })

    describe('with a cycle that is half created', () => {
      let fund: WorkedFund
      beforeAll(async () => {
        fund = await openWorkedFund({ members: 20_010, env: environmentOf(broker) })
        await fund.slowDown(0.2)
      })
      afterAll(() => fund.close())

      /** Starts a cycle and does this to it once some of its rows are in. */
      async function interfere(act: () => Promise<void>): Promise<void> {
        const worker = await fund.startWorker()
        const { cycleId } = await fund.startCycle()
        let acted = false
        await fund.untilActive(cycleId, async (processed) => {
          if (acted || processed === 0) return
          acted = true
          await act()
        })
        expect(acted).toBe(true)
        expect(await worker.end('SIGTERM')).toBe(0)
      }

      test('I6: it becomes Active by itself when the queue is emptied', { timeout: 120_000 }, () =>
        interfere(() => broker.empty()),
      )

      test(
        'I6: it becomes Active by itself when the broker is killed and started again',
        {
          timeout: 180_000,
        },
        () =>
          interfere(async () => {
            await broker.kill()
            await broker.startAgain()
          }),
      )
    })
  })
}

const [here, elsewhere] = brokers.filter(({ missing }) => !missing)

test.skipIf(elsewhere === undefined)(
  'a cycle that is half created is finished by workers that are started on another queue',
  { timeout: 120_000 },
  async () => {
    const [before, after] = [await here?.start(), await elsewhere?.start()]
    if (before === undefined || after === undefined) throw new Error('there are no two brokers')
    const fund = await openWorkedFund({ members: 20_010, env: environmentOf(before) })
    try {
      await fund.slowDown(0.2)
      let worker = await fund.startWorker()
      const { cycleId } = await fund.startCycle()
      let moved = false
      await fund.untilActive(cycleId, async (processed) => {
        if (moved || processed === 0) return
        moved = true
        expect(await worker.end('SIGTERM')).toBe(0)
        worker = await fund.startWorker(environmentOf(after))
      })
      expect(moved).toBe(true)
    } finally {
      await fund.close()
      await before.stop()
      await after.stop()
    }
  },
)

function titleOf({ name, missing }: BrokerKind): string {
  return missing ? `${name} (${missing})` : name
}
