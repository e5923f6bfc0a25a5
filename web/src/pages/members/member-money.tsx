import { Button, Group, Modal, Paper, Select, Text, TextInput, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import {
  ask,
  type Fund,
  type MemberWithStandings,
  type Payment,
  type Refund,
  type Wallet,
} from '../../api.ts'
import { minorUnits, money, typed } from '../../format.ts'
import { List, useList } from '../../parts/list.tsx'
import { sourceChoices, useSources, usualSource } from '../../parts/payment-form.tsx'
import { PaymentOfMember } from '../../parts/payment-of-member.tsx'
import { Loaded } from '../../parts/states.tsx'
import { TwoPersons, useApproval } from '../../parts/two-persons.tsx'
import { useFund, useMay } from '../../session.ts'
import { PaymentTable } from '../payments/payments-page.tsx'

/** What the member has paid, and what of it is in the wallet. */
export function MemberMoney({ member }: { member: MemberWithStandings }) {
  const { t } = useTranslation()
  const may = useMay()
  const fund = useFund()
  const payments = useList<Payment>('/api/payments', { memberId: member.memberId })
  if (!fund) return null
  return (
    <>
      <WalletCard member={member} fund={fund} />
      <Paper withBorder p="md">
        <Group justify="space-between" mb="xs">
          <Title order={3} size="h4">
            {t('payments.title')}
          </Title>
          {may('payments.record') && member.erasedAt === null && <RecordButton member={member} fund={fund} />}
        </Group>
        <List of={payments} empty={t('payments.noneOfMember')}>
          {(items) => <PaymentTable payments={items} />}
        </List>
      </Paper>
    </>
  )
}

function RecordButton({ member, fund }: { member: MemberWithStandings; fund: Fund }) {
  const { t } = useTranslation()
  const [opened, { open, close }] = useDisclosure()
  return (
    <>
      <Button size="xs" onClick={open}>
        {t('payments.record')}
      </Button>
      <Modal
        opened={opened}
        onClose={close}
        size="lg"
        title={t('payments.recordOf', { name: member.fullName })}
      >
        <PaymentOfMember member={member} fund={fund} onDone={close} onCancel={close} />
      </Modal>
    </>
  )
}

function WalletCard({ member, fund }: { member: MemberWithStandings; fund: Fund }) {
  const { t } = useTranslation()
  const may = useMay()
  const path = `/api/members/${member.memberId}/wallet`
  const wallet = useQuery({ queryKey: [path], queryFn: () => ask<Wallet>('GET', path) })
  return (
    <Paper withBorder p="md">
      <Title order={3} size="h4">
        {t('payments.wallet')}
      </Title>
      <Text c="dimmed" size="sm">
        {t('payments.walletSays')}
      </Text>
      <Loaded of={wallet}>
        {({ balance }) => (
          <>
            <Text fw={700} size="xl" my="xs">
              {money(balance, fund)}
            </Text>
            {may('wallets.refund') && <RefundButtons member={member} balance={balance} fund={fund} />}
          </>
        )}
      </Loaded>
    </Paper>
  )
}

function RefundButtons({
  member: { memberId, fullName },
  balance,
  fund,
}: {
  member: MemberWithStandings
  balance: number
  fund: Fund
}) {
  const { t } = useTranslation()
  const sources = useSources() ?? []
  const [amountText, setAmountText] = useState<string>()
  const [chosen, setChosen] = useState<string | null>(null)
  const asked = useApproval('wallet-refund', memberId)
  const wanted = asked?.content as Refund | undefined
  if (asked === null && balance === 0) return null
  const shownText = amountText ?? typed(balance, fund)
  const amount = minorUnits(shownText, fund)
  const sourceCode = chosen ?? usualSource(sources)
  const says = wanted && {
    amount: money(wanted.amount, fund),
    source: wanted.sourceCode,
    name: fullName,
  }
  return (
    <>
      {says && <Text mb="xs">{t('payments.refundAsked', says)}</Text>}
      <TwoPersons
        path={`/api/members/${memberId}/wallet/refund`}
        asked={asked}
        texts={{
          title: t('payments.refundOf', { name: fullName }),
          request: t('payments.requestRefund'),
          approve: t('payments.refund'),
          approveSays: says ? t('payments.refundSays', says) : '',
        }}
        {...(wanted && { content: wanted })}
        fields={{
          content:
            amount === undefined || amount > balance || sourceCode === null
              ? undefined
              : { amount, sourceCode },
          shown: (
            <>
              <TextInput
                data-autofocus
                label={t('payments.amountIn', { currency: fund.currency })}
                required
                inputMode="decimal"
                autoComplete="off"
                value={shownText}
                error={
                  amount === undefined
                    ? t('payments.amountWrong', { currency: fund.currency })
                    : amount > balance && t('payments.walletHasLess', { balance: money(balance, fund) })
                }
                onChange={(event) => setAmountText(event.currentTarget.value)}
              />
              <Select
                label={t('payments.outOf')}
                required
                allowDeselect={false}
                data={sourceChoices(sources)}
                value={sourceCode}
                onChange={setChosen}
              />
            </>
          ),
        }}
      />
    </>
  )
}
