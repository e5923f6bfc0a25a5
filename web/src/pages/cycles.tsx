import { Anchor, Button, Group, Progress, SegmentedControl, Stack, Table, Text, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Cycle } from '../api.ts'
import { date, money, number } from '../format.ts'
import { List, useList } from '../parts/list.tsx'
import { StatusChip, shownStatus } from '../parts/status-chip.tsx'
import { useMay } from '../session.ts'

const filters = ['', 'Initializing', 'Active', 'Failed'] as const

export function CyclesPage() {
  const { t } = useTranslation()
  const may = useMay()
  const seesAll = may('cycles.watch')
  const [status, setStatus] = useState<string>('')
  const list = useList<Cycle>(
    '/api/contribution-cycles',
    { status: status || undefined } as Record<string, string>,
    {
      refetchInterval: 5_000,
    },
  )
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={2}>{t('cycles.title')}</Title>
        {may('cycles.start') && (
          <Button component={Link} to="/cycles/start">
            {t('cycles.start')}
          </Button>
        )}
      </Group>
      {seesAll && (
        <SegmentedControl
          aria-label={t('shell.status')}
          value={status}
          onChange={setStatus}
          data={filters.map((one) => ({
            value: one,
            label: one ? t(`cycles.status.${one}`) : t('shell.all'),
          }))}
        />
      )}
      <List of={list} empty={t('cycles.empty')}>
        {(items) => (
          <div className="scroll">
            <Table highlightOnHover verticalSpacing="sm">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t('shell.code')}</Table.Th>
                  <Table.Th>{t('shell.status')}</Table.Th>
                  <Table.Th>{t('cycles.deceased')}</Table.Th>
                  <Table.Th className="numbers">{t('cycles.members')}</Table.Th>
                  <Table.Th>{t('cycles.collected')}</Table.Th>
                  <Table.Th>{t('cycles.deadline')}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {items.map((cycle) => (
                  <Row key={cycle.cycleId} cycle={cycle} />
                ))}
              </Table.Tbody>
            </Table>
          </div>
        )}
      </List>
    </Stack>
  )
}

function Row({ cycle }: { cycle: Cycle }) {
  const { t } = useTranslation()
  const isBeingCreated = cycle.cycleStatus === 'Initializing'
  return (
    <Table.Tr>
      <Table.Td>
        <Anchor
          className="code"
          renderRoot={(props) => (
            <Link {...props} to="/cycles/$cycleId" params={{ cycleId: cycle.cycleId }} />
          )}
        >
          {cycle.cycleCode}
        </Anchor>
      </Table.Td>
      <Table.Td>
        <StatusChip status={shownStatus(cycle)} />
      </Table.Td>
      <Table.Td>
        <Text>{cycle.deceasedFullName}</Text>
        <Text size="xs" c="dimmed" className="code">
          {cycle.deceasedMemberCode} · {cycle.tierCode}
        </Text>
      </Table.Td>
      <Table.Td className="numbers">
        {isBeingCreated ? (
          <Progress value={cycle.jobProgress} miw={80} aria-label={t('cycles.progress')} />
        ) : (
          number(cycle.totalMembers)
        )}
      </Table.Td>
      <Table.Td className="code">
        {t('cycles.ofTarget', {
          collected: money(cycle.collectedAmount, cycle.currency),
          target: money(cycle.targetAmount, cycle.currency),
        })}
      </Table.Td>
      <Table.Td className="code">{date(cycle.deadline)}</Table.Td>
    </Table.Tr>
  )
}
