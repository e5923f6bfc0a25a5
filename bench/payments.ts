/**
 * How many payments a second, while sixteen clients pay for one cycle? The counts of the cycle in tallies, as the product has them, and
 * in the cycle's row; each with the chain of events and without; and the usual way. See README.md.
 *
 *   npx tsx bench/payments.ts [--quick] [--members 100000] [--rounds 5]
 */
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { requireCycle } from '../src/cycles/cycle-sql.ts'
import { proveLedger } from '../src/ledger/prove-ledger.ts'
import { recordPayment } from '../src/payments/record-payment.ts'
import { connect, type Db } from '../src/platform/database/connect.ts'
import { operator } from '../src/platform/values/actor.ts'
import { openFund, prove, type Server, untilActive, withServer } from './fund.ts'
import {
  choose,
  compare,
  count,
  describeMachine,
  median,
  ms,
  quantile,
  quick,
  report,
  rotate,
  say,
  table,
  times,
} from './measure.ts'
import { openUsualPayments } from './peers/usual-payments.ts'

const clients = 16
const members = choose('members', 100_000, 5_000)
const rounds = choose('rounds', 5, 1)
/** How long each way is paid in each round. */
const roundMs = quick ? 1_000 : 5_000
const amount = 10_000

/** A cycle in a database of its own, and those who pay for it, one after the other. */
interface Payees {
  readonly memberIds: readonly string[]
  /** How many have paid. */
  paid: number
  /** @throws Error when what was paid does not add up */
  check(): Promise<void>
  close(): Promise<void>
}

interface Way {
  readonly name: string
  readonly payees: Payees
  /** What is to be as it is for this way, unmeasured. */
  prepare?(): Promise<unknown>
  pay(memberId: string, reference: string): Promise<unknown>
}

/** Counts in the row of the cycle, as they were before the tallies: whoever pays waits until who paid before has committed. */
const countInRow = sql`
  drop trigger contribution_cycles_counted on contribution_cycles;
  create or replace function tally_contributions() returns trigger language plpgsql as $$
  begin
    update contribution_cycles c set
      pending_members = c.pending_members + changed.pending,
      paid_members = c.paid_members + changed.paid,
      collected_amount = c.collected_amount + changed.collected,
      updated_at = now()
    from (
      select cycle_id,
        coalesce(sum(sign) filter (where contribution_status = 'Pending'), 0) as pending,
        coalesce(sum(sign) filter (where contribution_status = 'Paid'), 0) as paid,
        sum(sign * paid_amount) as collected
      from (
        select 1 as sign, cycle_id, contribution_status, paid_amount from new_contributions
        union all
        select -1, cycle_id, contribution_status, paid_amount from old_contributions
      ) versions
      group by cycle_id
    ) changed
    where c.cycle_id = changed.cycle_id and c.cycle_status = 'Active';
    return null;
  end $$`

async function openAlmoner(server: Server, name: 'tallies' | 'row'): Promise<Way[]> {
  const fund = await openFund(await server.createDatabase(`counts_in_${name}`))
  const { db, app } = fund
  const [claimId] = await fund.addTier('A', members, 1)
  const worker = await fund.startWorker()
  const { cycleId } = await untilActive(db, (await fund.startCycle(claimId)).cycleId)
  await worker.end('SIGTERM')
  if (name === 'row') await countInRow.execute(db)
  await sql`vacuum (analyze) member_contributions`.execute(db)
  const asked = await db
    .selectFrom('memberContributions')
    .select('memberId')
    .where('cycleId', '=', cycleId)
    .execute()
  const pool = connect({ url: app.database.url, name: 'bench payments', maxConnections: clients })
  const api = await fund.startApi()
  const payees: Payees = {
    memberIds: asked.map(({ memberId }) => memberId),
    paid: 0,
    check: () => checkFund(db, cycleId, payees.paid),
    async close() {
      await api.end('SIGTERM')
      await pool.close()
      await fund.close()
    },
  }
  const payment = (memberId: string, reference: string) => ({
    sourceCode: 'TILL',
    reference,
    amount,
    memberId,
    cycleId,
  })
  const deps = { db: pool.db, announce: app.announce, clock: app.clock }
  const byFunction = (memberId: string, reference: string) =>
    recordPayment(deps, { ...payment(memberId, reference), actor: operator('bench') })
  const headers = { ...fund.headers, 'content-type': 'application/json' }
  const chain = (what: 'enable' | 'disable') => () =>
    sql`alter table events ${sql.raw(what)} trigger events_chained`.execute(db)
  return [
    { name, payees, prepare: chain('enable'), pay: byFunction },
    { name: `${name}, no chain`, payees, prepare: chain('disable'), pay: byFunction },
    {
      name: `${name} over HTTP`,
      payees,
      prepare: chain('enable'),
      async pay(memberId, reference) {
        const body = JSON.stringify(payment(memberId, reference))
        const answer = await fetch(`${api.url}/api/payments`, { method: 'POST', headers, body })
        const text = await answer.text()
        if (answer.status !== 201) throw new Error(`a payment was answered ${answer.status}: ${text}`)
      },
    },
  ]
}

