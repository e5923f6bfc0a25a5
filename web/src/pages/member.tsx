import { Anchor, Button, Group, Modal, Paper, Stack, Table, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type MemberWithStandings } from '../api.ts'
import { date, instant } from '../format.ts'
import { Empty, Shown } from '../parts/states.tsx'
import { useFund, useMay } from '../session.ts'
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
  // An agent is not told the fund's time zone, and reads the clock of the machine.
  const timeZone = fund?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone
  const none = <Text c="dimmed">{t('shell.none')}</Text>
  const facts: [string, ReactNode][] = [
    [t('shell.status'), <MemberChip key="status" status={member.memberStatus} />],
    [t('members.tier'), member.tierCode],
    [t('members.agent'), member.agentCode ?? none],
    [t('members.joinedOn'), date(member.joinedOn)],
    [t('shell.phone'), member.phone ?? none],
    [t('shell.email'), member.email ?? none],
    ...(member.walletId === null ? [] : [[t('members.wallet'), member.walletId] as [string, ReactNode]]),
    [t('members.changedAt'), instant(member.updatedAt, timeZone)],
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
        {may('members.change') && <Button onClick={changing.open}>{t('members.change')}</Button>}
      </Group>
      <Paper withBorder p="md">
        <Title order={3} size="h4" mb="xs">
          {t('members.facts')}
        </Title>
        <div className="scroll">
          <Table withRowBorders={false} variant="vertical">
            <Table.Tbody>
              {facts.map(([name, value]) => (
                <Table.Tr key={name}>
                  <Table.Th scope="row">{name}</Table.Th>
                  <Table.Td>{value}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
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
          <div className="scroll">
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t('members.tier')}</Table.Th>
                  <Table.Th>{t('members.from')}</Table.Th>
                  <Table.Th>{t('members.until')}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {member.standings.map(({ tierCode, validFrom, validTo }) => (
                  <Table.Tr key={validFrom}>
                    <Table.Td className="code">{tierCode}</Table.Td>
                    <Table.Td>{instant(validFrom, timeZone)}</Table.Td>
                    <Table.Td>
                      {validTo === 'infinity' ? t('members.lasting') : instant(validTo, timeZone)}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </div>
        )}
      </Paper>
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
