import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type MailServer, openMailServer } from '../support/mail-server.ts'
import { openWorkedFund, type WorkedFund } from '../support/worked-fund.ts'

const agents = 2_000
let fund: WorkedFund
let mails: MailServer
beforeAll(async () => {
  mails = await openMailServer()
  const { port } = mails
  fund = await openWorkedFund({
    members: agents + 1,
    env: { SMTP_URL: `smtp://127.0.0.1:${port}`, MAIL_FROM: 'Fund <fund@example.org>' },
  })
  await sql`insert into agents (agent_code, full_name, email)
    select 'L-' || i, 'Agent ' || i, 'l-' || i || '@example.org' from generate_series(1, ${sql.lit(agents)}) i
  `.execute(fund.app.db)
  await sql`
    with numbered as (select member_id, row_number() over (order by member_code desc) as n from members)
    update members m set agent_id = a.agent_id
    from numbered x join agents a on a.agent_code = 'L-' || x.n
    where m.member_id = x.member_id`.execute(fund.app.db)
})
afterAll(async () => {
  await fund?.close()
  await mails?.close()
})

test('the sender is killed ten times: every letter arrives, and one that arrives twice has one message id', {
  timeout: 240_000,
}, async () => {
  const { db } = fund.app
  let worker = await fund.startWorker()
  const { cycleId } = await fund.startCycle()
  let kills = 0
  let killAt = 20
  while (kills < 10) {
    while (mails.received.length < killAt) await new Promise((resolve) => setTimeout(resolve, 5))
    await worker.end('SIGKILL')
    kills += 1
    killAt = mails.received.length + 20 + Math.floor(Math.random() * 100)
    // What it had taken is due again when its lease is over, for which nobody waits here.
    await sql`update deliveries set not_before = now() where delivery_status = 'Pending'`.execute(db)
    worker = await fund.startWorker()
  }
  const isOver = async () => {
    const { rows } = await sql<{ left: number }>`
      select count(*) as left from deliveries where delivery_status <> 'Sent'`.execute(db)
    return rows[0]?.left === 0 && mails.received.length >= agents
  }
  await expect.poll(isOver, { timeout: 120_000 }).toBe(true)

  const { rows } = await sql<{ address: string; providerId: string }>`
    select address, provider_id from deliveries join notices using (notice_id) where cycle_id = ${cycleId}`.execute(
    db,
  )
  expect(rows).toHaveLength(agents)
  const idOf = new Map(rows.map(({ address, providerId }) => [address, providerId]))
  const arrivals = new Map<string, number>()
  for (const { to, source } of mails.received) {
    arrivals.set(to, (arrivals.get(to) ?? 0) + 1)
    expect(source).toContain(`Message-ID: ${idOf.get(to)}`)
  }
  expect(arrivals.size).toBe(agents)
  const duplicates = mails.received.length - agents
  // Of each killed sender at most what it had in hand.
  expect(duplicates).toBeLessThanOrEqual(kills * 20)
  process.stdout.write(`${kills} kills, ${agents} letters, ${duplicates} of them twice\n`)
})
