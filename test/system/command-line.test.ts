import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startEmbeddedServer } from '../../src/platform/database/embedded-server.ts'
import { type AlmonerProcess, runAlmoner, startAlmoner } from '../support/almoner-process.ts'

/** One installation on the embedded server, served by `almoner start`, with the command line beside it. */
let dataDir: string
let env: Record<string, string>
let server: AlmonerProcess

beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'almoner-cli-'))
  env = { ALMONER_DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'warn' }
  server = await serve()
})
afterAll(async () => {
  await server.end('SIGKILL')
  // Adopts what the killed process has left, and stops it.
  const left = await startEmbeddedServer({ dataDir })
  await left.stop()
  await rm(dataDir, { recursive: true, force: true })
})

async function serve(): Promise<AlmonerProcess> {
  const started = startAlmoner(['start'], env)
  await started.says('Almoner is ready at ')
  return started
}

const almoner = (...args: string[]) => runAlmoner(args, env)

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await almoner('--json', ...args)
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
  // One value, and nothing else.
  return JSON.parse(stdout)
}

const rows = (count: number) =>
  Array.from({ length: count }, (_, index) => {
    const code = String(index + 1).padStart(6, '0')
    return `M-${code},Member ${code},A,AG-${String(index % 7)},Active,2020-01-01,,`
  })

const header = 'memberCode,fullName,tier,agentCode,status,joinedOn,phone,email'

describe('from an empty data directory to an Active cycle', () => {
  test('the fund is set up and its members are imported, beside the running server', async () => {
    expect(await json('fund', 'set', '--currency', 'INR', '--time-zone', 'Asia/Kolkata')).toMatchObject({
      currency: 'INR',
      timeZone: 'Asia/Kolkata',
    })
    const file = path.join(dataDir, 'members.csv')
    await writeFile(file, [header, ...rows(3001)].join('\r\n'))
    const options = [file, '--create-agents', '--create-tiers']
    expect(await json('members', 'import', ...options)).toMatchObject({
      rows: 3001,
      inserted: 3001,
      createdAgents: 7,
      createdTiers: 1,
    })
    expect(await json('members', 'import', ...options)).toMatchObject({
      inserted: 0,
      updated: 0,
      unchanged: 3001,
    })
  })

  test('a claim is submitted and approved, and its cycle started and watched until it is Active', async () => {
    await json('tiers', 'set', 'A', '--contribution', '99.50')
    const death = ['--member', 'M-000001', '--date-of-death', '2026-01-02', '--place-of-death', 'Delhi']
    const claim = await json('claims', 'submit', ...death, '--benefit', '300000')
    expect(claim).toMatchObject({ claimCode: 'CL-2026-00001', placeOfDeath: 'Delhi' })
    const own = await almoner('claims', 'approve', 'CL-2026-00001')
    expect([own.code, own.stderr]).toEqual([
      1,
      'You submitted claim CL-2026-00001: somebody else has to approve it.\n',
    ])
    expect(await json('fund', 'set', '--self-approval', 'yes')).toMatchObject({ selfApproval: true })
    expect(await json('claims', 'approve', 'CL-2026-00001')).toMatchObject({ claimStatus: 'Approved' })
    const preview = await json('cycles', 'preview', '--claim', 'CL-2026-00001')
    expect(preview).toMatchObject({ eligibleMembers: 3000, contributionAmount: 9950, strategy: 'queued' })

    const { code, stdout, stderr } = await almoner('cycles', 'start', '--claim', 'CL-2026-00001', '--watch')
    expect(code).toBe(0)
    expect(stderr).toContain('Creating contributions 100 % (3,000 / 3,000)')
    expect(stdout).toContain('is Active.')
    const { items } = await json('cycles', 'list')
    expect(items).toMatchObject([{ cycleStatus: 'Active', totalMembers: 3000, pendingMembers: 3000 }])
    expect(await json('doctor')).toMatchObject({ ok: true })
  })

  test('the next process uses the server of the killed one, with all its data', async () => {
    await server.end('SIGKILL')
    server = await serve()
    const { items } = await json('cycles', 'list')
    expect(items).toMatchObject([{ cycleStatus: 'Active' }])
  })

  test('when it is asked to stop, it stops, and so does PostgreSQL', async () => {
    expect(await server.end('SIGTERM')).toBe(0)
    const next = await startEmbeddedServer({ dataDir })
    expect(next.started).toBe(true)
    await next.stop()
    server = await serve()
  })
})

