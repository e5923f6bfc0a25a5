/** What needs two persons by way of an approval. */
export const approvalKinds = [
  'undo-death',
  'revoke-cycle',
  'self-approval',
  'import',
  'new-approver',
] as const

export type ApprovalKind = (typeof approvalKinds)[number]
