import { Button, Group, Progress, SegmentedControl, Stack, Text, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Cycle } from '../api.ts'
import { date, money, number } from '../format.ts'
import { CycleLink } from '../parts/cycle-link.tsx'
import { DataTable } from '../parts/data-table.tsx'
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
          <DataTable
            rows={items}
            keyOf={({ cycleId }) => cycleId}
            columns={[
              {
                name: t('shell.code'),
                as: 'code',
                show: ({ cycleId, cycleCode }) => <CycleLink cycleId={cycleId}>{cycleCode}</CycleLink>,
              },
              { name: t('shell.status'), show: (cycle) => <StatusChip status={shownStatus(cycle)} /> },
              {
                name: t('cycles.deceased'),
                show: (cycle) => (
                  <>
                    <Text inherit>{cycle.deceasedFullName}</Text>
                    <Text size="xs" c="dimmed" className="code">
                      {cycle.deceasedMemberCode} · {cycle.tierCode}
                    </Text>
                  </>
                ),
              },
              {
                name: t('cycles.members'),
                as: 'number',
                show: (cycle) =>
                  cycle.cycleStatus === 'Initializing' ? (
                    <Progress value={cycle.jobProgress} miw={80} aria-label={t('cycles.progress')} />
                  ) : (
                    number(cycle.totalMembers)
                  ),
              },
              {
                name: t('cycles.collected'),
                as: 'code',
                show: (cycle) =>
                  t('cycles.ofTarget', {
                    collected: money(cycle.collectedAmount, cycle),
                    target: money(cycle.targetAmount, cycle),
                  }),
              },
              { name: t('cycles.deadline'), as: 'code', show: ({ deadline }) => date(deadline) },
            ]}
          />
        )}
      </List>
    </Stack>
  )
}
