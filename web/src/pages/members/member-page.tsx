import { Anchor, Button, Group, Modal, Paper, Stack, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type MemberWithStandings } from '../../api.ts'
import { date, instant } from '../../format.ts'
import { DataTable } from '../../parts/data-table.tsx'
import { Facts } from '../../parts/facts.tsx'
import { Preferences } from '../../parts/preferences.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { useFund, useMay } from '../../session.ts'
import { EraseMember } from './erase-member.tsx'
import { MemberChip } from './member-chip.tsx'
import { MemberForm } from './member-form.tsx'
import { MemberContributions, MemberLetters } from './member-history.tsx'
import { MemberMoney } from './member-money.tsx'

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
      <Loaded of={member}>{(shown) => <MemberDetails member={shown} />}</Loaded>
    </Stack>
  )
}

function MemberDetails({ member }: { member: MemberWithStandings }) {
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
      {may('contributions.read') && <MemberContributions memberId={member.memberId} />}
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
      {may('deliveries.read') && <MemberLetters memberId={member.memberId} />}
      {may('members.erase') && member.erasedAt === null && <EraseMember member={member} />}
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
