import { Button, Group, Select, Stack, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Payment } from '../../api.ts'
import { date, money } from '../../format.ts'
import { DataTable } from '../../parts/data-table.tsx'
import { List, useList } from '../../parts/list.tsx'
import { useSources } from '../../parts/payment-form.tsx'
import { MemberLink, PaymentChip, PaymentLink, usePayer } from '../../parts/payments.tsx'
import { useFund, useMay } from '../../session.ts'

const statuses = ['Posted', 'Voided', 'Reversed'] as const

export function PaymentsPage() {
  const { t } = useTranslation()
  const may = useMay()
  const sources = useSources() ?? []
  const [sourceId, setSourceId] = useState<string | null>(null)
  const [status, setStatus] = useState<string | null>(null)
  const [reference, setReference] = useState('')
  const [asked] = useDebouncedValue(reference.trim(), 400)
  const list = useList<Payment>('/api/payments', {
    ...(sourceId !== null && { sourceId }),
    ...(status !== null && { status }),
    ...(asked !== '' && { reference: asked }),
  })
  const isFiltered = sourceId !== null || status !== null || asked !== ''
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={2}>{t('payments.title')}</Title>
        {may('payments.record') && (
          <Button component={Link} to="/payments/record">
            {t('payments.record')}
          </Button>
        )}
      </Group>
      <Group align="flex-end">
        <Select
          label={t('payments.source')}
          placeholder={t('shell.all')}
          clearable
          data={sources.map(({ sourceId: value, sourceCode: label }) => ({ value, label }))}
          value={sourceId}
          onChange={setSourceId}
        />
        <Select
          label={t('shell.status')}
          placeholder={t('shell.all')}
          clearable
          data={statuses.map((value) => ({ value, label: t(`payments.status.${value}`) }))}
          value={status}
          onChange={setStatus}
        />
        <TextInput
          label={t('payments.reference')}
          placeholder={t('payments.wholeReference')}
          maxLength={100}
          spellCheck={false}
          value={reference}
          onChange={(event) => setReference(event.currentTarget.value)}
        />
      </Group>
      <List of={list} empty={t(isFiltered ? 'payments.noMatch' : 'payments.empty')}>
        {(items) => <PaymentTable payments={items} />}
      </List>
    </Stack>
  )
}

/** Payments under each other, each with the way to its page. */
export function PaymentTable({ payments }: { payments: readonly Payment[] }) {
  const { t } = useTranslation()
  const fund = useFund()
  const payer = usePayer()
  return (
    <DataTable
      rows={payments}
      keyOf={({ paymentId }) => paymentId}
      columns={[
        {
          name: t('payments.payment'),
          as: 'code',
          show: ({ paymentId }) => <PaymentLink paymentId={paymentId}>{String(paymentId)}</PaymentLink>,
        },
        { name: t('payments.receivedOn'), as: 'code', show: ({ receivedOn }) => date(receivedOn) },
        {
          name: t('payments.payer'),
          show: (payment) =>
            payment.payerMemberId === null ? (
              payer(payment)
            ) : (
              <>
                <MemberLink memberId={payment.payerMemberId}>{payment.payerFullName}</MemberLink>
                <Text size="xs" c="dimmed" className="code">
                  {payment.payerMemberCode}
                </Text>
              </>
            ),
        },
        {
          name: t('payments.amount'),
          as: 'number',
          show: ({ amount }) => (fund ? money(amount, fund) : amount),
        },
        {
          name: t('payments.source'),
          show: ({ sourceCode, reference }) => (
            <>
              <Text inherit>{sourceCode}</Text>
              <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
                {reference}
              </Text>
            </>
          ),
        },
        {
          name: t('shell.status'),
          show: ({ paymentStatus }) => <PaymentChip status={paymentStatus} />,
        },
        { name: t('payments.recordedBy'), show: ({ recordedBy }) => recordedBy },
      ]}
    />
  )
}
