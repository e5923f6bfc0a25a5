/** What needs two persons by way of an approval. */
export const approvalKinds = ['undo-death', 'revoke-cycle', 'wallet-refund'] as const

export type ApprovalKind = (typeof approvalKinds)[number]
