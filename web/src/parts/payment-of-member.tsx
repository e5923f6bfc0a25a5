import { Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { allocate } from '../../../src/payments/payment-rules.ts'
import type { ContributionOfMember, Fund, Member } from '../api.ts'
import { date, money } from '../format.ts'
import { askAll } from './choices.ts'
import { PaymentForm } from './payment-form.tsx'

/** Records a payment of a member, and says before it is sent what it would pay: the oldest due first. */
export function PaymentOfMember({
  member: { memberId, fullName },
  fund,
  onDone,
  onCancel,
}: {
  member: Pick<Member, 'memberId' | 'fullName'>
  fund: Fund
  onDone: () => void
  onCancel: () => void
}) {
  const { t } = useTranslation()
  const path = `/api/members/${memberId}/contributions`
  const contributions = useQuery({
    queryKey: [path, 'all'],
    queryFn: () => askAll<ContributionOfMember>(path),
  })
  const open = (contributions.data ?? [])
    .filter(
      ({ cycleStatus, contributionStatus }) =>
        cycleStatus === 'Active' && (contributionStatus === 'Pending' || contributionStatus === 'Failed'),
    )
    .map((one) => ({ ...one, owed: one.contributionAmount - one.paidAmount }))
  const owed = open.reduce((sum, one) => sum + one.owed, 0)
  const preview = (amount: number | undefined) => {
    if (contributions.data === undefined) return null
    if (amount === undefined) {
      return <Text>{t('payments.owesInAll', { amount: money(owed, fund), cycles: open.length })}</Text>
    }
    const shares = allocate([{ amount, cycleId: null }], open)
    return (
      <div role="status">
        <Text>{t('payments.wouldPay')}</Text>
        <Stack component="ul" gap={4} m={0} pl="lg">
          {shares.map((share) => {
            const paid = open.find(({ cycleId }) => cycleId === share.cycleId)
            return (
              <li key={share.cycleId}>
                {paid
                  ? t(share.amount < paid.owed ? 'payments.wouldPayPart' : 'payments.wouldPayAll', {
                      amount: money(share.amount, fund),
                      owed: money(paid.owed, fund),
                      cycle: paid.cycleCode,
                      due: date(paid.dueDate),
                    })
                  : t('payments.wouldKeep', { amount: money(share.amount, fund) })}
              </li>
            )
          })}
        </Stack>
      </div>
    )
  }
  return (
    <PaymentForm
      id={`member ${memberId}`}
      fund={fund}
      purposeOf={() => ({ memberId })}
      payer={fullName}
      onDone={onDone}
      onCancel={onCancel}
    >
      {preview}
    </PaymentForm>
  )
}