describe('what is wrong is said in a sentence, with an exit code', () => {
  test.each([
    [2, ['cycles', 'start', '--claim', 'X', '--days', '366'], 'must be a whole number from 1 to 365'],
    [2, ['cycles', 'start'], "required option '--claim <code>'"],
    [2, ['cycles', 'fly'], "unknown command 'fly'"],
    [
      2,
      ['claims', 'submit', '--member', 'M-000002', '--date-of-death', '2026-02-30', '--benefit', '1'],
      'must be a date',
    ],
    [
      2,
      ['claims', 'submit', '--member', 'M-000002', '--date-of-death', '2026-02-03', '--benefit', '50.000'],
      'means one amount to some and another to others: write 50000 or 50.00.',
    ],
    [
      2,
      ['claims', 'submit', '--member', 'M-000002', '--date-of-death', '2999-01-01', '--benefit', '1'],
      'must not be later',
    ],
    [2, ['members', 'import', '/no/such/file.csv'], 'cannot be read'],
    [1, ['cycles', 'start', '--claim', 'CL-1999-00001'], 'There is no claim CL-1999-00001.'],
    [1, ['cycles', 'start', '--claim', 'CL-2026-00001'], 'has cycle CC-2026-00001 already'],
    [1, ['cycles', 'pause', 'CC-2026-00001'], 'is Active; this needs it to be Initializing'],
    [1, ['cycles', 'show', 'CC-1999-00001'], 'There is no contribution cycle CC-1999-00001.'],
    [1, ['jobs', 'show', 'nonsense'], 'There is no job nonsense.'],
    [1, ['fund', 'set', '--currency', 'JPY'], 'they would mean something else'],
  ])('%i: almoner %j', async (code, args, sentence) => {
    const run = await almoner(...args)
    expect(run).toMatchObject({ code, stdout: '' })
    expect(run.stderr).toContain(sentence)
    expect(run.stderr).not.toMatch(/\bat .*\.js:\d+/)
  })

  test('wrong environment variables are named before anything starts', async () => {
    const run = await runAlmoner(['start'], { ...env, PORT: 'x', HOST: '0.0.0.0' })
    expect(run.code).toBe(2)
    expect(run.stderr).toMatch(/PORT must be .*\n.*HOST must be/)
  })

  test('a port that is taken', async () => {
    const port = /ready at http:\/\/127\.0\.0\.1:(\d+)/.exec(server.output.stderr)?.[1]
    if (port === undefined) throw new Error(`no port in ${server.output.stderr}`)
    const run = await runAlmoner(['start'], { ...env, PORT: port })
    expect(run).toMatchObject({ code: 1 })
    expect(run.stderr).toContain('EADDRINUSE')
  })

  test('bad rows of an import are listed and written to a file, and the good ones are imported', async () => {
    const file = path.join(dataDir, 'mixed.csv')
    await writeFile(
      file,
      [header, 'N-1,Good,A,AG-0,Active,2020-01-01,,', 'N-2,Bad,Z,AG-0,Active,2020-01-01,,'].join('\n'),
    )
    const errors = path.join(dataDir, 'errors.csv')
    const run = await almoner('members', 'import', file, '--errors', errors)
    expect(run.code).toBe(1)
    expect(run.stderr).toContain('line 3, tier: ')
    expect(run.stdout).toContain('1 inserted')
    expect(run.stdout).toContain('1 faulty')

    // Corrected, the file of bad rows is imported as it is. Nothing is written over.
    const bad = await readFile(errors, 'utf8')
    expect(bad).toBe(
      `\ufeff${header},agentName,agentEmail,agentPhone,line,problem\nN-2,Bad,Z,AG-0,Active,2020-01-01,,,,,,3,tier: There is no such tier.\n`,
    )
    for (const there of [errors, file]) {
      const again = await almoner('members', 'import', file, '--errors', there)
      expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('nothing is written over')])
    }
    expect(await readFile(errors, 'utf8')).toBe(bad)
    await writeFile(errors, bad.replace('Bad,Z', 'Good,A'))
    const corrected = await almoner('members', 'import', errors, '--errors', `${errors}.2`)
    expect([corrected.code, corrected.stdout]).toEqual([0, expect.stringContaining('1 inserted')])
    expect(await readdir(dataDir)).not.toContain('errors.csv.2')
    const folder = await almoner('members', 'import', dataDir)
    expect([folder.code, folder.stderr]).toEqual([2, expect.stringContaining('it is a directory')])
  })

  test('agents come from a file, with what is wrong in another', async () => {
    const file = path.join(dataDir, 'agents.csv')
    await writeFile(file, 'No;Name;Phone\nAG-0;Asha Rao;+91 98000\nAG-90;Bela;\nAG-91;;123\n')
    const errors = path.join(dataDir, 'bad-agents.csv')
    const first = await almoner('agents', 'import', file, '--map', 'No=agentCode', '--errors', errors)
    expect([first.code, first.stdout]).toEqual([
      1,
      'Imported: 3 rows, 1 inserted, 0 updated, 0 unchanged, 1 skipped, 1 faulty.\n',
    ])
    expect(first.stderr).toContain('line 4, fullName: The fullName is missing.')
    const bad = await readFile(errors, 'utf8')
    expect(bad).toBe(
      '\ufeffagentCode,fullName,email,phone,line,problem\nAG-91,,,123,4,fullName: The fullName is missing.\n',
    )
    await writeFile(errors, bad.replace('AG-91,', 'AG-91,Chitra'))
    expect(await json('agents', 'import', errors, '--dry-run')).toMatchObject({ dryRun: true, inserted: 1 })
    await writeFile(file, 'agentCode,name\nAG-0,Asha Rao\nAG-90,Bela\n')
    expect(await json('agents', 'import', file, '--update')).toMatchObject({ updated: 1, unchanged: 1 })
    expect((await almoner('agents', 'show', 'AG-0')).stdout).toContain('AG-0 (Asha Rao)')
  })

  test('an agent is added, changed, hands over the members, is retired, and is removed only if never used', async () => {
    expect(
      await json('agents', 'add', 'AG-X', '--name', 'Meera Das', '--phone', '+91 98200 77777'),
    ).toMatchObject({
      agentCode: 'AG-X',
      phone: '+91 98200 77777',
    })
    const { members } = (await json('agents', 'move', 'AG-6', 'ag-x')) as { members: number }
    expect(members).toBeGreaterThan(400)
    expect(
      await json('agents', 'set', 'AG-6', '--retired', 'yes', '--email', 'six@example.org'),
    ).toMatchObject({
      retiredAt: expect.stringMatching(/^20/),
      email: 'six@example.org',
    })
    await json('agents', 'add', 'AG-Y')
    expect(await json('agents', 'remove', 'AG-Y')).toEqual({ agentCode: 'AG-Y' })
    const refused = await almoner('agents', 'remove', 'AG-X')
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining('can be retired, and not removed'),
    ])
    const { items } = (await json('agents', 'list')) as { items: { agentCode: string }[] }
    expect(items.map(({ agentCode }) => agentCode)).toContain('AG-X')
  })

  test('a member is added, found, shown and changed', async () => {
    const added = await json(
      'members',
      'add',
      'N-9',
      '--name',
      'Zoé Das',
      '--tier',
      'a',
      '--joined',
      '2021-02-03',
      '--phone',
      '+91 98200 12345',
    )
    expect(added).toMatchObject({ memberCode: 'N-9', tierCode: 'A', agentCode: null, memberStatus: 'Active' })
    const changed = await json(
      'members',
      'set',
      'n-9',
      '--agent',
      'AG-0',
      '--status',
      'Suspended',
      '--phone',
      'none',
    )
    expect(changed).toMatchObject({ agentCode: 'AG-0', memberStatus: 'Suspended', phone: null })
    const { items } = (await json('members', 'list', 'zoe', '--agent', 'ag-0')) as {
      items: { memberCode: string }[]
    }
    expect(items.map(({ memberCode }) => memberCode)).toEqual(['N-9'])
    const shown = await almoner('members', 'show', 'N-9')
    expect(shown.stdout).toContain('N-9 (Zoé Das) is Suspended in tier A.')
    expect(shown.stdout).toContain('in good standing in A: ')
  })
})

