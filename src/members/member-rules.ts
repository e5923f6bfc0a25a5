/** The states of a member. The check constraint and docs/states.md say the same. */
export const memberMoves = {
  // did not pay · left · died
  Active: ['Suspended', 'Inactive', 'Deceased'],
  // in good standing again · left · died
  Suspended: ['Active', 'Inactive', 'Deceased'],
  // joined again · died
  Inactive: ['Active', 'Suspended', 'Deceased'],
  // No way back here: a death entered by mistake is undone with its claim, by two persons.
  Deceased: [],
} as const

export type MemberStatus = keyof typeof memberMoves

export const memberStatuses = Object.keys(memberMoves) as [MemberStatus, ...MemberStatus[]]

/** The personal data of a member: it is removed when the member is erased. */
export const personalFields = ['fullName', 'walletId', 'email', 'phone'] as const

/** Replaces the name of an erased member. */
export const erasedName = 'Erased member'
