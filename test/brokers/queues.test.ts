import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runAlmoner, startAlmoner } from '../support/almoner-process.ts'
import { type BrokerKind, brokers, type RunningBroker } from '../support/brokers/brokers.ts'
import { createTestDatabase } from '../support/test-database.ts'
import { openWorkedFund, type WorkedFund } from '../support/worked-fund.ts'

const header = 'memberCode,fullName,tier,agentCode,status,joinedOn,phone,email'
const rows = Array.from({ length: 3_001 }, (_, index) => {
  const code = String(index + 1).padStart(6, '0')
  return `M-${code},Member ${code},A,AG-${index % 7},Active,2020-01-01,,`
})

/** What the environment of a process has to hold for this broker to be its queue. */
const environmentOf = (broker: RunningBroker) => ({ QUEUE_URL: broker.url, ...broker.env })

for (const kind of brokers) {
  describe.skipIf(kind.missing)(`Almoner on ${titleOf(kind)}`, () => {
    let broker: RunningBroker
    beforeAll(async () => {
      broker = await kind.start()
    })
    afterAll(() => broker.stop())

    test('members are imported, a cycle becomes Active, and the doctor finds everything well', async () => {
      const database = await createTestDatabase()
      const directory = await mkdtemp(path.join(tmpdir(), 'almoner-queues-'))
      const env = { DATABASE_URL: database.url, PORT: '0', ...environmentOf(broker) }
      const json = async (...args: string[]) => {
        const { code, stdout, stderr } = await runAlmoner(['--json', ...args], env)
        expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
        return JSON.parse(stdout)
      }
      const server = startAlmoner(['start'], env)
      try {
        await server.says('Almoner is ready at ')
        const file = path.join(directory, 'members.csv')
        await writeFile(file, [header, ...rows].join('\n'))
        expect(await json('members', 'import', file, '--create-agents', '--create-tiers')).toMatchObject({
          inserted: 3_001,
        })
        await json('tiers', 'set', 'A', '--contribution', '100')
        const death = ['--member', 'M-000001', '--date-of-death', '2026-01-02', '--benefit', '5000']
        await json('fund', 'set', '--self-approval', 'yes')
        const { claimCode } = await json('claims', 'submit', ...death)
        await json('claims', 'approve', claimCode)
        const start = ['cycles', 'start', '--claim', claimCode, '--strategy', 'queued', '--watch']
        expect(await json(...start)).toMatchObject({ cycleStatus: 'Active', totalMembers: 3_000 })
        expect(await json('doctor')).toMatchObject({ ok: true })
        expect(await server.end('SIGTERM')).toBe(0)
      } finally {
        await server.end('SIGKILL')
        await rm(directory, { recursive: true })
        await database.drop()
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
