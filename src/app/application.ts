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
  /** For lists and searches: a statement that takes longer than two seconds is cancelled. */
  readonly listDb: Db
  readonly queue: Queue
  readonly engine: Engine
  readonly announce: Announce
  readonly clock: Clock
  /** Where browsers find the API. */
  readonly publicUrl: string
  readonly inlineMemberLimit: number
  /** The metrics of this process and of the whole fund, in the text format of Prometheus. */
  metrics(): Promise<string>
  close(): Promise<void>
}

/** What the API needs in addition. */
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
  /** Called with what went wrong after an answer, e.g. a mail that could not be sent. */
  readonly onFailure: (error: unknown) => void
  /** What the first user must give; undefined: there are users already. */
  readonly setUpToken: string | undefined
}

/** What a worker needs in addition. */
interface WorkerDeps extends Application {
  readonly noticeListener: Listener
  readonly sendMail: SendMail | undefined
}

/** What the metrics of the whole fund need. */
export interface MetricsDeps {
  readonly db: Db
  readonly pools: Readonly<Record<string, Pool>>
  readonly queue: Queue
  readonly driver: string
  readonly onError: (error: unknown) => void
}

/** What a feature brings to the application. Each part is loaded only where its role runs. */
export interface Feature {
  /** Its kinds of jobs. */
  jobKinds?(deps: { readonly announce: Announce }): readonly JobKind<never>[]
  /** What it does, in the same transaction, when another feature announces an event. */
  readonly subscriptions?: Subscriptions
  /** Its routes. */
  routes?(deps: ApiDeps): Promise<readonly HttpRoutes[]>
  /** What a worker runs beside jobs; the returned function stops it. */
  startSenders?(deps: WorkerDeps): Promise<() => Promise<void>>
  /** Its metrics of the whole fund, in the text format of Prometheus. */
  metrics?(deps: MetricsDeps): Promise<{ metrics(): Promise<string> }>
}

/** A running role; `stop` waits for the current work. */
export interface Role {
  stop(): Promise<void>
}