test('stopping to watch does not stop the job; a watcher without a worker says so', async () => {
  await server.end('SIGTERM')
  await json(
    'claims',
    'submit',
    '--member',
    'M-000003',
    '--date-of-death',
    '2026-01-02',
    '--benefit',
    '300000',
  )
  await json('claims', 'approve', 'CL-2026-00002')
  const watcher = startAlmoner(
    ['cycles', 'start', '--claim', 'CL-2026-00002', '--watch', '--strategy', 'queued'],
    env,
  )
  await watcher.says('No worker is running')
  await watcher.end('SIGINT')
  // What has just been asked for is not stuck because nobody is there yet.
  expect((await almoner('doctor')).stdout).toContain('ok     jobs: 0 stuck')
  server = await serve()
  const { code, stdout } = await almoner('cycles', 'watch', 'CC-2026-00002')
  expect(code).toBe(0)
  expect(stdout).toContain('is Active.')
})

test('without the broker a cycle can still be started, and the doctor names the missing broker', async () => {
  const death = ['--member', 'M-000004', '--date-of-death', '2026-01-02', '--benefit', '300000']
  await json('claims', 'submit', ...death)
  await json('claims', 'approve', 'CL-2026-00003')
  const away = { ...env, QUEUE_URL: 'amqp://127.0.0.1:2' }
  const doctor = await runAlmoner(['doctor'], away)
  expect(doctor.code).toBe(1)
  expect(doctor.stdout.match(/^WRONG.*/gm)).toEqual([
    'WRONG  queue: RabbitMQ at 127.0.0.1:2 does not answer: connect ECONNREFUSED 127.0.0.1:2',
  ])
  const migrated = await runAlmoner(['migrate'], away)
  expect([migrated.code, migrated.stderr]).toEqual([0, ''])
  const start = ['cycles', 'start', '--claim', 'CL-2026-00003', '--strategy', 'queued']
  const started = await runAlmoner(start, away)
  expect(started.code).toBe(0)
  expect(started.stderr).toContain('the sweep will find the job')
  expect((await almoner('cycles', 'watch', 'CC-2026-00003')).stdout).toContain('is Active.')
})

