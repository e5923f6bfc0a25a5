/** The states of a member. The check constraint and docs/states.md say the same. */
export const memberMoves = {
  // missed what is asked · left · died
  Active: ['Suspended', 'Inactive', 'Deceased'],
  // in good standing again · left · died
  Suspended: ['Active', 'Inactive', 'Deceased'],
  // joined again · died
  Inactive: ['Active', 'Suspended', 'Deceased'],
  // Nobody comes back: a death entered by mistake is for an administrator of the database to undo.
  Deceased: [],
} as const

export type MemberStatus = keyof typeof memberMoves

export const memberStatuses = Object.keys(memberMoves) as [MemberStatus, ...MemberStatus[]]

/** What says who a member is: it is removed when the member is erased. */
export const personalFields = ['fullName', 'walletId', 'email', 'phone'] as const

/** Stands where the name of an erased member was. */
export const erasedName = 'Erased member'
