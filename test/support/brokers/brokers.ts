import { findCommand } from './needs.ts'
import { startPostgresServer } from './postgres-server.ts'
import { rabbitNeeds, startRabbitServer } from './rabbitmq-server.ts'
import { redisNeeds, startRedisCluster, startRedisServer } from './redis-server.ts'
import { startSqsServer } from './sqs-server.ts'

/** A real broker of its own, in processes of its own. */
export interface RunningBroker {
  /** What QUEUE_URL has to be. */
  readonly url: string
  /** What else the environment of its users has to hold. */
  readonly env?: Readonly<Record<string, string>>
  /** Takes everything out of it, by the broker's own means. */
  empty(): Promise<void>
  /** Kills its processes (SIGKILL). */
  kill(): Promise<void>
  /** Sends a signal to all of its processes. After SIGSTOP it answers no more, and is not gone. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): Promise<void>
  /** Starts it again on what it had stored, and resolves when it answers. */
  startAgain(): Promise<void>
  /** Stops it and removes what it had stored. */
  stop(): Promise<void>
}

export interface BrokerKind {
  readonly name: string
  /** What this machine lacks for it and how to install it; empty when nothing. */
  readonly missing: string
  start(): Promise<RunningBroker>
}

const missing = (command: string, needs: string) => (findCommand(command) ? '' : needs)

/** One of each kind that a driver is for. The default comes first. */
export const brokers: readonly BrokerKind[] = [
  { name: 'PostgreSQL', missing: '', start: startPostgresServer },
  { name: 'Redis', missing: missing('redis-server', redisNeeds), start: () => startRedisServer() },
  { name: 'Redis Cluster', missing: missing('redis-server', redisNeeds), start: startRedisCluster },
  { name: 'RabbitMQ', missing: missing('rabbitmq-server', rabbitNeeds), start: () => startRabbitServer() },
  { name: 'SQS', missing: '', start: startSqsServer },
]
