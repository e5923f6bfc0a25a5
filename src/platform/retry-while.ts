import { setTimeout as wait } from 'node:timers/promises'

const longestPauseMs = 5_000

/**
 * Tries again while the failure is transient, for `retryForMs` at most; `onWait` is told before each pause.
 *
 * @throws what the last attempt failed with
 */
export async function retryWhile<Result>(
  attempt: () => Promise<Result>,
  options: {
    readonly retryForMs: number
    readonly isTransient: (error: unknown) => boolean
    readonly onWait: (error: Error, leftSeconds: number) => void
  },
): Promise<Result> {
  const giveUpAt = performance.now() + options.retryForMs
  for (let pauseMs = 500; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      return await attempt()
    } catch (error) {
      const leftMs = giveUpAt - performance.now()
      if (leftMs <= 0 || !options.isTransient(error)) throw error
      options.onWait(error as Error, Math.ceil(leftMs / 1000))
      await wait(Math.min(pauseMs, leftMs))
    }
  }
}
