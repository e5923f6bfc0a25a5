import { Button, Group, Stack, Text, Title } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { PaymentDetail, Transfer } from '../../api.ts'
import { date, instant, money } from '../../format.ts'
import { Facts } from '../../parts/facts.tsx'
import { PaymentLink, usePayer } from '../../parts/payments.tsx'
import { Loaded } from '../../parts/states.tsx'
import { useFund } from '../../session.ts'
import { usePayment } from './payment-page.tsx'

/** What is printed and given to who has paid. */
export function ReceiptPage() {
  const { t } = useTranslation()
  return (
    <Loaded of={usePayment()}>
      {(payment) => (
        <Stack>
          <Group className="no-print">
            <PaymentLink paymentId={payment.paymentId}>{t('payments.toPayment')}</PaymentLink>
            <Button onClick={() => window.print()}>{t('notices.print')}</Button>
          </Group>
          <Receipt payment={payment} />
        </Stack>
      )}
    </Loaded>
  )
}

function Receipt({ payment }: { payment: PaymentDetail }) {
  const { t } = useTranslation()
  const fund = useFund()
  const payer = usePayer()
  if (!fund) return null
  const { paymentId, paymentStatus, transfers } = payment
  const amount = (minor: number) => money(minor, fund)
  const paidFor = transfers.filter(({ reverses }) => reverses === null)
  const purpose = ({ transferCode, cycleCode: cycle, memberCode: member }: Transfer) =>
    t(`payments.purpose.${transferCode}`, { cycle, member })
  return (
    <Stack className="receipt" gap="sm">
      <div>
        <Text c="dimmed">{fund.name}</Text>
        <Title order={2}>{t('payments.receiptNumber', { payment: paymentId })}</Title>
      </div>
      {paymentStatus !== 'Posted' && (
        <Text className="void" role="status">
          {t('payments.status.Reversed')}
        </Text>
      )}
      <Text size="xl" fw={700}>
        {amount(payment.amount)}
      </Text>
      <Facts
        rows={[
          [t('payments.payer'), payer(payment)],
          [t('payments.receivedOn'), date(payment.receivedOn)],
          [t('payments.source'), `${payment.sourceCode} · ${t(`payments.method.${payment.paymentMethod}`)}`],
          [t('payments.reference'), payment.reference],
        ]}
      />
      <Title order={3} size="h4">
        {t('payments.whatFor')}
      </Title>
      <table className="table">
        <tbody>
          {paidFor.map((transfer) => (
            <tr key={transfer.transferId}>
              <th scope="row">{purpose(transfer)}</th>
              <td className="numbers">{amount(transfer.amount)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {payment.reversedAt !== null && (
        <Text>
          {t('payments.reversedOn', {
            when: instant(payment.reversedAt, fund.timeZone),
            reason: payment.reversalReason ?? t('payments.takenBackAtOnce'),
          })}
        </Text>
      )}
      <Text size="sm" c="dimmed">
        {t('payments.recordedByAt', {
          who: payment.recordedBy,
          when: instant(payment.recordedAt, fund.timeZone),
        })}
      </Text>
      <Group mt="xl" gap="xl">
        <Text>
          {t('payments.signature')} <span className="line" />
        </Text>
      </Group>
    </Stack>
  )
}
