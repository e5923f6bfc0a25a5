import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { parse, type ScalarTag } from 'yaml'

/** A CloudFormation function as the short form writes it: its name and its argument. */
interface Call {
  readonly call: string
  readonly argument: unknown
}

const calls = ['Ref', 'GetAtt', 'Sub', 'If', 'Not', 'Equals']
const scalarTags = calls.map(
  (call): ScalarTag => ({ tag: `!${call}`, resolve: (argument): Call => ({ call, argument }) }),
)
const listTags = calls.map((call) => ({
  tag: `!${call}`,
  collection: 'seq' as const,
  resolve: (list: { toJSON(): unknown }): Call => ({ call, argument: list.toJSON() }),
}))

const text = await readFile(new URL('../../deploy/template.yaml', import.meta.url), 'utf8')
const template = parse(text, { customTags: [...scalarTags, ...listTags] })
const { Parameters, Conditions, Resources, Outputs } = template
const { Queue, DeadLetterQueue, Worker, DeadLettersAlarm, WaitingAlarm } = Resources

const isCall = (value: unknown): value is Call =>
  typeof value === 'object' && value !== null && 'call' in value

/** Every call anywhere below the value. */
function callsIn(value: unknown): Call[] {
  if (typeof value !== 'object' || value === null) return []
  const below = Object.values(value).flatMap(callsIn)
  return isCall(value) ? [value, ...below] : below
}

test('every reference of the template is in it', () => {
  const names = new Set([...Object.keys(Parameters), ...Object.keys(Resources)])
  const pseudo = ['AWS::Region', 'AWS::StackName', 'AWS::AccountId', 'AWS::Partition']
  const unknown: string[] = []
  const check = (name: string) => {
    if (!names.has(name) && !pseudo.includes(name)) unknown.push(name)
  }
  const all = callsIn({ Resources, Outputs, Conditions })
  for (const { call, argument } of all) {
    if (call === 'Ref') check(String(argument))
    if (call === 'GetAtt') check(String(argument).split('.')[0] ?? '')
    if (call === 'If' && !(((argument as string[])[0] as string) in Conditions))
      unknown.push(String(argument))
    if (call === 'Sub')
      for (const [, name = ''] of String(argument).matchAll(/\$\{([^}]+)\}/g)) check(name.split('.')[0] ?? '')
  }
  expect(all.length).toBeGreaterThan(20)
  expect(unknown).toEqual([])
})

test('the handler that it names exists', async () => {
  const [file, name] = Worker.Properties.Handler.split('.')
  const built = await import(new URL(`../../${file}.js`, import.meta.url).href)
  expect(built[name]).toBeTypeOf('function')
})

test('its queues are like those of the command, except for the time limit of a function', async () => {
  const source = await readFile(new URL('../../src/platform/queue/sqs-queues.ts', import.meta.url), 'utf8')
  const constant = (name: string) => {
    const [, factors = ''] = new RegExp(`const ${name} = ([\\d *]+)`).exec(source) ?? []
    return factors.split('*').reduce((product, factor) => product * Number(factor), 1)
  }
  expect(Queue.Properties).toMatchObject({
    MessageRetentionPeriod: constant('workRetentionS'),
    RedrivePolicy: {
      deadLetterTargetArn: { call: 'GetAtt', argument: 'DeadLetterQueue.Arn' },
      maxReceiveCount: constant('maxReceiveCount'),
    },
  })
  expect(DeadLetterQueue.Properties.MessageRetentionPeriod).toBe(constant('deadRetentionS'))
  // The driver finds the dead letters' queue by its name.
  expect(DeadLetterQueue.Properties.QueueName.argument).toBe(`${Queue.Properties.QueueName.argument}-dead`)
  // Source: AWS Lambda's guide, "Using Lambda with Amazon SQS": six times the function's timeout.
  expect(Queue.Properties.VisibilityTimeout).toBeGreaterThanOrEqual(6 * Worker.Properties.Timeout)
})

test('SQS calls the function with batches that it can handle, and is told which messages failed', () => {
  const { Tokens, Sweep } = Worker.Properties.Events
  expect(Tokens.Properties).toMatchObject({
    Queue: { call: 'GetAtt', argument: 'Queue.Arn' },
    FunctionResponseTypes: ['ReportBatchItemFailures'],
  })
  const { WORKER_CONCURRENCY } = Worker.Properties.Environment.Variables
  expect(Tokens.Properties.BatchSize).toBeLessThanOrEqual(Number(WORKER_CONCURRENCY))
  expect(Sweep).toMatchObject({ Type: 'Schedule', Properties: { Schedule: 'rate(1 minute)' } })
})

test('the function has the permissions for its queues that it needs, and no others', async () => {
  const [statements] = Worker.Properties.Policies
  const granted = (resource: string) =>
    statements.Statement.filter((each: { Resource: Call }) => each.Resource.argument === resource)
      .flatMap((each: { Action: string[] }) => each.Action)
      .sort()
  const sources = await Promise.all(
    ['sqs', 'sqs-queues'].map((name) =>
      readFile(new URL(`../../src/platform/queue/${name}.ts`, import.meta.url), 'utf8'),
    ),
  )
  const used = new Set([...sources.join().matchAll(/new sqs\.(\w+)Command/g)].map(([, name]) => name))
  // Only the command on an operator's machine creates.
  for (const name of ['CreateQueue', 'SetQueueAttributes']) expect(used.delete(name)).toBe(true)
  // One permission is for both ways of sending.
  expect(used.delete('SendMessageBatch')).toBe(true)
  expect(granted('Queue.Arn')).toEqual([...used].map((name) => `sqs:${name}`).sort())
  expect(granted('DeadLetterQueue.Arn')).toEqual([
    'sqs:GetQueueAttributes',
    'sqs:GetQueueUrl',
    'sqs:SendMessage',
  ])
  expect(statements.Statement).toHaveLength(2)
  expect(JSON.stringify(statements)).not.toContain('*')
})

test('alarms watch the dead letters, and messages that nobody takes', () => {
  const queueOf = (alarm: typeof DeadLettersAlarm) => alarm.Properties.Dimensions[0].Value.argument
  expect(DeadLettersAlarm.Properties.MetricName).toBe('ApproximateNumberOfMessagesVisible')
  expect(queueOf(DeadLettersAlarm)).toBe('DeadLetterQueue.QueueName')
  expect(WaitingAlarm.Properties.MetricName).toBe('ApproximateAgeOfOldestMessage')
  expect(queueOf(WaitingAlarm)).toBe('Queue.QueueName')
})

test('no password is in the template or in its parameters', () => {
  expect(Worker.Properties.Environment.Variables.DATABASE_URL).toEqual({
    call: 'Sub',
    argument: `{{resolve:secretsmanager:$${'{DatabaseSecretArn}'}}}`,
  })
})