test('a start that is far off is refused, asked for with a reason, and approved as it was asked for', async () => {
  const death = ['--member', 'M-000005', '--date-of-death', '2026-01-02', '--benefit', '300000']
  const claimCode = String((await json('claims', 'submit', ...death)).claimCode)
  await json('claims', 'approve', claimCode)
  const start = ['cycles', 'start', '--claim', claimCode]
  const preview = await almoner('cycles', 'preview', '--claim', claimCode, '--amount', '995')
  expect(preview.stdout).toMatch(
    / {2}beyond {4}₹2,984,005.00 in all is more than the ₹360,000.00 that one person starts\n {2}beyond {4}₹995.00 each is more than the tier’s own ₹99.50\n {12}ask for it with --reason/,
  )
  const refused = await almoner(...start, '--amount', '995')
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringContaining('Ask for it with a reason: another person has to approve it.'),
  ])
  expect((await json(...start, '--amount', '995', '--reason', 'Agreed')).done).toContain(
    `almoner cycles start --claim ${claimCode} --approve`,
  )
  await json('fund', 'set', '--self-approval', 'no')
  const own = await almoner(...start, '--approve')
  expect([own.code, own.stderr]).toEqual([
    1,
    'You asked for it yourself: another person has to approve it.\n',
  ])
  await json(...start, '--withdraw')
  expect((await almoner(...start, '--withdraw')).stderr).toContain('Nobody has asked for it.')

  const limited = await json('fund', 'set', '--self-approval', 'yes', '--start-limit-percent', '30')
  expect(limited).toMatchObject({ selfApproval: true, startLimitPercent: 30 })
  await json(...start, '--amount', '995', '--reason', 'Agreed after all')
  const other = await almoner(...start, '--amount', '99', '--approve')
  expect([other.code, other.stderr]).toEqual([
    2,
    'What was asked for is started as it is: leave out --amount.\n',
  ])
  expect((await json(...start, '--approve')).done).toMatch(/^Cycle CC-2026-00004 is started/)
  expect(await json('cycles', 'show', 'CC-2026-00004')).toMatchObject({ contributionAmount: 99_500 })
})

