import type { Pool } from 'pg'
import type { Logger } from 'pino'
import type { Attempts } from '../access/attempts.ts'
import type { Identity } from '../access/identity.ts'
import type { StrangersEvents } from '../access/strangers-events.ts'
import type { Announce, Subscriptions } from '../events/announce.ts'
import type { Database, Db } from '../platform/database/connect.ts'
import type { Listener } from '../platform/database/listen.ts'
import type { HttpRoutes } from '../platform/http/server.ts'
import type { Engine } from '../platform/jobs/engine.ts'
import type { JobKind } from '../platform/jobs/job-kind.ts'
import type { SendMail } from '../platform/mail.ts'
import type { Queue } from '../platform/queue/queue.ts'
import type { Clock } from '../platform/values/clock.ts'
import type { Config } from './config.ts'

/** What every verb may need, opened once for a process. */
export interface Application {
  readonly config: Config
  readonly log: Logger
  readonly database: Database
  /** For imports and exports, which may take long. */
  readonly fileDatabase: Database
  readonly db: Db
  /** For lists and searches: a statement that takes longer than two seconds is given up. */
  readonly listDb: Db
  readonly queue: Queue
  readonly engine: Engine
  readonly announce: Announce
  readonly clock: Clock
  /** Where browsers find the API. */
  readonly publicUrl: string
  readonly inlineMemberLimit: number
  /** What this process counts, and what is known of the fund as a whole, in the text format of Prometheus. */
  metrics(): Promise<string>
  close(): Promise<void>
}

/** What the API has besides. */
export interface ApiDeps extends Application {
  /** For imports. */
  readonly pool: Pool
  /** For exports. */
  readonly exportDb: Db
  readonly creationStrategy: Config['creationStrategy']
  readonly jobListener: Listener
  readonly noticeListener: Listener
  readonly identity: Identity
  readonly attempts: Attempts
  readonly strangers: StrangersEvents
  /** Undefined: no mail can be sent. */
  readonly sendMail: SendMail | undefined
  /** Is told what went wrong after an answer, e.g. a mail that could not be sent. */
  readonly onFailure: (error: unknown) => void
  /** What the first user has to show; undefined: there are users already. */
  readonly setUpToken: string | undefined
}

/** What a worker has besides. */
interface WorkerDeps extends Application {
  readonly noticeListener: Listener
  readonly sendMail: SendMail | undefined
}

/** What is asked for metrics of the fund as a whole. */
export interface MetricsDeps {
  readonly db: Db
  readonly pools: Readonly<Record<string, Pool>>
  readonly queue: Queue
  readonly driver: string
  readonly onError: (error: unknown) => void
}

/** What a feature brings to the application. Each part is loaded only where its role runs. */
export interface Feature {
  /** Long work over many rows. */
  jobKinds?(deps: { readonly announce: Announce }): readonly JobKind<never>[]
  /** What it does, in the same transaction, when another feature announces an event. */
  readonly subscriptions?: Subscriptions
  /** What it serves. */
  routes?(deps: ApiDeps): Promise<readonly HttpRoutes[]>
  /** What a worker does by itself, beside jobs; the answer stops it. */
  startSenders?(deps: WorkerDeps): Promise<() => Promise<void>>
  /** What it knows of the fund as a whole, in the text format of Prometheus. */
  metrics?(deps: MetricsDeps): Promise<{ metrics(): Promise<string> }>
}

/** A role that is running; `stop` waits for what is in hand. */
export interface Role {
  stop(): Promise<void>
}
