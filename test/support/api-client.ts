import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import type { GuardedRoute } from '../../src/access/guard.ts'
import type { Application, Role } from '../../src/app/application.ts'
import { readConfig } from '../../src/app/config.ts'
import { openApplication } from '../../src/app/open-application.ts'
import { startApi } from '../../src/app/start-api.ts'
import { startWorker } from '../../src/app/start-worker.ts'
import type { CycleView } from '../../src/cycles/cycle-sql.ts'
import { announceTo } from '../../src/events/announce.ts'
import { changeFund } from '../../src/fund/change-fund.ts'
import type { Db } from '../../src/platform/database/connect.ts'
import type { Problem } from '../../src/platform/http/problem.ts'
import { createLog } from '../../src/platform/telemetry/log.ts'
import { operator } from '../../src/platform/values/actor.ts'
import { keyHeaders } from './admin-key.ts'
import { createTestDatabase } from './test-database.ts'

export interface Answer<Body> {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly body: Body
}

export interface Page<Item> {
  readonly items: Item[]
  readonly nextCursor: string | null
}

export interface TestApi {
  readonly app: Application
  readonly db: Db
  readonly url: string
  readonly setUpLink: string | undefined
  /** Every route with the permission that it needs. */
  routes(): GuardedRoute[]
  /** An admin's key, which `ask` and the others add by themselves. */
  readonly headers: { readonly authorization: string }
  ask<Body>(path: string, init?: RequestInit): Promise<Answer<Body>>
  get<Body>(path: string): Promise<Answer<Body>>
  /** Without a body none is sent, nor a content type. */
  post<Body>(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<Body>>
  patch<Body>(path: string, body: unknown): Promise<Answer<Body>>
  put<Body>(path: string, body: unknown): Promise<Answer<Body>>
  delete<Body>(path: string): Promise<Answer<Body>>
  /** Every item of a list, page after page. */
  pageThrough<Item>(path: string, limit: number): Promise<Item[]>
  close(): Promise<void>
}

/** The application as `almoner start` puts it together, on a database of its own, asked over HTTP. */
export async function openTestApi(options: {
  readonly worker: boolean
  readonly env?: Record<string, string>
}): Promise<TestApi> {
  const database = await createTestDatabase(2)
  // One person does everything, as in a fund that has only one.
  const { db } = database
  await changeFund(
    { db, announce: announceTo([]) },
    { changes: { selfApproval: true }, actor: operator('admin') },
  )
  const config = readConfig(
    {
      DATABASE_URL: database.url,
      PORT: '0',
      LOG_LEVEL: 'silent',
      REQUESTS_PER_MINUTE: '1000000',
      ...options.env,
    },
    false,
  )
  const log = createLog({ level: config.logLevel, format: config.logFormat })
  const app = await openApplication(config, log, 'almoner test')
  const roles: Role[] = options.worker ? [await startWorker(app)] : []
  const api = await startApi(app)
  roles.push(api)

  const headers = await keyHeaders(database.db)

  const ask = async <Body>(path: string, init: RequestInit = {}): Promise<Answer<Body>> => {
    const response = await fetch(`${api.url}${path}`, { ...init, headers: { ...headers, ...init.headers } })
    const text = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (isJson ? JSON.parse(text) : undefined) as Body,
    }
  }
  const send = <Body>(method: string, path: string, body: unknown, headers: Record<string, string> = {}) =>
    ask<Body>(path, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  return {
    app,
    db: database.db,
    url: api.url,
    setUpLink: api.setUpLink,
    routes: api.routes,
    headers,
    ask,
    get: (path) => ask(path),
    post: (path, body, headers) => send('POST', path, body, headers),
    patch: (path, body) => send('PATCH', path, body),
    put: (path, body) => send('PUT', path, body),
    delete: (path) => ask(path, { method: 'DELETE' }),
    async pageThrough<Item>(path: string, limit: number) {
      const items: Item[] = []
      let cursor: string | null = ''
      while (cursor !== null) {
        const after: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
        const page: Answer<Page<Item>> = await ask(
          `${path}${path.includes('?') ? '&' : '?'}limit=${limit}${after}`,
        )
        if (page.status !== 200 || page.body.items.length > limit) throw new Error(`not a page: ${page.text}`)
        items.push(...page.body.items)
        cursor = page.body.nextCursor
      }
      return items
    },
    async close() {
      for (const role of roles.toReversed()) await role.stop()
      await app.close()
      await database.drop()
    },
  }
}

/** The code of the tier's member of this number, as `registerTier` gives them. */
export function memberCode(tierCode: string, number: number): string {
  return `M-${tierCode}-${String(number).padStart(8, '0')}`
}

/** What a refusal says, without the sentence. */
export function refusal(answer: Answer<unknown>): string {
  const { status, type } = answer.body as Problem
  return `${status === answer.status ? '' : `${answer.status} but `}${status} ${type.replace('urn:almoner:problem:', '')}`
}

/**
 * How many rows every table has and what stands in them, as one number a table: it differs once anything is written but
 * that something was refused or exported, and that a key was used.
 */
export async function fingerprint(db: Db, schemas: readonly string[]): Promise<Record<string, string>> {
  const { rows: tables } = await sql<{ name: string }>`
    select format('%I.%I', table_schema, table_name) as name from information_schema.tables
    where table_schema = any(${[...schemas]}) and table_type = 'BASE TABLE'
      and table_name not in ('event_chain', 'api_keys', 'rate_limits') order by 1`.execute(db)
  const prints = tables.map(
    ({ name }) =>
      sql`select ${name}::text as name, count(*) || ' rows, ' || coalesce(sum(hashtextextended(t::text, 0)), 0) as print
        from ${sql.raw(name)} t ${sql.raw(name === 'public.events' ? `where event_name not in ('RequestRefused', 'SignInRefused', 'DataExported')` : '')}`,
  )
  const { rows } = await sql<{ name: string; print: string }>`${sql.join(prints, sql` union all `)}`.execute(
    db,
  )
  return Object.fromEntries(rows.map(({ name, print }) => [name, print]))
}

/** A cycle that is Active, of an application whose worker does not run. */
export async function activeCycle(api: TestApi, claimId: string): Promise<CycleView> {
  const path = '/api/contribution-cycles'
  const { body } = await api.post<{ cycle: CycleView }>(path, { claimId, strategy: 'inline' })
  if (body.cycle.cycleStatus === 'Active') return body.cycle
  // Another test is writing on the same server: the background waits for it, a request does not.
  const worker = await startWorker(api.app)
  try {
    const find = async () => (await api.get<CycleView>(`${path}/${body.cycle.cycleId}`)).body
    let cycle = await find()
    for (; cycle.cycleStatus !== 'Active'; cycle = await find()) await wait(50)
    return cycle
  } finally {
    await worker.stop()
  }
}
