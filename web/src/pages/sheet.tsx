import { Button, Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useParams, useSearch } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { type AgentShare, ask, type Contribution, type Cycle, withQuery } from '../api.ts'
import { date, money, number } from '../format.ts'
import { askAll } from '../parts/choices.ts'
import { CycleLink } from '../parts/cycle-link.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { Empty, Loaded } from '../parts/states.tsx'
import { useFund, useSession } from '../session.ts'

const cycles = '/api/contribution-cycles'

/** What one agent has to collect in a cycle, to be printed and taken along. */
export function SheetPage() {
  const { t } = useTranslation()
  const { cycleId = '' } = useParams({ strict: false }) as { cycleId?: string }
  const { agentId } = useSearch({ strict: false }) as { agentId?: string }
  const session = useSession()
  const isAgent = session.data?.role === 'agent'
  const path = `${cycles}/${cycleId}`
  const sheet = useQuery({
    queryKey: [cycles, cycleId, 'sheet', agentId],
    // Without an agent it would be everybody.
    enabled: isAgent || agentId !== undefined,
    queryFn: async () => {
      const [cycle, shares, contributions] = await Promise.all([
        ask<Cycle>('GET', path),
        ask<{ items: AgentShare[] }>('GET', `${path}/agents`),
        askAll<Contribution>(`${path}/contributions`, { agentId }),
      ])
      const share = isAgent ? shares.items[0] : shares.items.find((one) => one.agentId === agentId)
      return { cycle, share, contributions }
    },
  })
  return (
    <Stack>
      <Group className="no-print">
        <CycleLink cycleId={cycleId}>{t('notices.toCycle')}</CycleLink>
        <Button onClick={() => window.print()}>{t('notices.print')}</Button>
        <Button
          component="a"
          href={withQuery(`${path}/contributions.csv`, { agentId })}
          download
          variant="default"
        >
          {t('cycles.exportCsv')}
        </Button>
      </Group>
      {isAgent || agentId ? (
        <Loaded of={sheet}>{(shown) => <CollectionSheet {...shown} />}</Loaded>
      ) : (
        <Empty>{t('notices.chooseAgent')}</Empty>
      )}
    </Stack>
  )
}

function CollectionSheet({
  cycle,
  share,
  contributions,
}: {
  cycle: Cycle
  share: AgentShare | undefined
  contributions: readonly Contribution[]
}) {
  const { t } = useTranslation()
  const fund = useFund()
  const amount = (minor: number) => money(minor, cycle)
  return (
    <>
      <div>
        <Text c="dimmed">{fund?.name}</Text>
        <Title order={2}>{t('notices.sheet', { code: cycle.cycleCode })}</Title>
        <Text>
          {cycle.deceasedFullName} · {cycle.claimCode}
        </Text>
        <Text>{t('notices.payBy', { date: date(cycle.deadline) })}</Text>
      </div>
      {share && (
        <Text fw={600}>
          {share.agentCode} {share.fullName}:{' '}
          {t('notices.sum', {
            members: number(share.pendingMembers),
            amount: amount(share.expectedAmount - share.paidAmount),
          })}
        </Text>
      )}
      {contributions.length === 0 ? (
        <Empty>{t('notices.nobody')}</Empty>
      ) : (
        <DataTable
          rows={contributions}
          keyOf={({ memberId }) => memberId}
          columns={[
            { name: t('shell.code'), as: 'code', show: ({ memberCode }) => memberCode },
            { name: t('shell.name'), show: ({ fullName }) => fullName },
            {
              name: t('cycles.owes'),
              as: 'number',
              show: ({ contributionAmount }) => amount(contributionAmount),
            },
            {
              name: t('shell.status'),
              show: ({ contributionStatus }) => t(`cycles.contributionStatus.${contributionStatus}`),
            },
            { name: t('notices.received'), show: () => <span className="line" /> },
          ]}
        />
      )}
    </>
  )
}
