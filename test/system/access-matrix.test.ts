import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { GuardedRoute } from '../../src/access/guard.ts'
import type { Role } from '../../src/access/permission-rules.ts'
import { grantOf, roles } from '../../src/access/permission-rules.ts'
import type { Problem } from '../../src/platform/http/problem.ts'
import { openTestApi, type TestApi } from '../support/api-client.ts'
import { signedIn, visit } from '../support/browser-client.ts'
import { registerTier } from '../support/fund-fixture.ts'

type Visitor = ReturnType<typeof visit>

let api: TestApi
let visitors: Record<Role | 'anonymous', Visitor>
beforeAll(async () => {
  api = await openTestApi({ worker: false, env: { QUEUE_BOARD: 'writable' } })
  await registerTier(api.db, { members: 20 })
  const { agentId } = await api.db.selectFrom('agents').select('agentId').limit(1).executeTakeFirstOrThrow()
  const signed = await Promise.all(
    roles.map(
      async (role) => [role, await signedIn(api, role, role === 'agent' ? agentId : undefined)] as const,
    ),
  )
  visitors = { ...(Object.fromEntries(signed) as Record<Role, Visitor>), anonymous: visit(api) }
})
afterAll(() => api.close())

/** Nothing is there under these, so that nothing happens to whoever may ask. */
const nowhere = '11111111-1111-4111-8111-111111111111'

const accessProblems = [
  'not-signed-in',
  'forbidden',
  'second-factor-required',
  'csrf-token-invalid',
  'session-invalid',
]

/** What the guard has said to one who asks: nothing, or why not. */
async function asked(who: Visitor, { method, url }: GuardedRoute): Promise<string> {
  const path = url.replace(/:\w+/g, nowhere).replace('*', 'index.html')
  const body =
    method === 'POST' || method === 'PATCH' || method === 'PUT' ? { nobody: 'knows this field' } : undefined
  const answer = await who.ask<Problem | undefined>(method, path, body)
  const type = answer.body?.type?.replace('urn:almoner:problem:', '')
  return type !== undefined && accessProblems.includes(type) ? type : 'passed'
}

function expected(role: Role | 'anonymous', { access }: GuardedRoute): string {
  if (access === 'anyone') return 'passed'
  if (role === 'anonymous') return 'not-signed-in'
  return access === 'session' || grantOf(role, access) !== undefined ? 'passed' : 'forbidden'
}

test('every route admits the roles of the table of permissions, and nobody else', {
  timeout: 300_000,
}, async () => {
  const routes = api
    .routes()
    // The answer to HEAD is that to GET without its body.
    .filter(({ method }) => method !== 'HEAD')
    .toSorted((one, other) => (`${one.url} ${one.method}` < `${other.url} ${other.method}` ? -1 : 1))
    // Last, for it ends the session.
    .toSorted((one, other) => Number(isSignOut(one)) - Number(isSignOut(other)))
  const everybody = [...roles, 'anonymous'] as const
  const wrong: string[] = []
  const lines = [['method', 'route', 'asks for', ...everybody]]
  for (const route of routes) {
    const cells: string[] = []
    for (const role of everybody) {
      const outcome = await asked(visitors[role], route)
      if (outcome !== expected(role, route)) wrong.push(`${role} ${route.method} ${route.url}: ${outcome}`)
      const grant =
        role !== 'anonymous' &&
        route.access !== 'anyone' &&
        route.access !== 'session' &&
        grantOf(role, route.access)
      cells.push(outcome === 'passed' ? (grant === 'own' ? 'own' : 'yes') : '–')
    }
    lines.push([route.method, route.url, route.access, ...cells])
  }
  process.stdout.write(`\n${tableOf(lines)}\n`)
  expect(wrong).toEqual([])
  expect(routes.length).toBeGreaterThan(60)
})

test('a route without a permission keeps the server from starting', async () => {
  const routes = api.routes()
  expect(routes.filter(({ access }) => access === undefined)).toEqual([])
})

test('no refused request did anything', async () => {
  const { rows } = await sql<{ events: string }>`
    select coalesce(string_agg(distinct event_name, ', '), '') as events from events where event_name not in
      ('UserAdded', 'ApiKeyCreated', 'SignedIn', 'SignedOut', 'SecondFactorEnrolled', 'PasswordChanged', 'RequestRefused', 'SignInRefused',
      -- Written down before it is done, of those who may.
      'DataExported', 'QueueSteered')
      -- The fund was set up so.
      and role <> 'operator'
  `.execute(api.db)
  expect(rows[0]?.events).toBe('')
})

function isSignOut({ method, url }: GuardedRoute): boolean {
  return method === 'DELETE' && url === '/api/session'
}

function tableOf(lines: readonly (readonly string[])[]): string {
  const widths =
    lines[0]?.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length))) ?? []
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
