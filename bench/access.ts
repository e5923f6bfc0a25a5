/**
 * What does it cost to know who asks, and whether they may? The same route with and without it, in one server: reading the
 * fund, which is one short statement.
 *
 *   npx tsx bench/access.ts [--quick] [--rounds 2000]
 */

import { guard } from '../src/access/guard.ts'
import { addUser } from '../src/access/keep-users.ts'
import { openIdentity } from '../src/access/open-identity.ts'
import { useLink } from '../src/access/password-link.ts'
import { mergeStrangersEvents } from '../src/access/strangers-events.ts'
import { version } from '../src/app/version.ts'
import { fundSchema } from '../src/fund/fund-api.ts'
import { fundRoutes } from '../src/fund/fund-routes.ts'
import { findFund } from '../src/fund/fund-sql.ts'
import { createHttpServer, type HttpRoutes } from '../src/platform/http/server.ts'
import { operator } from '../src/platform/values/actor.ts'
import { openFund, withServer } from './fund.ts'
import {
  choose,
  compare,
  describeMachine,
  median,
  ms,
  quantile,
  report,
  rotate,
  say,
  table,
  times,
} from './measure.ts'

const requests = choose('rounds', 3000, 100)
/** Not counted: the first requests compile the code and open the connections. */
const warmUps = 200
/** Requests of one kind whose p99 makes one number, so that there is a spread. */
const slice = Math.max(1, Math.floor(requests / 10))

const machine = await withServer(async (server) => {
  const fund = await openFund(await server.createDatabase('access'), { PORT: '0' })
  const { app, db } = fund
  const open: HttpRoutes = async (api) => {
    api.get(
      '/api/open-fund',
      { config: { access: 'anyone' }, schema: { response: { 200: fundSchema } } },
      async () => findFund(db),
    )
  }
  const email = 'clerk@example.org'
  const password = 'correct horse battery'
  const clerk = { name: 'Clerk', email, role: 'clerk' as const, agentId: null, actor: operator('bench') }
  const { link } = await addUser(app, clerk)
  const identity = await openIdentity({ ...app.config, db })
  const strangers = mergeStrangersEvents({ ...app, onError: (error) => app.log.error(error) })
  const api = await createHttpServer({
    log: app.log,
    version,
    guard: (guarded) => guard(guarded, { ...app, identity, strangers, requestsPerMinute: 1_000_000 }),
    routes: [fundRoutes(app), open],
    readiness: async () => ({ ok: true, checks: {} }),
  })
  const url = await api.listen({ host: '127.0.0.1', port: 0 })
  const token = new URL(link).hash.slice(1)
  await useLink({ ...app, identity }, { token, newPassword: password, actor: operator('bench') })
  const signedIn = await identity.signIn({ headers: {}, address: '127.0.0.1' }, { email, password })
  const cookie = signedIn.cookies.map((one) => one.split(';', 1)[0]).join('; ')

  const ways = [
    { name: 'anyone', path: '/api/open-fund', headers: {}, took: [] as number[] },
    { name: 'an API key', path: '/api/fund', headers: fund.headers, took: [] as number[] },
    { name: 'a session', path: '/api/fund', headers: { cookie }, took: [] as number[] },
  ]
  for (let round = 0; round < requests + warmUps; round += 1) {
    for (const { path, headers, took } of rotate(ways, round)) {
      const startedAt = performance.now()
      const answer = await fetch(`${url}${path}`, { headers })
      await answer.arrayBuffer()
      const tookMs = performance.now() - startedAt
      if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`)
      if (round >= warmUps) took.push(tookMs)
    }
  }
  say(`${requests} requests of each`)
  const [anyone] = ways
  const p99s = (took: readonly number[]) =>
    Array.from({ length: Math.floor(took.length / slice) }, (_, index) =>
      quantile(took.slice(index * slice, (index + 1) * slice), 0.99),
    )
  const text = table(
    ['who asks', 'median', 'p99', 'p99 against anyone, tenths of the run'],
    ways.map(({ name, took }) => [
      name,
      ms(median(took)),
      ms(quantile(took, 0.99)),
      times(compare(p99s(took), p99s(anyone?.took ?? []))),
    ]),
  )
  const described = await describeMachine(server.url)
  await report('access', { machine: described, text, results: { requests, ways } })
  await api.close()
  await fund.close()
  return described
})
say(machine)
