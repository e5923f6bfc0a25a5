import { Paper, SimpleGrid, Stack, Tabs, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { ask, type Cycle } from '../../api.ts'
import { date, money, number } from '../../format.ts'
import { Creation } from '../../parts/creation.tsx'
import { Empty, Loaded } from '../../parts/states.tsx'
import { useMay } from '../../session.ts'
import { AgentShares } from './agent-shares.tsx'
import { Collected } from './collected.tsx'
import { ContributionList } from './contribution-list.tsx'
import { CycleHistory } from './cycle-history.tsx'
import { Steering } from './steering.tsx'

const cycles = '/api/contribution-cycles'

export function CyclePage() {
  const { cycleId = '' } = useParams({ strict: false }) as { cycleId?: string }
  const cycle = useQuery({
    queryKey: [cycles, cycleId],
    queryFn: () => ask<Cycle>('GET', `${cycles}/${cycleId}`),
    // While it is created the stream says how far; this says what can be done with it.
    refetchInterval: ({ state }) => (state.data?.cycleStatus === 'Initializing' ? 2_000 : 15_000),
  })
  return <Loaded of={cycle}>{(shown) => <CycleDetail cycle={shown} />}</Loaded>
}

function CycleDetail({ cycle }: { cycle: Cycle }) {
  const { t } = useTranslation()
  const may = useMay()
  const isActivated = cycle.cycleStatus === 'Active' || cycle.cycleStatus === 'Completed'
  const counts = [
    [t('cycles.paid'), cycle.paidMembers],
    [t('cycles.pending'), cycle.pendingMembers],
    [t('cycles.failedCount'), cycle.failedMembers],
    [t('cycles.waived'), cycle.waivedMembers],
  ] as const
  return (
    <Stack>
      {may('cycles.watch') ? (
        <Creation cycle={cycle} title={`${cycle.deceasedFullName} · ${cycle.claimCode}`}>
          <Steering cycle={cycle} />
        </Creation>
      ) : (
        <Title order={2}>{`${cycle.cycleCode} · ${cycle.deceasedFullName}`}</Title>
      )}
      <SimpleGrid cols={{ base: 2, sm: 4 }}>
        {counts.map(([name, count]) => (
          <Paper key={name} withBorder p="md">
            <Text size="sm" c="dimmed">
              {name}
            </Text>
            <Text fw={700} size="xl">
              {isActivated ? number(count) : '–'}
            </Text>
          </Paper>
        ))}
      </SimpleGrid>
      <CycleFacts cycle={cycle} />
      {isActivated && <Collected cycle={cycle} />}
      <Tabs defaultValue="contributions" keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="contributions">{t('cycles.contributions')}</Tabs.Tab>
          <Tabs.Tab value="agents">{t('cycles.perAgent')}</Tabs.Tab>
          {may('cycles.watch') && <Tabs.Tab value="timeline">{t('cycles.timeline')}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="contributions" pt="md">
          {isActivated ? <ContributionList cycle={cycle} /> : <Empty>{t('cycles.notShown')}</Empty>}
        </Tabs.Panel>
        <Tabs.Panel value="agents" pt="md">
          {isActivated ? <AgentShares cycle={cycle} /> : <Empty>{t('cycles.notShown')}</Empty>}
        </Tabs.Panel>
        <Tabs.Panel value="timeline" pt="md">
          <CycleHistory cycle={cycle} />
        </Tabs.Panel>
      </Tabs>
    </Stack>
  )
}

function CycleFacts({ cycle }: { cycle: Cycle }) {
  const { t } = useTranslation()
  const facts = [
    [t('cycles.target'), money(cycle.targetAmount, cycle)],
    [t('cycles.each'), cycle.contributionAmount === null ? '–' : money(cycle.contributionAmount, cycle)],
    [t('cycles.deadline'), date(cycle.deadline)],
    [t('cycles.tier'), cycle.tierCode],
  ] as const
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <Text size="sm" c="dimmed">
            {name}
          </Text>
          <Text>{value}</Text>
        </div>
      ))}
    </SimpleGrid>
  )
}