async function checkFund(db: Db, cycleId: string, payments: number): Promise<void> {
  const cycle = await requireCycle(db, cycleId)
  await prove(db, cycle, members)
  for (const { invariant, exceptions } of await proveLedger(db, 3)) {
    if (exceptions.length > 0) throw new Error(`${invariant}: ${exceptions.join(', ')}`)
  }
  if (cycle.paidMembers !== payments || cycle.collectedAmount !== payments * amount) {
    throw new Error(`${payments} payments became ${cycle.paidMembers}, of ${cycle.collectedAmount}`)
  }
}

async function openUsual(server: Server): Promise<Way[]> {
  const usual = await openUsualPayments(await server.createDatabase('usual'), members, clients)
  const payees: Payees = {
    memberIds: usual.memberIds,
    paid: 0,
    async check() {
      const sums = await usual.readSums()
      const wrong = sums.some((sum) => sum !== payees.paid * amount)
      if (wrong) throw new Error(`${payees.paid} payments became ${sums}`)
    },
    close: usual.close,
  }
  return [{ name: 'usual', payees, pay: (memberId, reference) => usual.pay(memberId, reference, amount) }]
}

/** Every client pays for the next member as soon as the one before is answered. */
async function payForAWhile({ payees, prepare, pay }: Way): Promise<{ took: number[]; aSecond: number }> {
  await prepare?.()
  const took: number[] = []
  const startedAt = performance.now()
  const client = async () => {
    while (performance.now() - startedAt < roundMs) {
      const memberId = payees.memberIds[payees.paid]
      if (memberId === undefined) throw new Error('there are too few members')
      payees.paid += 1
      const sentAt = performance.now()
      await pay(memberId, randomUUID())
      took.push(performance.now() - sentAt)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  return { took, aSecond: (took.length / (performance.now() - startedAt)) * 1000 }
}

const { machine, results } = await withServer(async (server) => {
  const ways = [
    ...(await openAlmoner(server, 'tallies')),
    ...(await openAlmoner(server, 'row')),
    ...(await openUsual(server)),
  ]
  const results = Object.fromEntries(
    ways.map(({ name }) => [name, { aSecond: [] as number[], p50: [] as number[], p99: [] as number[] }]),
  )
  // The round before the first is not counted: it compiles the code and opens the connections.
  for (let round = -1; round < rounds; round += 1) {
    for (const way of rotate(ways, round + 1)) {
      const { took, aSecond } = await payForAWhile(way)
      if (round < 0) continue
      const result = results[way.name]
      result?.aSecond.push(aSecond)
      result?.p50.push(median(took))
      result?.p99.push(quantile(took, 0.99))
      say(`round ${round + 1}: ${way.name} ${Math.round(aSecond)} payments a second`)
    }
  }
  for (const payees of new Set(ways.map((way) => way.payees))) {
    await payees.check()
    await payees.close()
  }
  return { machine: await describeMachine(server.url), results }
})

const of = (name: string) => results[name] ?? { aSecond: [], p50: [], p99: [] }
const against = (name: string, other: string) => times(compare(of(name).aSecond, of(other).aSecond))
const line = (title: string, name: string, other: string) => [
  title,
  count(Math.round(median(of(name).aSecond))),
  ms(median(of(name).p50)),
  ms(median(of(name).p99)),
  name === other ? '' : against(other, name),
]
const text = [
  table(
    ['sixteen clients, one cycle', 'payments a second', 'p50', 'p99', 'Almoner, asked the same way, ÷ it'],
    [
      line('**Almoner**, counts in tallies', 'tallies', 'tallies'),
      line('the same, counts in the row of the cycle', 'row', 'tallies'),
      line('**Almoner** over HTTP', 'tallies over HTTP', 'tallies over HTTP'),
      line('counts in the row, over HTTP', 'row over HTTP', 'tallies over HTTP'),
      line('the usual way: drizzle, and a counter', 'usual', 'tallies'),
      line('tallies, without the chain of events', 'tallies, no chain', 'tallies'),
      line('row, without the chain of events', 'row, no chain', 'tallies'),
    ],
  ),
  `Without the chain of events, tallies against the row: ${against('tallies, no chain', 'row, no chain')}.`,
].join('\n\n')
await report('payments', { machine, text, results: { members, rounds, clients, ways: results } })
