/** What needs two persons by way of an approval. */
export const approvalKinds = ['undo-death', 'revoke-cycle', 'start-cycle'] as const

export type ApprovalKind = (typeof approvalKinds)[number]