test('an import that changes the status of many is asked for, approved, and done once', async () => {
  await json('fund', 'set', '--self-approval', 'no')
  const file = path.join(dataDir, 'left.csv')
  const left = rows(3001)
    .slice(2600)
    .map((row) => row.replace(',Active,', ',Inactive,'))
  await writeFile(file, [header, ...left].join('\n'))
  const options = ['members', 'import', file, '--on-duplicate', 'update']
  const sentence = /^This file changes the status of 401 of \d+ members, more than 10 %: ask for it/
  const alone = await almoner(...options)
  expect([alone.code, alone.stderr.trim().split('\n').at(-1)]).toEqual([1, expect.stringMatching(sentence)])
  expect((await almoner(...options, '--approve')).stderr).toContain('Nobody has asked for it.')
  expect(await json(...options, '--reason', 'They have left')).toMatchObject({ dryRun: true, updated: 401 })
  const own = await almoner(...options, '--approve')
  expect([own.code, own.stderr]).toEqual([1, expect.stringContaining('You asked for it yourself')])
  expect((await almoner(...options, '--withdraw')).stdout).toContain('It is not to be imported any more.')

  // A fund of one person asks and approves; it is in the audit trail all the same.
  await json('fund', 'set', '--self-approval', 'yes')
  await json(...options, '--reason', 'They have left')
  expect((await almoner(...options, '--approve')).stdout).toContain('imports it, once.')
  expect(await json(...options)).toMatchObject({ updated: 401, largeChange: { isApproved: true } })
  await json('fund', 'set', '--import-status-limit', '100')
  expect(await json('members', 'import', file, '--dry-run')).toMatchObject({ unchanged: 401 })
})

test('the demo proves its result in one line of JSON', { timeout: 120_000 }, async () => {
  const { code, stdout } = await runAlmoner(['demo', '--members', '2000', '--json'], {})
  expect(code).toBe(0)
  expect(stdout.trimEnd().split('\n')).toHaveLength(1)
  expect(JSON.parse(stdout)).toMatchObject({
    cycleCode: expect.stringMatching(/^CC-\d{4}-00001$/),
    cycleStatus: 'Active',
    totalMembers: 2000,
    answeredInMs: expect.any(Number),
    activeInMs: expect.any(Number),
    verified: true,
  })
})

test('processes that start together on an empty database migrate it once', { timeout: 120_000 }, async () => {
  const empty = await mkdtemp(path.join(tmpdir(), 'almoner-race-'))
  try {
    const runs = await Promise.all([1, 2, 3].map(() => runAlmoner(['migrate'], { ALMONER_DATA_DIR: empty })))
    for (const run of runs)
      expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining('up to date') })
  } finally {
    await rm(empty, { recursive: true, force: true })
  }
})
