/** The states of a claim. The check constraint and docs/states.md say the same. */
export const claimMoves = {
  // the death is proved · it is not
  Submitted: ['Approved', 'Rejected'],
  // the death was a mistake
  Approved: ['Revoked'],
  Rejected: [],
  Revoked: [],
} as const

export type ClaimStatus = keyof typeof claimMoves

export const claimStatuses = Object.keys(claimMoves) as [ClaimStatus, ...ClaimStatus[]]

/** What of a claim says who the deceased was. */
export const personalFields = ['deceasedFullName', 'placeOfDeath'] as const
