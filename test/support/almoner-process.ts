import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const almoner = fileURLToPath(new URL('../../dist/cli/almoner.js', import.meta.url))

export interface AlmonerProcess {
  readonly child: ChildProcess
  /** All it has written so far. */
  readonly output: { stdout: string; stderr: string }
  /** Resolves when standard error holds the text; rejects when the process ends before. */
  says(text: string): Promise<void>
  /** Sends the signal and resolves with the exit code, null when the signal killed it. */
  end(signal: NodeJS.Signals): Promise<number | null>
  /** Resolves with the exit code when it ends by itself. */
  readonly exited: Promise<number | null>
}

/**
 * Starts the built `almoner` as a process of its own.
 *
 * @param program the built command of another version
 */
export function startAlmoner(
  args: readonly string[],
  env: Record<string, string>,
  program = almoner,
): AlmonerProcess {
  const child = spawn(process.execPath, [program, ...args], {
    // Nothing of the environment of the tests decides what the process does.
    env: { PATH: process.env.PATH, HOME: process.env.HOME, LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  const listeners = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
      for (const listener of listeners) listener()
    })
  }
  // `close` comes after all output, `exit` may come before it.
  const exited = once(child, 'close').then(([code]) => code as number | null)
  return {
    child,
    output,
    exited,
    async says(text) {
      const heard = new Promise<void>((resolve) => {
        const look = () => output.stderr.includes(text) && resolve()
        listeners.add(look)
        look()
      })
      const ended = exited.then((code) => {
        throw new Error(`almoner ${args.join(' ')} ended with ${code}:\n${output.stderr}`)
      })
      await Promise.race([heard, ended])
      ended.catch(() => {})
    },
    async end(signal) {
      child.kill(signal)
      return exited
    },
  }
}

/** Runs the command to its end. */
export async function runAlmoner(
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const process = startAlmoner(args, env)
  const code = await process.exited
  return { code, ...process.output }
}
