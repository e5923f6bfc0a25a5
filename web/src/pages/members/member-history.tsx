import { Paper, Title } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { ContributionOfMember, Delivery } from '../../api.ts'
import { date, instant, money } from '../../format.ts'
import { CycleLink } from '../../parts/cycle-link.tsx'
import { DataTable } from '../../parts/data-table.tsx'
import { List, useList } from '../../parts/list.tsx'
import { Chip } from '../../parts/status-chip.tsx'
import { WaiverButton } from '../../parts/waiver.tsx'
import { useFund, useMay } from '../../session.ts'
import { deliveryLooks } from '../deliveries.tsx'

/** The member's contributions, and what was paid. */
export function MemberContributions({ memberId }: { memberId: string }) {
  const { t } = useTranslation()
  const may = useMay()
  const list = useList<ContributionOfMember>(`/api/members/${memberId}/contributions`)
  return (
    <Paper withBorder p="md">
      <Title order={3} size="h4" mb="xs">
        {t('cycles.contributions')}
      </Title>
      <List of={list} empty={t('members.noContributions')}>
        {(items) => (
          <DataTable
            rows={items}
            keyOf={({ contributionId }) => contributionId}
            columns={[
              {
                name: t('members.cycle'),
                as: 'code',
                show: ({ cycleId, cycleCode }) => <CycleLink cycleId={cycleId}>{cycleCode}</CycleLink>,
              },
              { name: t('cycles.deceased'), show: ({ deceasedFullName }) => deceasedFullName },
              {
                name: t('cycles.owes'),
                as: 'number',
                show: (one) => money(one.contributionAmount, one),
              },
              {
                name: t('cycles.paid'),
                as: 'number',
                show: (one) => money(one.paidAmount, one),
              },
              {
                name: t('shell.status'),
                show: ({ contributionStatus }) => t(`cycles.contributionStatus.${contributionStatus}`),
              },
              { name: t('cycles.deadline'), as: 'code', show: ({ dueDate }) => date(dueDate) },
              may('contributions.waive') && {
                name: t('fund.actions'),
                show: (one) =>
                  one.cycleStatus === 'Active' && <WaiverButton contribution={{ ...one, memberId }} />,
              },
            ]}
          />
        )}
      </List>
    </Paper>
  )
}

/** The letters to the member, and their state. */
export function MemberLetters({ memberId }: { memberId: string }) {
  const { t } = useTranslation()
  const timeZone = useFund()?.timeZone ?? 'UTC'
  const list = useList<Delivery>('/api/deliveries', { recipientId: memberId })
  return (
    <Paper withBorder p="md">
      <Title order={3} size="h4" mb="xs">
        {t('notices.letters')}
      </Title>
      <List of={list} empty={t('notices.noLetters')}>
        {(items) => (
          <DataTable
            rows={items}
            keyOf={({ deliveryId }) => deliveryId}
            columns={[
              {
                name: t('members.cycle'),
                as: 'code',
                show: ({ cycleId, cycleCode }) => <CycleLink cycleId={cycleId}>{cycleCode}</CycleLink>,
              },
              { name: t('notices.how'), show: ({ channel }) => t(`notices.channel.${channel}`) },
              { name: t('notices.address'), show: ({ address }) => address },
              {
                name: t('shell.status'),
                show: ({ deliveryStatus }) => (
                  <Chip {...deliveryLooks[deliveryStatus]}>{t(`notices.status.${deliveryStatus}`)}</Chip>
                ),
              },
              { name: t('shell.at'), show: ({ updatedAt }) => instant(updatedAt, timeZone) },
              { name: t('notices.error'), show: ({ error }) => error },
            ]}
          />
        )}
      </List>
    </Paper>
  )
}
