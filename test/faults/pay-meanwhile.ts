import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import { proveLedger } from '../../src/ledger/prove-ledger.ts'
import { patiently } from './patiently.ts'
import type { World } from './world.ts'

const clients = 8
const base = '/api/payments'

interface Paid {
  readonly paymentId: number
  readonly amount: number
}

/** What clients were promised: what each payment was answered, by its reference. */
export interface Promises {
  readonly paid: ReadonlyMap<string, Paid>
  readonly undone: ReadonlySet<number>
  /** What was answered that should not have been, in sentences. */
  readonly broken: readonly string[]
}

export interface Payers {
  /** Resolves when so many more payments have been answered, with the moment of it. */
  answered(more: number): Promise<number>
  /** Resolves when each client has been answered for the last time. */
  stop(): Promise<Promises>
}

/**
 * Eight clients who record payments for the cycle without a pause. Of five payments one is told twice and one is taken back. Who is
 * not answered asks again with the same reference, until there is an answer.
 */
export async function payMeanwhile(world: World, cycleId: string, random: () => number): Promise<Payers> {
  const members = await findPayers(world, cycleId)
  const run = randomUUID()
  const paid = new Map<string, Paid>()
  const undone = new Set<number>()
  const broken: string[] = []
  let stopped = false
  let answers = 0

  async function payOne(reference: string): Promise<void> {
    const amount = 1 + Math.floor(random() * 15_000)
    const memberId = members[Math.floor(random() * members.length)]
    const payment = { sourceCode: 'TILL', reference, amount, memberId, ...(random() < 0.5 && { cycleId }) }
    const choice = random()
    for (let time = 0; time < (choice < 0.2 ? 2 : 1); time += 1) {
      const { status, body } = await world.ask<Paid & { type?: string }>('POST', base, payment)
      // Who has died meanwhile is asked for nothing, and nothing is taken for it by name.
      if (status === 409 && body.type?.endsWith(':member-deceased')) return
      const before = paid.get(reference)
      if (status !== 200 && status !== 201) broken.push(`${reference} was answered ${status}`)
      else if (body.amount !== amount || (before && before.paymentId !== body.paymentId)) {
        broken.push(`${reference} was answered as another payment`)
      } else paid.set(reference, { paymentId: body.paymentId, amount })
    }
    const known = paid.get(reference)
    if (choice < 0.8 || known === undefined) return
    const { status } = await world.ask('POST', `${base}/${known.paymentId}/reverse`, { reason: 'Bounced' })
    // 409: it was carried out, and the answer was lost.
    if (status !== 200 && status !== 409) broken.push(`the reversal of ${reference} was answered ${status}`)
    else undone.add(known.paymentId)
  }

  const all = Array.from({ length: clients }, async (_, client) => {
    for (let number = 0; !stopped; number += 1) {
      await payOne(`${run}-${client}-${number}`)
      answers += 1
    }
  })
  return {
    async answered(more) {
      const wanted = answers + more
      while (answers < wanted) await wait(5)
      return performance.now()
    },
    async stop() {
      stopped = true
      await Promise.all(all)
      return { paid, undone, broken }
    },
  }
}

/** Some who are asked by the cycle. */
async function findPayers(world: World, cycleId: string): Promise<string[]> {
  const { rows } = await patiently(() =>
    sql<{ memberId: string }>`
      select member_id from member_contributions where cycle_id = ${cycleId} and contribution_status = 'Pending'
      order by member_id limit 200`.execute(world.db),
  )
  return rows.map(({ memberId }) => memberId)
}

/**
 * Tells of ten payments, each thirty times, by eight clients at once.
 *
 * @throws Error when one of them was posted twice, or answered as two
 */
export async function tellThirtyTimes(world: World, cycleId: string): Promise<void> {
  const [memberId] = await findPayers(world, cycleId)
  for (let number = 0; number < 10; number += 1) {
    const payment = { sourceCode: 'TILL', reference: randomUUID(), amount: 100 + number, memberId }
    const answers: { status: number; body: Paid }[] = []
    let left = 30
    const tell = async () => {
      for (; left > 0; left -= 1) answers.push(await world.ask<Paid>('POST', base, payment))
    }
    await Promise.all(Array.from({ length: clients }, tell))
    const ids = new Set(answers.map(({ body }) => body.paymentId))
    const posted = answers.filter(({ status }) => status === 201).length
    const known = answers.filter(({ status }) => status === 200).length
    if (ids.size !== 1 || posted > 1 || posted + known !== answers.length) {
      throw new Error(`P1: one payment was answered as ${ids.size}, ${posted} times as new`)
    }
  }
}

/** Whether what was promised is there, each once; says what does not hold of the ledger. */
export async function judgePayments(
  world: World,
  { paid, undone, broken: wrong }: Promises,
  broken: string[],
): Promise<{ lost: number; doubled: number; answered: number }> {
  broken.push(...wrong)
  const run = [...paid.keys()][0]?.slice(0, 36)
  const { rows } = await patiently(() =>
    sql<{ reference: string; paymentId: number; amount: number; isUndone: boolean }>`
      select reference, payment_id, amount, payment_status <> 'Posted' as is_undone from payments
      where left(reference, 36) = ${run}`.execute(world.db),
  )
  const found = new Map(rows.map((row) => [row.reference, row]))
  const lost = [...paid].filter(([reference, { paymentId, amount }]) => {
    const row = found.get(reference)
    return row?.paymentId !== paymentId || row.amount !== amount
  })
  const doubled = rows.filter(({ reference, paymentId }) => paid.get(reference)?.paymentId !== paymentId)
  for (const { reference, paymentId, isUndone } of rows) {
    if (isUndone !== undone.has(paymentId)) broken.push(`P7: ${reference} is ${isUndone ? '' : 'not '}undone`)
  }
  if (lost.length > 0) broken.push(`${lost.length} payments that were answered are not there`)
  if (doubled.length > 0) broken.push(`${doubled.length} payments are there that nobody was answered`)
  for (const { invariant, exceptions } of await patiently(() => proveLedger(world.db, 3))) {
    if (exceptions.length > 0) broken.push(`${invariant}: ${exceptions.join(', ')}`)
  }
  return { lost: lost.length, doubled: doubled.length, answered: paid.size }
}
