/** Payments as several pages show them. */
import { Anchor } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Payment, Transfer } from '../api.ts'
import { money, number } from '../format.ts'
import { useFund } from '../session.ts'
import { Chip } from './status-chip.tsx'

/** To the page of a payment. */
export function PaymentLink({ paymentId, children }: { paymentId: number; children: ReactNode }) {
  return (
    <Anchor
      inherit
      renderRoot={(props) => (
        <Link {...props} to="/payments/$paymentId" params={{ paymentId: String(paymentId) }} />
      )}
    >
      {children}
    </Anchor>
  )
}

/** To the page of a member. */
export function MemberLink({
  memberId,
  id,
  children,
}: {
  memberId: string
  id?: string
  children: ReactNode
}) {
  return (
    <Anchor
      inherit
      {...(id !== undefined && { id })}
      renderRoot={(props) => <Link {...props} to="/members/$memberId" params={{ memberId }} />}
    >
      {children}
    </Anchor>
  )
}

const looks = {
  Posted: { color: 'green', sign: '✓' },
  Voided: { color: 'gray', sign: '↶' },
  Reversed: { color: 'red', sign: '×' },
} as const

export function PaymentChip({ status }: { status: Payment['paymentStatus'] }) {
  const { t } = useTranslation()
  return <Chip {...looks[status]}>{t(`payments.status.${status}`)}</Chip>
}

/** Who has paid, as far as it is known. */
export function usePayer(): (payment: Payment) => string {
  const { t } = useTranslation()
  return ({ payerFullName, payerMemberCode, payerText, lines }) => {
    if (payerFullName !== null) return `${payerFullName} (${payerMemberCode})`
    if (payerText !== null) return payerText
    return lines === null
      ? t('payments.nobodyKnown')
      : t('payments.severalMembers', { members: number(lines.length) })
  }
}

/** A movement of money in plain words. */
export function useTransferSentence(): (transfer: Transfer) => string {
  const { t } = useTranslation()
  const fund = useFund()
  return (transfer) => {
    const { transferCode, reverses, debitCode, creditCode, debitAccount, cycleCode, memberCode } = transfer
    const isMoneyDebited = debitAccount === 'Money'
    return t(`payments.${reverses === null ? 'transfer' : 'reversal'}.${transferCode}`, {
      amount: fund ? money(transfer.amount, fund) : transfer.amount,
      account: isMoneyDebited ? debitCode : creditCode,
      // Of suspense the source.
      other: isMoneyDebited ? creditCode : debitCode,
      cycle: cycleCode,
      member: memberCode,
    })
  }
}
