import { setTimeout as wait } from 'node:timers/promises'
import { isTransient } from '../../src/platform/database/sql-state.ts'

/** The laboratory's own statements meet the faults as well. Each is safe to be asked again. */
export async function patiently<Result>(ask: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!isTransient(error)) throw error
      await wait(50)
    }
  }
}
