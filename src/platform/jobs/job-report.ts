import type { Db } from '../database/connect.ts'
import type { Delivery } from '../queue/queue.ts'
import { findProgress } from './progress-sql.ts'

/** Often enough for a reader, and rarely enough to cost almost nothing. */
const everyMs = 500

export interface Reporter {
  /** Keeps the line for the next report, and sends that report if it is time. */
  note(line: string): Promise<void>
  /** Sends the report that is due at the end of a slice. */
  flush(): Promise<void>
}

/** Collects the work of a token's slice for the queue's dashboard. Does nothing without `report`. */
export function createReporter(db: Db, jobId: string, report: Delivery['report']): Reporter {
  let lines: string[] = []
  let lastAt = performance.now()
  const flush = async () => {
    if (report === undefined || lines.length === 0) return
    const told = lines
    lines = []
    lastAt = performance.now()
    const progress = await findProgress(db, jobId, 0)
    if (progress) report({ percentage: progress.percentage, lines: told })
  }
  return {
    flush,
    async note(line) {
      lines.push(line)
      if (performance.now() - lastAt >= everyMs) await flush()
    },
  }
}
