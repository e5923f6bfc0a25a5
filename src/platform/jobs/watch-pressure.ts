import { performance } from 'node:perf_hooks'
import type { Db } from '../database/connect.ts'
import { countLockWaits, findReplicas, isCheckpointWaiting } from '../database/pressure-sql.ts'
import { type HoldLimits, holdReason } from './hold-rules.ts'

/** The lanes of a process share what it has seen, for so long. */
const freshMs = 1_000

/** Looks at how the database fares, once a second at most, and says why to hold back; undefined: go on. */
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
    // Each checkpoint waits a little for each of its files: only one found waiting at every look is a long one.
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
