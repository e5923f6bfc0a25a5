import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { startMetrics } from '../../src/app/start-metrics.ts'
import { openTestApi, type TestApi } from '../support/api-client.ts'
import { findCommand } from '../support/brokers/needs.ts'

const fileOf = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url))
const read = (name: string) => readFile(fileOf(name), 'utf8')

interface Rules {
  groups: { rules: { alert: string; expr: string; annotations: { runbook: string } }[] }[]
}
interface Dashboard {
  panels: { title: string; targets: { expr: string }[] }[]
}

const rules = (parse(await read('deploy/prometheus/alerts.yaml')) as Rules).groups.flatMap(
  ({ rules }) => rules,
)
const { panels } = JSON.parse(await read('deploy/grafana/dashboard.json')) as Dashboard

let api: TestApi
beforeAll(async () => {
  api = await openTestApi({ worker: true })
  // As every process of `almoner` does.
  await startMetrics(api.app)
})
afterAll(() => api?.close())

test('every metric that an alert or a panel names exists', async () => {
  const { text } = await api.get('/metrics')
  const types = new Map(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]),
  )
  const isThere = (name: string) => {
    const whole = /^(.*)_(bucket|count|sum)$/.exec(name)?.[1] ?? name
    return types.has(name) || types.get(whole) === 'histogram'
  }
  const named = [...rules, ...panels.flatMap(({ targets }) => targets)].flatMap(
    ({ expr }) => expr.match(/almoner_\w+/g) ?? [],
  )
  expect(named.length).toBeGreaterThan(30)
  expect(named.filter((name) => !isThere(name))).toEqual([])
})

test('every alert names a heading of the runbook', async () => {
  const anchors = [...(await read('docs/operations.md')).matchAll(/^#+ (.*)$/gm)].map(
    ([, heading = '']) =>
      `docs/operations.md#${heading
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, '')
        .replaceAll(' ', '-')}`,
  )
  for (const { alert, annotations } of rules) expect(anchors, alert).toContain(annotations.runbook)
})

const missing = findCommand('promtool') ? '' : 'promtool is missing: apt-get install prometheus'
test.skipIf(missing)(missing || 'promtool accepts the rules, and they fire when they should', async () => {
  const promtool = async (...args: string[]) => (await promisify(execFile)('promtool', args)).stdout
  expect(await promtool('check', 'rules', fileOf('deploy/prometheus/alerts.yaml'))).toContain('SUCCESS')
  expect(await promtool('test', 'rules', fileOf('deploy/prometheus/alerts.test.yaml'))).toContain('SUCCESS')
  const config = fileOf('deploy/prometheus/prometheus.yaml')
  expect(await promtool('check', 'config', '--syntax-only', config)).toContain('SUCCESS')
})
