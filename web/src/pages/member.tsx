import { Anchor, Button, Group, Modal, Paper, Stack, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type ContributionOfMember, type Delivery, type MemberWithStandings } from '../api.ts'
import { date, instant, money } from '../format.ts'
import { CycleLink } from '../parts/cycle-link.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { Facts } from '../parts/facts.tsx'
import { List, useList } from '../parts/list.tsx'
import { Preferences } from '../parts/preferences.tsx'
import { Empty, Shown } from '../parts/states.tsx'
import { Chip } from '../parts/status-chip.tsx'
import { WaiverButton } from '../parts/waiver.tsx'
import { useFund, useMay } from '../session.ts'
import { deliveryLooks } from './deliveries.tsx'
import { Erasure } from './erasure.tsx'
import { MemberMoney } from './member-money.tsx'
import { MemberChip, MemberForm } from './members.tsx'

export function MemberPage() {
  const { t } = useTranslation()
  const { memberId = '' } = useParams({ strict: false }) as { memberId?: string }
  const path = `/api/members/${encodeURIComponent(memberId)}`
  const member = useQuery({
    queryKey: [path],
    queryFn: () => ask<MemberWithStandings>('GET', path),
  })
  return (
    <Stack>
      <Anchor component={Link} to="/members">
        {t('members.toMembers')}
      </Anchor>
      <Shown of={member}>{(shown) => <Register member={shown} />}</Shown>
    </Stack>
  )
}

function Register({ member }: { member: MemberWithStandings }) {
  const { t } = useTranslation()
  const may = useMay()
  const fund = useFund()
  const [isChanging, changing] = useDisclosure()
  const timeZone = fund?.timeZone ?? 'UTC'
  const none = (
    <Text inherit c="dimmed">
      {t('shell.none')}
    </Text>
  )
  const facts: [string, ReactNode][] = [
    [t('shell.status'), <MemberChip key="status" status={member.memberStatus} />],
    [t('members.tier'), member.tierCode],
    [t('members.agent'), member.agentCode ?? none],
    [t('members.joinedOn'), date(member.joinedOn)],
    [t('shell.phone'), member.phone ?? none],
    [t('shell.email'), member.email ?? none],
    ...(member.walletId === null ? [] : [[t('members.wallet'), member.walletId] as [string, ReactNode]]),
    [t('members.changedAt'), instant(member.updatedAt, timeZone)],
    ...(member.erasedAt === null
      ? []
      : [[t('members.erasedAt'), instant(member.erasedAt, timeZone)] as [string, ReactNode]]),
  ]
  return (
    <>
      <Group justify="space-between" align="flex-start">
        <div>
          <Title order={2}>{member.fullName}</Title>
          <Text c="dimmed" className="code">
            {member.memberCode}
          </Text>
        </div>
        {may('members.change') && member.erasedAt === null && (
          <Button onClick={changing.open}>{t('members.change')}</Button>
        )}
      </Group>
      <Paper withBorder p="md">
        <Title order={3} size="h4" mb="xs">
          {t('members.facts')}
        </Title>
        <Facts rows={facts} />
      </Paper>
      <Paper withBorder p="md">
        <Title order={3} size="h4">
          {t('members.standings')}
        </Title>
        <Text c="dimmed" size="sm" mb="xs">
          {t('members.standingsSay')}
        </Text>
        {member.standings.length === 0 ? (
          <Empty>{t('members.noStandings')}</Empty>
        ) : (
          <DataTable
            rows={member.standings}
            keyOf={({ validFrom }) => validFrom}
            columns={[
              { name: t('members.tier'), as: 'code', show: ({ tierCode }) => tierCode },
              {
                name: t('members.from'),
                show: ({ validFrom }) => instant(validFrom, timeZone),
              },
              {
                name: t('members.until'),
                show: ({ validTo }) =>
                  validTo === 'infinity' ? t('members.lasting') : instant(validTo, timeZone),
              },
            ]}
          />
        )}
      </Paper>
      {may('contributions.read') && <Contributions memberId={member.memberId} />}
      {may('payments.read') && <MemberMoney member={member} />}
      <Paper withBorder p="md">
        <Title order={3} size="h4" mb="xs">
          {t('notices.preferencesOf')}
        </Title>
        <Preferences
          path={`/api/members/${member.memberId}/notice-preferences`}
          readOnly={!may('members.change')}
        />
      </Paper>
      {may('deliveries.read') && <Letters memberId={member.memberId} />}
      {may('members.erase') && member.erasedAt === null && <Erasure member={member} />}
      <Modal
        opened={isChanging}
        onClose={changing.close}
        title={t('members.changeMember', { code: member.memberCode })}
      >
        <MemberForm member={member} onDone={changing.close} />
      </Modal>
    </>
  )
}

/** What she was asked for, and what came of it. */
function Contributions({ memberId }: { memberId: string }) {
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

/** What was written to her, and how it fared. */
function Letters({ memberId }: { memberId: string }) {
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
