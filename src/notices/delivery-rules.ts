/** The states of a delivery. The check constraint and docs/states.md say the same. */
export const deliveryMoves = {
  // the provider has accepted it · refused for good, or the attempts are used up · no longer true, or too late
  Pending: ['Sent', 'Dead', 'Withdrawn'],
  Sent: [],
  // an admin sends it again
  Dead: ['Pending'],
  Withdrawn: [],
} as const

export type DeliveryStatus = keyof typeof deliveryMoves

export const deliveryStatuses = Object.keys(deliveryMoves) as [DeliveryStatus, ...DeliveryStatus[]]

/** With the pauses between them, nothing is lost if a provider is unreachable for nine hours. */
export const maxAttempts = 16

/** Milliseconds until the next attempt: half a minute, then twice as long each time, an hour at most. */
export function restMs(attempts: number): number {
  return Math.min(30_000 * 2 ** (attempts - 1), 3_600_000)
}

/**
 * For how long whoever takes a delivery has it. Should it be killed meanwhile, the delivery is due again afterwards; so
 * within this window it may go out twice, with the same message id.
 */
export const leaseMs = 300_000
