import type { Pool } from 'pg'
import { Gauge, Registry } from 'prom-client'
import type { Db } from '../platform/database/connect.ts'
import { findReplicas } from '../platform/database/pressure-sql.ts'
import type { Queue } from '../platform/queue/queue.ts'
import { countCycles, countDueDeliveries, countJobs } from './metrics-sql.ts'

export interface FundMetricsDeps {
  readonly db: Db
  readonly pools: Readonly<Record<string, Pool>>
  readonly queue: Queue
  /** The scheme of the queue's address, e.g. `redis`. */
  readonly driver: string
  /** Called with the error of a failed reading. */
  readonly onError: (error: unknown) => void
}

/**
 * What the database and the queue know of the fund as a whole, asked anew whenever the registry is: the same from every
 * process. What cannot be asked, as when the broker is away, is missing from the answer, and the rest is there.
 */
export function createFundMetrics({ db, pools, queue, driver, onError }: FundMetricsDeps): Registry {
  const registry = new Registry()
  const gauge = <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    ask: (set: (labels: Record<Label, string>, value: number) => void) => Promise<void>,
  ) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        this.reset()
        await ask((labels, value) => this.set(labels, value)).catch(onError)
      },
    })

  // First, before the queries below use connections themselves.
  gauge(
    'almoner_database_connections',
    'Connections of this process to the database, by pool and by what they do.',
    ['pool', 'state'],
    async (set) => {
      for (const [name, pool] of Object.entries(pools)) {
        set({ pool: name, state: 'busy' }, pool.totalCount - pool.idleCount)
        set({ pool: name, state: 'idle' }, pool.idleCount)
        set({ pool: name, state: 'awaited' }, pool.waitingCount)
      }
    },
  )

  gauge('almoner_cycles', 'Contribution cycles by status.', ['status'], async (set) => {
    for (const { status, count } of await countCycles(db)) set({ status }, count)
  })
  gauge('almoner_jobs', 'Jobs by kind and status.', ['job_kind', 'status'], async (set) => {
    for (const { kind, status, count } of await countJobs(db)) set({ job_kind: kind, status }, count)
  })
  gauge(
    'almoner_oldest_job_seconds',
    'Seconds since the oldest job that is not over was made, by kind and status.',
    ['job_kind', 'status'],
    async (set) => {
      for (const { kind, status, oldestSeconds } of await countJobs(db)) {
        if (oldestSeconds !== null) set({ job_kind: kind, status }, oldestSeconds)
      }
    },
  )
  gauge('almoner_jobs_on_hold', 'Jobs that wait for the database to recover.', [], async (set) => {
    set(
      {},
      (await countJobs(db)).reduce((sum, { onHold }) => sum + onHold, 0),
    )
  })
  gauge(
    'almoner_queue_messages',
    'Messages in the queue, by driver and by where they stand.',
    ['driver', 'state'],
    async (set) => {
      for (const [state, count] of Object.entries(await queue.depth())) set({ driver, state }, count)
    },
  )
  gauge(
    'almoner_deliveries_due',
    'Letters and webhooks that are to be sent, by channel; beyond 100,000 they are not counted.',
    ['channel'],
    async (set) => {
      for (const { channel, count } of await countDueDeliveries(db)) set({ channel }, count)
    },
  )
  gauge(
    'almoner_delivery_overdue_seconds',
    'Seconds for which the delivery that has waited longest has been due, by channel.',
    ['channel'],
    async (set) => {
      for (const { channel, overdueSeconds } of await countDueDeliveries(db)) set({ channel }, overdueSeconds)
    },
  )
  gauge(
    'almoner_replication_lag_bytes',
    'Bytes that a replica has still to replay, by its name.',
    ['replica'],
    async (set) => {
      for (const { replica, lagBytes } of await findReplicas(db)) set({ replica }, lagBytes)
    },
  )
  return registry
}
