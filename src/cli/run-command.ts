import { userInfo } from 'node:os'
import { Command } from 'commander'
import type { Logger } from 'pino'
import type { Application } from '../app/application.ts'
import { type Config, ConfigError, readConfig } from '../app/config.ts'
import { type OpenOptions, openApplication } from '../app/open-application.ts'
import { createLog } from '../platform/telemetry/log.ts'
import { type Actor, operator } from '../platform/values/actor.ts'
import { DomainError, type RefusalCode } from '../platform/values/errors.ts'
import { exitCodes } from './exit-codes.ts'

/** Refusals of wrong usage (exit code 2); all others are failures (exit code 1). */
const wrongUses: readonly RefusalCode[] = ['invalid-input', 'eligible-as-of-in-future']

/** The actor of the command line: the user of the operating system. */
export function commandActor(): Actor {
  return operator(`cli:${userInfo().username}`)
}

/**
 * A database or a broker that is being started beside us, by a compose file for instance, is there by then. For who runs
 * unattended; a person at a command is told at once.
 */
export const serverRetryMs = 30_000

/**
 * A command on an open application, which is closed again however it ends. Logs only what is wrong. It goes on without a
 * broker that is away: when something is wrong is when an operator needs commands, and what they ask for is in the
 * database, where a sweep finds it.
 */
export async function withApplication<Result>(
  work: (app: Application) => Promise<Result>,
  retryForMs = 0,
): Promise<Result> {
  const config = readConfig(process.env)
  return withApplicationOf(config, commandLog(config), 'almoner cli', work, { retryForMs, needsQueue: false })
}

export async function withApplicationOf<Result>(
  config: Config,
  log: Logger,
  role: string,
  work: (app: Application) => Promise<Result>,
  options?: OpenOptions,
): Promise<Result> {
  const app = await openApplication(config, log, role, options)
  try {
    return await work(app)
  } finally {
    await app.close()
  }
}

/** A command prints its own messages; its log has only warnings and errors, unless LOG_LEVEL asks for more. */
export function commandLog(config: Config): Logger {
  return createLog({ level: process.env.LOG_LEVEL ? config.logLevel : 'warn', format: config.logFormat })
}

/** Shows an error to the user: a sentence on standard error and an exit code. */
export function explain(error: unknown): { sentence: string; exitCode: number } {
  if (error instanceof DomainError) {
    return {
      sentence: error.message,
      exitCode: wrongUses.includes(error.code) ? exitCodes.wrongUse : exitCodes.failed,
    }
  }
  if (error instanceof ConfigError) return { sentence: error.message, exitCode: exitCodes.wrongUse }
  const known = error instanceof Error ? error.message : String(error)
  const trace = process.env.LOG_LEVEL === 'debug' && error instanceof Error ? `\n${error.stack}` : ''
  return { sentence: `almoner: ${known}${trace}`, exitCode: exitCodes.failed }
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(exitCodes.failed)
        asked = true
        resolve()
      })
    }
  })
}

/** A group of commands, e.g. `almoner cycles …`. */
export function group(name: string, description: string): Command {
  return new Command(name).description(description)
}
