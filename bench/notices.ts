/**
 * How soon are all agents told, and how fast are letters sent? A large cycle of many agents, and a mail server that
 * takes everything.
 *
 *   npx tsx bench/notices.ts [--quick] [--members 1000000] [--rounds 3]
 */
import { sql } from 'kysely'
import { openMailServer } from '../test/support/mail-server.ts'
import { openFund, untilActive, withServer } from './fund.ts'
import { choose, count, describeMachine, ms, report, say, table } from './measure.ts'

const members = choose('members', 1_000_000, 20_000)
const rounds = choose('rounds', 3, 1)
const agents = members / 100

const tries: { lastNoticeMs: number; sendingMs: number; letters: number; aSecond: number }[] = []
const machine = await withServer(async (server) => {
  const mails = await openMailServer()
  const fund = await openFund(await server.createDatabase('notices'), {
    SMTP_URL: `smtp://127.0.0.1:${mails.port}`,
    MAIL_FROM: 'Fund <fund@example.org>',
  })
  const { db } = fund
  const claims = await fund.addTier('A', members, rounds)
  await sql`insert into agents (agent_code, full_name, email)
    select 'L-' || i, 'Agent ' || i, 'l-' || i || '@example.org' from generate_series(1, ${sql.lit(agents)}) i
  `.execute(db)
  // An agent's members are spread over the whole register, as they are where codes are given in the order of joining.
  await sql`
    with numbered as (select member_id, row_number() over (order by member_code) as n from members)
    update members m set agent_id = a.agent_id
    from numbered x join agents a on a.agent_code = 'L-' || (1 + x.n % ${sql.lit(agents)})
    where m.member_id = x.member_id`.execute(db)
  await sql`vacuum (analyze) members, agents, standings`.execute(db)
  const worker = await fund.startWorker()
  for (let round = 1; round <= rounds; round += 1) {
    await fund.settle()
    const before = mails.received.length
    const { cycleId } = await untilActive(db, (await fund.startCycle(claims.pop())).cycleId, 250)
    for (;;) {
      const { rows } = await sql`select from deliveries join notices using (notice_id)
        where cycle_id = ${cycleId} and delivery_status = 'Pending' limit 1`.execute(db)
      const { rows: told } =
        await sql`select from events where subject = ${cycleId} and event_name = 'AgentsNotified'`.execute(db)
      if (told.length === 1 && rows.length === 0) break
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
    const { rows } = await sql<{
      digests: number
      members: number
      owing: number
      lastNoticeMs: number
      sendingMs: number
    }>`
      select (select count(*) from notices where cycle_id = ${cycleId} and noticed.kind = notice_kind) as digests,
        (select sum(members)::bigint from notices where cycle_id = ${cycleId}) as members,
        (select count(*) from member_contributions where cycle_id = ${cycleId} and contribution_status = 'Pending') as owing,
        extract(epoch from (select max(made_at) from notices where cycle_id = ${cycleId}) - activated_at)::float8 * 1000
          as last_notice_ms,
        (select extract(epoch from max(updated_at) - min(updated_at))::float8 * 1000
          from deliveries join notices using (notice_id) where cycle_id = ${cycleId}) as sending_ms
      from contribution_cycles, (values ('agent-digest')) noticed (kind) where cycle_id = ${cycleId}`.execute(
      db,
    )
    const found = rows[0] as (typeof rows)[0] & object
    const letters = mails.received.length - before
    const addresses = new Set(mails.received.slice(before).map(({ to }) => to))
    if (found.digests !== agents || found.members !== found.owing || addresses.size !== letters) {
      throw new Error(`wrong counts: ${JSON.stringify({ ...found, letters, addresses: addresses.size })}`)
    }
    const { lastNoticeMs, sendingMs } = found
    tries.push({ lastNoticeMs, sendingMs, letters, aSecond: Math.round((letters / sendingMs) * 1000) })
    say(`round ${round}: ${JSON.stringify(tries.at(-1))}`)
  }
  await worker.end('SIGTERM')
  await fund.close()
  await mails.close()
  return describeMachine(server.url)
})

const text = [
  table(
    ['Active to the last digest', 'letters', 'first to last letter', 'letters a second'],
    tries.map((each) => [
      ms(each.lastNoticeMs),
      count(each.letters),
      ms(each.sendingMs),
      count(each.aSecond),
    ]),
  ),
  `${count(members)} members of ${count(agents)} agents. Every agent had one digest and one letter, and the digests added up to what is owed.`,
].join('\n\n')
await report('notices', { machine, text, results: { members, agents, tries } })
