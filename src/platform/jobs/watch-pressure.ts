import { performance } from 'node:perf_hooks'
import type { Db } from '../database/connect.ts'
import { countLockWaits, findReplicas, isCheckpointWaiting } from '../database/pressure-sql.ts'
import { type HoldLimits, holdReason } from './hold-rules.ts'

/** For this long the lanes of a process share one reading. */
const freshMs = 1_000

/** Checks the load of the database, once a second at most, and returns the reason to wait; undefined: continue. */
export function watchPressure(db: Db, limits: HoldLimits): () => Promise<string | undefined> {
  let seenAt = Number.NEGATIVE_INFINITY
  let seen: Promise<string | undefined> = Promise.resolve(undefined)
  let waitingSince: number | undefined
  const look = async (now: number) => {
    const [replicas, lockWaits, isWaiting] = await Promise.all([
      findReplicas(db),
      countLockWaits(db),
      isCheckpointWaiting(db),
    ])
    // Each checkpoint waits a little for each of its files: only one that waits at every check is a long wait.
    waitingSince = isWaiting ? (waitingSince ?? now) : undefined
    const last = replicas.toSorted((one, other) => other.lagBytes - one.lagBytes)[0]
    const pressure = {
      replica: last && { name: last.replica, lagMb: last.lagBytes / 2 ** 20 },
      lockWaits,
      checkpointSeconds: waitingSince === undefined ? 0 : (now - waitingSince) / 1000,
    }
    return holdReason(pressure, limits)
  }
  return () => {
    const now = performance.now()
    if (now - seenAt >= freshMs) {
      seenAt = now
      seen = look(now)
    }
    return seen
  }
}
