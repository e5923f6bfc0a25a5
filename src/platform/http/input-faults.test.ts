import { expect, test } from 'vitest'
import { inputFaults } from './input-faults.ts'

test('of a name as long as a body, its first hundred characters are told', () => {
  const name = 'x'.repeat(5000)
  const issue = {
    keyword: 'custom',
    instancePath: `/${name}`,
    schemaPath: '',
    message: 'is wrong',
    params: {},
  }
  const unknown = { ...issue, keyword: 'unrecognized_keys', instancePath: '/', params: { keys: [name] } }
  const { sentence, listed } = inputFaults(
    [issue, unknown] as unknown as Parameters<typeof inputFaults>[0],
    'body',
  )
  const shown = 'x'.repeat(100)
  expect(listed).toEqual([
    { pointer: `/${shown.slice(1)}…`, detail: 'is wrong' },
    { pointer: `/${shown}…`, detail: `there is no field "${shown}…" here` },
  ])
  expect(sentence.length).toBeLessThan(200)
})
