/** When large work waits, so that other users of the database are not disturbed. Pure. */

export interface Pressure {
  /** How far the slowest replica is behind; undefined: there is none. */
  readonly replica: { readonly name: string; readonly lagMb: number } | undefined
  /** Sessions that wait for a lock. */
  readonly lockWaits: number
  /** For how long a checkpoint has been waiting for the disk. */
  readonly checkpointSeconds: number
}

export interface HoldLimits {
  readonly replicationLagMb: number
  readonly lockWaits: number
  readonly checkpointSeconds: number
}

/** Why nothing more may be written at the moment, as the end of "on hold because …"; undefined: there is no reason. */
export function holdReason(pressure: Pressure, limits: HoldLimits): string | undefined {
  const { replica, lockWaits, checkpointSeconds } = pressure
  if (replica && replica.lagMb > limits.replicationLagMb) {
    return `the replica ${replica.name} is ${Math.round(replica.lagMb)} MB behind (limit ${limits.replicationLagMb} MB)`
  }
  if (lockWaits > limits.lockWaits) {
    return `${lockWaits} sessions wait for a lock (limit ${limits.lockWaits})`
  }
  if (checkpointSeconds > limits.checkpointSeconds) {
    return `a checkpoint has been waiting for the disk for ${Math.round(checkpointSeconds)} s (limit ${limits.checkpointSeconds} s)`
  }
  return undefined
}
