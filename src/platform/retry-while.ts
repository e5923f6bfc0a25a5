import { setTimeout as wait } from 'node:timers/promises'

const longestPauseMs = 5_000

/**
 * Tries again while what goes wrong may pass, `patienceMs` long; `onWait` is told before each pause.
 *
 * @throws what the last attempt failed with
 */
export async function withPatience<Result>(
  attempt: () => Promise<Result>,
  options: {
    readonly patienceMs: number
    readonly mayPass: (error: unknown) => boolean
    readonly onWait: (error: Error, leftSeconds: number) => void
  },
): Promise<Result> {
  const giveUpAt = performance.now() + options.patienceMs
  for (let pauseMs = 500; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      return await attempt()
    } catch (error) {
      const leftMs = giveUpAt - performance.now()
      if (leftMs <= 0 || !options.mayPass(error)) throw error
      options.onWait(error as Error, Math.ceil(leftMs / 1000))
      await wait(Math.min(pauseMs, leftMs))
    }
  }
}
