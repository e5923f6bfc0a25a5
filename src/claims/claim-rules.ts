/** The states of a claim. The check constraint and docs/states.md say the same. */
export const claimMoves = {
  // the death is proved · the death is not proved
  Submitted: ['Approved', 'Rejected'],
  // the death was a mistake
  Approved: ['Revoked'],
  Rejected: [],
  Revoked: [],
} as const

export type ClaimStatus = keyof typeof claimMoves

export const claimStatuses = Object.keys(claimMoves) as [ClaimStatus, ...ClaimStatus[]]

/** The personal data of a claim. */
export const personalFields = ['deceasedFullName', 'placeOfDeath'] as const
