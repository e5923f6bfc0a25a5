import { sql } from 'kysely'
import { keyHeaders } from './admin-key.ts'
import { startAlmoner } from './almoner-process.ts'
import { approveDeath } from './fund-fixture.ts'
import { openMailServer } from './mail-server.ts'
import { type CollectedSpan, openTraceCollector } from './trace-collector.ts'
import { openWorkedFund } from './worked-fund.ts'

/**
 * A cycle of 6,000 members and 20 agents over three processes, an API and two workers of one hand each, until the last
 * letter is sent.
 *
 * @param caller the span of whoever asks for it
 * @returns every span that the processes have sent of its trace
 */
export async function traceACycle(caller: { traceId: string; spanId: string }): Promise<CollectedSpan[]> {
  const [collector, mails] = await Promise.all([openTraceCollector(), openMailServer()])
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    SMTP_URL: `smtp://127.0.0.1:${mails.port}`,
    MAIL_FROM: 'Fund <fund@example.org>',
    WORKER_CONCURRENCY: '1',
  }
  const fund = await openWorkedFund({ members: 6_001, env })
  const { db } = fund.app
  const api = startAlmoner(['api'], { DATABASE_URL: fund.databaseUrl, ...env, PORT: '0' })
  try {
    await sql`update agents set email = lower(agent_code) || '@example.org'`.execute(db)
    // Long enough for both workers to have their hands full.
    await fund.slowDown(0.2)
    await api.says('/sign-in')
    const workers = await Promise.all([fund.startWorker(), fund.startWorker()])
    const url = /(http:\S+)\/sign-in/.exec(api.output.stderr)?.[1]
    const { claimId } = await approveDeath(db, { number: 1 })
    const response = await fetch(`${url}/api/contribution-cycles`, {
      method: 'POST',
      headers: {
        ...(await keyHeaders(db)),
        'content-type': 'application/json',
        traceparent: `00-${caller.traceId}-${caller.spanId}-01`,
      },
      body: JSON.stringify({ claimId, strategy: 'queued' }),
    })
    const { cycle } = (await response.json()) as { cycle: { cycleId: string } }
    await fund.untilActive(cycle.cycleId)
    // One letter to each agent, and one to the admin.
    while (mails.received.length < 21) await new Promise((resolve) => setTimeout(resolve, 20))
    // What they have not sent yet is sent when they stop.
    await Promise.all([...workers, api].map((one) => one.end('SIGTERM')))
    return collector.spans.filter(({ traceId }) => traceId === caller.traceId)
  } finally {
    await api.end('SIGKILL')
    await fund.close()
    await Promise.all([mails.close(), collector.close()])
  }
}
