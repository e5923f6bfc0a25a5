import { Button, Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { ask, type Balance } from '../api.ts'
import { money } from '../format.ts'
import { DataTable } from '../parts/data-table.tsx'
import { Empty, Loaded } from '../parts/states.tsx'
import { useFund } from '../session.ts'

export function LedgerPage() {
  const { t } = useTranslation()
  const balances = useQuery({
    queryKey: ['/api/ledger/balances'],
    queryFn: () => ask<{ items: Balance[] }>('GET', '/api/ledger/balances'),
  })
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={2}>{t('payments.ledgerTitle')}</Title>
        <Button component="a" href="/api/ledger/journal" download variant="default">
          {t('payments.journal')}
        </Button>
      </Group>
      <Text c="dimmed">{t('payments.ledgerSays')}</Text>
      <Loaded of={balances}>{({ items }) => <Balances items={items} />}</Loaded>
    </Stack>
  )
}

function Balances({ items }: { items: readonly Balance[] }) {
  const { t } = useTranslation()
  const fund = useFund()
  if (items.length === 0) return <Empty>{t('payments.ledgerEmpty')}</Empty>
  const amount = (minor: number) => (fund ? money(minor, fund) : minor)
  const sum = (of: 'debit' | 'credit' | 'balance') => items.reduce((former, one) => former + one[of], 0)
  return (
    <>
      <DataTable
        rows={items}
        keyOf={({ account, ownerCode }) => `${account} ${ownerCode}`}
        columns={[
          { name: t('payments.account'), show: ({ account }) => t(`payments.accounts.${account}`) },
          {
            name: t('payments.ownerOfAccount'),
            as: 'code',
            show: ({ account, ownerCode }) => (account === 'Wallet' ? t('shell.all') : ownerCode),
          },
          { name: t('payments.debit'), as: 'number', show: ({ debit }) => amount(debit) },
          { name: t('payments.credit'), as: 'number', show: ({ credit }) => amount(credit) },
          { name: t('payments.balance'), as: 'number', show: ({ balance }) => amount(balance) },
        ]}
      />
      <Text fw={600}>
        {t('payments.totals', {
          debit: amount(sum('debit')),
          credit: amount(sum('credit')),
          balance: amount(sum('balance')),
        })}
      </Text>
    </>
  )
}
