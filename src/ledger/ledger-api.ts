import { z } from 'zod'
import { type AccountKind, accountKinds, transferCodes } from './transfer-rules.ts'

const accounts = z.enum(Object.keys(accountKinds) as [AccountKind, ...AccountKind[]])

export const transferSchema = z
  .object({
    transferId: z.int(),
    transferCode: z.enum(transferCodes).meta({ description: 'What kind of movement it is.' }),
    debitAccount: accounts,
    debitOwner: z.uuid(),
    debitCode: z.string().meta({ description: 'By what people know the owner.' }),
    creditAccount: accounts,
    creditOwner: z.uuid(),
    creditCode: z.string(),
    amount: z.int(),
    cycleId: z.uuid().nullable().meta({ description: 'With `memberId`, the contribution that it pays.' }),
    cycleCode: z.string().nullable(),
    memberId: z.uuid().nullable(),
    memberCode: z.string().nullable(),
    paymentId: z.int().nullable(),
    effectiveOn: z.iso.date(),
    postedAt: z.string(),
    postedBy: z.string(),
    reverses: z.int().nullable().meta({ description: 'The transfer that was never true.' }),
  })
  .meta({ id: 'Transfer' })

export const balanceSchema = z
  .object({
    account: accounts,
    ownerCode: z.string().meta({ description: 'Of wallets “all”: only their sum is shown.' }),
    debit: z.int(),
    credit: z.int(),
    balance: z.int().meta({ description: '`debit` less `credit`; all balances add up to 0.' }),
  })
  .meta({ id: 'Balance' })
