/** The acts that need the approval of a second person. */
export const approvalKinds = ['undo-death', 'revoke-cycle', 'wallet-refund'] as const

export type ApprovalKind = (typeof approvalKinds)[number]
