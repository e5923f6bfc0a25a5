import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

type Headers = Readonly<Record<string, string>>

export interface HostileClients {
  /** How often each of their requests was answered how: a status, `left` for a client that went away first, or `no answer`. */
  readonly answers: ReadonlyMap<string, ReadonlyMap<string, number>>
  /** Resolves once both have gone. */
  readonly done: Promise<void>
}

interface Target {
  /** Where the API answers. */
  readonly url: string
  readonly clerk: Headers
  readonly treasurer: Headers
  /** A cycle to search in. */
  cycleId(): string
  /** Asked before each request. */
  isOver(): boolean
}

/**
 * Two clients that mean harm. One has the key of a clerk: it opens uploads that it never ends, and sends passwords and set-up tokens
 * that are wrong. The other has the key of a treasurer: it opens event streams by the dozen, and searches for nobody.
 */
export function attack({ url, clerk, treasurer, cycleId, isOver }: Target): HostileClients {
  const answers = new Map<string, Map<string, number>>()
  async function repeat(name: string, atATime: number, ask: () => Promise<number | 'left'>): Promise<void> {
    const counts = new Map<string, number>()
    answers.set(name, counts)
    const one = async () => {
      while (!isOver()) {
        const answer = await ask().catch(() => 'no answer')
        counts.set(`${answer}`, (counts.get(`${answer}`) ?? 0) + 1)
        // Without a pause the limit of a minute would refuse nearly all, and nothing of it would be felt.
        await wait(500)
      }
    }
    await Promise.all(Array.from({ length: atATime }, one))
  }
  const statusOf = async (path: string, init: RequestInit) => {
    const response = await fetch(`${url}${path}`, { ...init, signal: AbortSignal.timeout(30_000) })
    await response.body?.cancel()
    return response.status
  }
  const stranger = (path: string, body: object) =>
    statusOf(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })

  async function uploadForEver(): Promise<number | 'left'> {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    try {
      await once(socket, 'connect')
      const headers = {
        ...clerk,
        host: hostname,
        'content-type': 'text/csv',
        'content-length': '1000000',
      }
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
      socket.write(`POST /api/members/import?dryRun=true HTTP/1.1\r\n${lines.join('')}\r\n`)
      socket.write('memberCode,fullName,tier,status,joinedOn\r\n')
      return await Promise.race([
        once(socket, 'data').then(([data]) => Number(/HTTP\/1\.1 (\d+)/.exec(String(data))?.[1])),
        wait(5_000).then(() => 'left' as const),
      ])
    } finally {
      socket.destroy()
    }
  }

  async function streamForASecond(): Promise<number> {
    const response = await fetch(`${url}/api/notices/stream`, {
      headers: treasurer,
      signal: AbortSignal.timeout(30_000),
    })
    await wait(1_000)
    await response.body?.cancel()
    return response.status
  }

  const done = Promise.all([
    repeat('slow uploads', 10, uploadForEver),
    repeat('event streams', 20, streamForASecond),
    repeat('searches for nobody', 10, () =>
      statusOf(`/api/contribution-cycles/${cycleId()}/contributions?q=nobody${Math.random()}`, {
        headers: treasurer,
      }),
    ),
    repeat('wrong set-up tokens', 2, () =>
      stranger('/api/set-up', {
        token: 'x',
        name: 'E',
        email: 'e@example.org',
        newPassword: 'correct horse battery',
      }),
    ),
    repeat('wrong passwords', 2, () =>
      stranger('/api/session', { email: `${Math.random()}@example.org`, password: 'correct horse battery' }),
    ),
  ]).then(() => undefined)
  return { answers, done }
}
