import { Alert, Anchor, Button, Group, Modal, Paper, Stack, Text, Textarea, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import type { FormEvent, ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type PaymentDetail } from '../../api.ts'
import { date, instant, money } from '../../format.ts'
import { CycleLink } from '../../parts/cycle-link.tsx'
import { Facts } from '../../parts/facts.tsx'
import { FormEnd, fieldOf } from '../../parts/forms.tsx'
import { MemberLink, PaymentChip, PaymentLink, usePayer, useTransferSentence } from '../../parts/payments.tsx'
import { Loaded } from '../../parts/states.tsx'
import { useFund, useMay } from '../../session.ts'

/** The payment that the address names. */
export function usePayment() {
  const { paymentId = '' } = useParams({ strict: false }) as { paymentId?: string }
  const path = `/api/payments/${encodeURIComponent(paymentId)}`
  return useQuery({ queryKey: [path], queryFn: () => ask<PaymentDetail>('GET', path) })
}

export function PaymentPage() {
  const { t } = useTranslation()
  return (
    <Stack>
      <Anchor component={Link} to="/payments">
        {t('payments.toPayments')}
      </Anchor>
      <Loaded of={usePayment()}>{(payment) => <PaymentInFull payment={payment} />}</Loaded>
    </Stack>
  )
}

function PaymentInFull({ payment }: { payment: PaymentDetail }) {
  const { t } = useTranslation()
  const may = useMay()
  const fund = useFund()
  const payer = usePayer()
  const sentence = useTransferSentence()
  const [opened, { open, close }] = useDisclosure()
  const timeZone = fund?.timeZone ?? 'UTC'
  const { paymentId, paymentStatus, payerMemberId, cycleId, transfers, alike } = payment
  const title = t('payments.paymentNumber', { payment: paymentId })
  const facts: [string, ReactNode][] = [
    [t('shell.status'), <PaymentChip key="status" status={paymentStatus} />],
    [t('payments.amount'), fund ? money(payment.amount, fund) : payment.amount],
    [
      t('payments.payer'),
      payerMemberId === null ? (
        payer(payment)
      ) : (
        <MemberLink key="payer" memberId={payerMemberId}>
          {payer(payment)}
        </MemberLink>
      ),
    ],
    [t('payments.receivedOn'), date(payment.receivedOn)],
    [t('payments.source'), `${payment.sourceCode} · ${t(`payments.method.${payment.paymentMethod}`)}`],
    [
      t('payments.reference'),
      <Text key="reference" inherit style={{ overflowWrap: 'anywhere' }}>
        {payment.reference}
      </Text>,
    ],
  ]
  if (cycleId !== null) {
    facts.push([
      t('payments.saidToBeFor'),
      <CycleLink key="cycle" cycleId={cycleId}>
        {payment.cycleCode}
      </CycleLink>,
    ])
  }
  if (payment.agentCode !== null) facts.push([t('payments.agent'), payment.agentCode])
  facts.push([
    t('payments.recordedBy'),
    t('payments.byAt', { who: payment.recordedBy, when: instant(payment.recordedAt, timeZone) }),
  ])
  if (payment.reversedAt !== null) {
    facts.push([
      t(`payments.status.${paymentStatus}`),
      t('payments.byAt', { who: payment.reversedBy, when: instant(payment.reversedAt, timeZone) }),
    ])
  }
  if (payment.reversalReason !== null) facts.push([t('payments.reason'), payment.reversalReason])
  return (
    <>
      <Group justify="space-between" align="flex-start">
        <Title order={2}>{title}</Title>
        <Group>
          <Button
            component={Link}
            to={`/payments/${paymentId}/receipt`}
            variant={paymentStatus === 'Posted' ? 'filled' : 'default'}
          >
            {t('payments.receipt')}
          </Button>
          {may('payments.reverse') && paymentStatus === 'Posted' && (
            <Button variant="outline" color="red" onClick={open}>
              {t('payments.reverse')}
            </Button>
          )}
        </Group>
      </Group>
      {alike.length > 0 && paymentStatus === 'Posted' && (
        <Alert color="orange" title={t('payments.alikeTitle')}>
          <Text>{t('payments.alikeSays')}</Text>
          <Group component="ul" m={0} p={0} style={{ listStyle: 'none' }}>
            {alike.map((other) => (
              <li key={other}>
                <PaymentLink paymentId={other}>{t('payments.paymentNumber', { payment: other })}</PaymentLink>
              </li>
            ))}
          </Group>
        </Alert>
      )}
      <Paper withBorder p="md">
        <Facts rows={facts} />
      </Paper>
      <Paper withBorder p="md">
        <Title order={3} size="h4" mb="xs">
          {t('payments.whereItWent')}
        </Title>
        <Stack component="ol" gap="xs" m={0} pl="lg">
          {transfers.map((transfer) => (
            <li key={transfer.transferId}>
              <Text>{sentence(transfer)}</Text>
              <Text size="sm" c="dimmed">
                {date(transfer.effectiveOn)} · {transfer.postedBy}
              </Text>
            </li>
          ))}
        </Stack>
      </Paper>
      <Modal opened={opened} onClose={close} title={t('payments.reversePayment', { payment: paymentId })}>
        <ReversalForm paymentId={paymentId} onDone={close} />
      </Modal>
    </>
  )
}

function ReversalForm({ paymentId, onDone }: { paymentId: number; onDone: () => void }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const reverse = useMutation({
    mutationFn: (reason: string) =>
      ask<PaymentDetail>('POST', `/api/payments/${paymentId}/reverse`, { reason }),
    onSuccess: async () => {
      notifications.show({ message: t('payments.reversed', { payment: paymentId }), color: 'green' })
      await queries.invalidateQueries()
      onDone()
    },
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    reverse.mutate(fieldOf(event.currentTarget, 'reason').trim())
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text>{t('payments.reverseSays')}</Text>
        <Textarea
          data-autofocus
          name="reason"
          label={t('payments.reason')}
          maxLength={200}
          autosize
          required
        />
        <FormEnd of={reverse} verb={t('payments.reverse')} isDangerous onCancel={onDone} />
      </Stack>
    </form>
  )
}
