/** The acts that need the approval of a second person. */
export const approvalKinds = [
  'undo-death',
  'revoke-cycle',
  'wallet-refund',
  'self-approval',
  'import',
  'new-approver',
  'start-cycle',
] as const

export type ApprovalKind = (typeof approvalKinds)[number]
