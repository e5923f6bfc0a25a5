/** What may move from where to where. Pure; the check constraint `transfers_allowed` says the same, and a test compares them. */

/** Where money is, or whose it is. Each kind has owners of its own. */
export const accountKinds = {
  Money: 'a bank account, paybill or till of the fund',
  Suspense: 'money from a source of which nobody knows yet what it is for',
  Wallet: 'a member’s money that nothing has been asked of yet',
  Proceeds: 'what a contribution cycle has collected',
} as const

export type AccountKind = keyof typeof accountKinds

interface TransferRule {
  /** Where the money comes to; of `wallet-refund` where it was. */
  readonly debit: AccountKind
  readonly credit: AccountKind
  /** What it is, for people. */
  readonly sentence: string
}

/** Each kind of movement. A reversal moves the same amount the other way and names the transfer that it reverses. */
export const transferRules = {
  'contribution-payment': {
    debit: 'Money',
    credit: 'Proceeds',
    sentence: 'A payment pays a contribution, in whole or in part.',
  },
  'wallet-payment': {
    debit: 'Money',
    credit: 'Wallet',
    sentence: 'A payment, or what is left of it, is kept for the member.',
  },
  'suspense-payment': {
    debit: 'Money',
    credit: 'Suspense',
    sentence: 'A payment is kept until somebody knows whose it is.',
  },
  'wallet-refund': {
    debit: 'Wallet',
    credit: 'Money',
    sentence: 'Money of a member’s wallet is given back.',
  },
} as const satisfies Record<string, TransferRule>

export type TransferCode = keyof typeof transferRules

export const transferCodes = Object.keys(transferRules) as [TransferCode, ...TransferCode[]]

/** One movement that is to be posted. Its accounts follow from its code. */
export interface Movement {
  readonly transferCode: TransferCode
  /** Of each account the owner: a money account, a source, a member or a cycle. */
  readonly debitOwner: string
  readonly creditOwner: string
  /** Minor units. */
  readonly amount: number
  /** The contribution that it pays: that of `memberId` in this cycle. */
  readonly cycleId: string | null
  /** Whose money it is; null while nobody knows. */
  readonly memberId: string | null
  readonly paymentId: number | null
  /** Of a reversal: the transfer that was never true. */
  readonly reverses: number | null
}

/** The movement the other way, which names the transfer. */
export function reversalOf(transfer: Omit<Movement, 'reverses'> & { readonly transferId: number }): Movement {
  const { transferId, debitOwner, creditOwner, transferCode, amount, cycleId, memberId, paymentId } = transfer
  return {
    transferCode,
    debitOwner: creditOwner,
    creditOwner: debitOwner,
    amount,
    cycleId,
    memberId,
    paymentId,
    reverses: transferId,
  }
}
