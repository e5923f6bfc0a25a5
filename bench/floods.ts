/**
 * What do others feel while somebody floods the API? A process of its own; a user reads the fund and signs in from another address,
 * before, during and after each flood.
 *
 *   npx tsx bench/floods.ts [--quick] [--members 200000]
 */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { addUser } from '../src/access/keep-users.ts'
import { operator } from '../src/platform/values/actor.ts'
import { keyHeaders } from '../test/support/admin-key.ts'
import { openFund, untilActive, withServer } from './fund.ts'
import { choose, describeMachine, ms, quantile, quick, report, say, table } from './measure.ts'

const members = choose('members', 200_000, 5_000)
const phaseMs = quick ? 1_000 : 10_000
/** What the user asks, which stays below what a minute grants. */
const everyMs = 150
const password = 'correct horse battery'

type Headers = Readonly<Record<string, string>>

interface Flood {
  readonly name: string
  /** Requests that are under way at the same time. */
  readonly atATime: number
  /** One of them; what it answers is a status, or what else became of it. */
  ask(): Promise<string | number>
}

const machine = await withServer(async (server) => {
  const fund = await openFund(await server.createDatabase('floods'), {
    // As a fund has it; addresses are told by a proxy, so that a stranger and the user are not of one.
    REQUESTS_PER_MINUTE: '3000',
    TRUSTED_PROXY: '127.0.0.1',
    PUBLIC_URL: 'https://fund.example.org',
  })
  const { app, db } = fund
  const [claimId] = await fund.addTier('A', members, 1)
  const worker = await fund.startWorker()
  const { cycleId } = await untilActive(db, (await fund.startCycle(claimId)).cycleId)
  await worker.end('SIGTERM')
  const api = await fund.startApi()

  // Each flood comes from an address, and with a key, of its own: what a minute grants is not used up by the one before.
  let addresses = 0
  const address = () => ({ 'x-forwarded-for': `203.0.113.${++addresses}` })
  const stranger = () => ({ ...address(), 'content-type': 'application/json' })
  const holder = async (role: 'auditor' | 'clerk' | 'treasurer'): Promise<Headers> => ({
    ...address(),
    ...(await keyHeaders(db, { role, email: `${role}-${addresses}@example.org` })),
  })
  const [searcher, exporter] = [await holder('auditor'), await holder('auditor')]
  const watcher = await holder('treasurer')
  const [slow, comma] = [await holder('clerk'), await holder('clerk')]
  const strangers = [stranger(), stranger(), stranger(), stranger()] as const
  const user = { 'x-forwarded-for': '198.51.100.7' }
  const reader = { ...user, ...(await keyHeaders(db, { role: 'treasurer' })) }
  const email = 'signs-in@example.org'
  const { link } = await addUser(
    { ...app, publicUrl: '' },
    { name: 'Signs in', email, role: 'clerk', agentId: null, actor: operator('bench') },
  )
  const json = (path: string, headers: Headers, body: string) =>
    fetch(`${api.url}${path}`, { method: 'POST', headers, body })
  const statusOf = async (answer: Promise<Response>) => {
    const { status, body } = await answer
    await body?.cancel()
    return status
  }
  const set = await json(
    '/api/password',
    { ...user, 'content-type': 'application/json' },
    JSON.stringify({ token: link.split('#')[1], newPassword: password }),
  )
  if (set.status >= 300) throw new Error(`the password was not set: ${await set.text()}`)

  const fields = JSON.stringify(
    Object.fromEntries(Array.from({ length: 40_000 }, (_, index) => [`field${index}`, 1])),
  )
  const nested = `${'['.repeat(8_000)}${']'.repeat(8_000)}`
  const contributions = `/api/contribution-cycles/${cycleId}/contributions`
  const open: Socket[] = []
  const floods: Flood[] = [
    {
      name: 'a megabyte of unknown fields',
      atATime: 10,
      ask: () => statusOf(json('/api/session', strangers[0], fields)),
    },
    {
      name: 'deeply nested bodies',
      atATime: 10,
      ask: () => statusOf(json('/api/session', strangers[1], nested)),
    },
    {
      name: 'wrong passwords',
      atATime: 10,
      ask: () =>
        statusOf(
          json(
            '/api/session',
            strangers[2],
            JSON.stringify({ email: `${Math.random()}@example.org`, password }),
          ),
        ),
    },
    {
      name: 'wrong set-up tokens',
      atATime: 10,
      ask: () =>
        statusOf(
          json(
            '/api/set-up',
            strangers[3],
            JSON.stringify({ token: 'x', name: 'E', email: 'e@example.org', newPassword: password }),
          ),
        ),
    },
    {
      name: 'searches for nobody',
      atATime: 60,
      ask: () => statusOf(fetch(`${api.url}${contributions}?q=${Math.random()}`, { headers: searcher })),
    },
    {
      name: 'exports of everything',
      atATime: 20,
      ask: async () => {
        const answer = await fetch(`${api.url}${contributions}.csv`, { headers: exporter })
        await answer.arrayBuffer()
        return answer.status
      },
    },
    {
      name: 'event streams',
      atATime: 100,
      ask: async () => {
        const leaving = new AbortController()
        const answer = await fetch(`${api.url}/api/notices/stream`, {
          headers: watcher,
          signal: leaving.signal,
        })
        await wait(1_000)
        leaving.abort()
        return answer.status
      },
    },
    {
      name: 'slow uploads',
      atATime: 20,
      async ask() {
        const { hostname, port } = new URL(api.url)
        const socket = connect(Number(port), hostname)
        open.push(socket)
        await once(socket, 'connect')
        const head = Object.entries({
          ...slow,
          host: hostname,
          'content-type': 'text/csv',
          'content-length': '1000000',
        })
        socket.write(
          `POST /api/members/import?dryRun=true HTTP/1.1\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
        )
        socket.write('memberCode,fullName,tier,status,joinedOn\r\n')
        const status = await Promise.race([
          once(socket, 'data').then(([data]) => Number(/HTTP\/1\.1 (\d+)/.exec(String(data))?.[1])),
          wait(2_000).then(() => 'left'),
        ])
        socket.destroy()
        return status
      },
    },
    {
      name: 'a file of commas',
      atATime: 4,
      ask: () =>
        statusOf(
          fetch(`${api.url}/api/members/import?dryRun=true`, {
            method: 'POST',
            headers: { ...comma, 'content-type': 'text/csv' },
            body: `memberCode,fullName,tier,status,joinedOn\n${','.repeat(5_000_000)}`,
          }),
        ),
    },
  ]

  /** What the user felt in a phase: how long each took, and how often it was not answered as it should. */
  async function measure() {
    const took = { read: [] as number[], signIn: [] as number[] }
    const refused: number[] = []
    const ask = async (kind: keyof typeof took, request: () => Promise<Response>) => {
      const startedAt = performance.now()
      const status = await statusOf(request())
      took[kind].push(performance.now() - startedAt)
      if (status !== 200) refused.push(status)
    }
    const endsAt = Date.now() + phaseMs
    for (let round = 0; Date.now() < endsAt; round += 1) {
      const next = wait(everyMs)
      await ask('read', () => fetch(`${api.url}/api/fund`, { headers: reader }))
      if (round % 10 === 0) {
        const body = JSON.stringify({ email, password })
        await ask('signIn', () => json('/api/session', { ...user, 'content-type': 'application/json' }, body))
      }
      await next
    }
    return { took, refused }
  }

  const rows: string[][] = []
  const results: object[] = []
  for (const flood of floods) {
    // What a minute grants is granted anew.
    await db.deleteFrom('rateLimits').execute()
    const before = await measure()
    let isOver = false
    const answers = new Map<string | number, number>()
    const flooding = Array.from({ length: flood.atATime }, async () => {
      while (!isOver) {
        const answer = await flood.ask().catch((error: Error) => error.name)
        answers.set(answer, (answers.get(answer) ?? 0) + 1)
      }
    })
    const during = await measure()
    isOver = true
    await Promise.all(flooding)
    const after = await measure()
    for (const socket of open.splice(0)) socket.destroy()
    const phases = [before, during, after]
    const p99s = (kind: 'read' | 'signIn') =>
      phases.map(({ took }) => ms(quantile(took[kind], 0.99))).join(' / ')
    const refused = phases.flatMap((phase) => phase.refused)
    rows.push([
      flood.name,
      p99s('read'),
      p99s('signIn'),
      refused.length === 0 ? 'none' : `${refused.length} (${[...new Set(refused)].join(', ')})`,
      [...answers].map(([answer, times]) => `${answer}: ${times}`).join(', '),
    ])
    results.push({ flood: flood.name, phases, answers: Object.fromEntries(answers) })
    say(rows.at(-1)?.join(' | ') ?? '')
  }
  const text = table(
    [
      'flood',
      'reading the fund, p99 before / during / after',
      'signing in, p99 before / during / after',
      'of the user’s requests refused',
      'what the flood was answered',
    ],
    rows,
  )
  const described = await describeMachine(server.url)
  await report('floods', { machine: described, text, results: { members, results } })
  await api.end('SIGTERM')
  await fund.close()
  return described
})
say(machine)
