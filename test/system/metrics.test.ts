import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApi, refusal, type TestApi } from '../support/api-client.ts'
import { signedIn } from '../support/browser-client.ts'
import { openWorkedFund, type WorkedFund } from '../support/worked-fund.ts'

let fund: WorkedFund
let api: TestApi
beforeAll(async () => {
  fund = await openWorkedFund({ members: 6_001 })
  api = await openTestApi({ worker: true })
})
afterAll(async () => {
  await api?.close()
  await fund?.close()
})

test('a worker gives its own metrics and those of the fund at METRICS_PORT', async () => {
  const worker = await fund.startWorker({ METRICS_PORT: '0', LOG_FORMAT: 'json', LOG_LEVEL: 'info' })
  const [, url] = /"url":"([^"]+)","msg":"metrics/.exec(worker.output.stderr) ?? []
  const { cycleId } = await fund.startCycle()
  await fund.untilActive(cycleId)
  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toContain('almoner_rows_total{job_kind="create-cycle-contributions"} 6000')
  expect(metrics).toMatch(
    /almoner_chunk_seconds_count\{job_kind="create-cycle-contributions",outcome="done"\} \d+/,
  )
  expect(metrics).toMatch(/almoner_token_seconds_count [1-9]/)
  expect(metrics).toContain('almoner_cycles{status="Active"} 1')
  expect(metrics).toContain('almoner_jobs{job_kind="create-cycle-contributions",status="Completed"} 1')
  expect(metrics).toContain('almoner_queue_messages{driver="postgres",state="dead"} 0')
  expect(metrics).toContain('almoner_process_resident_memory_bytes')
  expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'ok' })
  expect(await (await fetch(`${url}/readyz`)).json()).toEqual({
    ok: true,
    checks: { database: 'ok', queue: 'ok' },
  })
  expect((await fetch(`${url}/api/members`)).status).toBe(404)
})

test('an API gives metrics to users with the permission, with its requests by route', async () => {
  await api.get(`/api/jobs/${crypto.randomUUID()}`)
  const { status, text } = await api.get('/metrics')
  expect(status).toBe(200)
  expect(text).toMatch(
    /almoner_http_request_seconds_count\{method="GET",route="\/api\/jobs\/:jobId",status="404"\} [1-9]/,
  )
  const [clerk, auditor] = [await signedIn(api, 'clerk'), await signedIn(api, 'auditor')]
  expect(refusal(await clerk.ask('GET', '/metrics'))).toBe('403 forbidden')
  expect((await auditor.ask('GET', '/metrics')).status).toBe(200)
})
