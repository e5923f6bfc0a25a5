import { afterEach, expect, test } from 'vitest'
import type { CycleView } from '../../src/cycles/cycle-sql.ts'
import { openTestApi, type TestApi } from '../support/api-client.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'

const queueApi = '/admin/queues/api/queues'
const contributions = `${queueApi}/contributions`

interface Board {
  queues: {
    name: string
    readOnlyMode: boolean
    isPaused: boolean
    jobs: { id: string; progress: unknown }[]
  }[]
}

interface Audit {
  items: { payload: unknown; role: string }[]
}

let api: TestApi
afterEach(() => api.close())

test('the board shows the tokens of a cycle, each with its log and the progress of the job', async () => {
  api = await openTestApi({ worker: true })
  await registerTier(api.db, { members: 3_001 })
  const { claimId } = await approveDeath(api.db)
  const { body } = await api.post<{ cycle: CycleView }>('/api/contribution-cycles', {
    claimId,
    strategy: 'queued',
  })
  const board = () => api.get<Board>(`${queueApi}?activeQueue=contributions&status=completed`)
  // A token that finds nothing to do, as the sweeper's may, has nothing to say.
  const lines = async () => {
    const jobs = (await board()).body.queues[0]?.jobs ?? []
    const logs = await Promise.all(jobs.map(({ id }) => api.get<string[]>(`${contributions}/${id}/logs`)))
    return logs.flatMap(({ body }) => body.flatMap((log) => log.split('\n'))).sort()
  }
  await expect.poll(lines, { timeout: 20_000 }).toEqual([
    // Of the job that tells the agents.
    expect.stringMatching(/^Chunk 1: 20 rows in \d+ ms$/),
    ...Array.from({ length: 6 }, (_, index) =>
      expect.stringMatching(`^Chunk ${index + 1}: 500 rows in \\d+ ms$`),
    ),
    'The job is Completed',
    'The job is Completed',
  ])
  await expect
    .poll(async () => (await board()).body.queues[0]?.jobs.map((job) => job.progress))
    .toContain(100)
  expect(body.cycle.cycleStatus).toBe('Initializing')
})

test('the board is read-only until it is made writable', async () => {
  api = await openTestApi({ worker: false })
  const page = await api.get('/admin/queues')
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  // The page names a font elsewhere; nobody but us is to know that it was opened.
  expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'self'/)
  expect((await api.get<Board>(queueApi)).body.queues).toMatchObject([
    { name: 'contributions', readOnlyMode: true },
  ])
  expect((await api.ask(`${contributions}/pause`, { method: 'PUT' })).status).toBe(405)
  expect((await api.get<Audit>('/api/audit?eventName=QueueSteered')).body.items).toEqual([])
  expect((await api.get<Board>(queueApi)).body.queues).toMatchObject([{ isPaused: false }])
})

test('a writable board can also act', async () => {
  api = await openTestApi({ worker: false, env: { QUEUE_BOARD: 'writable' } })
  expect((await api.ask(`${contributions}/pause`, { method: 'PUT' })).status).toBe(200)
  expect((await api.get<Board>(queueApi)).body.queues).toMatchObject([
    { readOnlyMode: false, isPaused: true },
  ])
  await api.ask(`${contributions}/resume`, { method: 'PUT' })
  await api.ask(`${contributions}/empty`, { method: 'PUT' })
  const route = (command: string) => ({
    method: 'PUT',
    route: `/admin/queues/api/queues/:queueName/${command}`,
    params: { queueName: 'contributions' },
  })
  expect((await api.get<Audit>('/api/audit?eventName=QueueSteered')).body.items).toMatchObject([
    { payload: route('empty') },
    { payload: route('resume') },
    { payload: route('pause'), role: 'admin' },
  ])
})
