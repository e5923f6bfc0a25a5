import {
  Alert,
  Anchor,
  Button,
  Group,
  Modal,
  Paper,
  Select,
  SimpleGrid,
  Stack,
  Tabs,
  Text,
  TextInput,
  Timeline,
  Title,
} from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import {
  type AgentShare,
  ask,
  type Contribution,
  type Cycle,
  type FundEvent,
  type JobDetail,
  withQuery,
} from '../api.ts'
import { date, instant, money, number } from '../format.ts'
import { ChunkStrip } from '../parts/chunk-strip.tsx'
import { Creation } from '../parts/creation.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { ErrorInWords } from '../parts/error-in-words.tsx'
import { ErrorAlert } from '../parts/forms.tsx'
import { List, useList } from '../parts/list.tsx'
import { Empty, Loaded } from '../parts/states.tsx'
import { TwoPersons, useApproval } from '../parts/two-persons.tsx'
import { useMay } from '../session.ts'

const cycles = '/api/contribution-cycles'

export function CyclePage() {
  const { cycleId = '' } = useParams({ strict: false }) as { cycleId?: string }
  const cycle = useQuery({
    queryKey: [cycles, cycleId],
    queryFn: () => ask<Cycle>('GET', `${cycles}/${cycleId}`),
    // While it is created the stream says how far; this says what can be done with it.
    refetchInterval: ({ state }) => (state.data?.cycleStatus === 'Initializing' ? 2_000 : 15_000),
  })
  return <Loaded of={cycle}>{(shown) => <CycleDetails cycle={shown} />}</Loaded>
}

function CycleDetails({ cycle }: { cycle: Cycle }) {
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
          <CycleActions cycle={cycle} />
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
      <Tabs defaultValue="contributions" keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="contributions">{t('cycles.contributions')}</Tabs.Tab>
          <Tabs.Tab value="agents">{t('cycles.perAgent')}</Tabs.Tab>
          {may('cycles.watch') && <Tabs.Tab value="timeline">{t('cycles.timeline')}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="contributions" pt="md">
          {isActivated ? <Contributions cycle={cycle} /> : <Empty>{t('cycles.notShown')}</Empty>}
        </Tabs.Panel>
        <Tabs.Panel value="agents" pt="md">
          {isActivated ? <ContributionsByAgent cycle={cycle} /> : <Empty>{t('cycles.notShown')}</Empty>}
        </Tabs.Panel>
        <Tabs.Panel value="timeline" pt="md">
          <CycleTimeline cycle={cycle} />
        </Tabs.Panel>
      </Tabs>
    </Stack>
  )
}

function CycleFacts({ cycle }: { cycle: Cycle }) {
  const { t } = useTranslation()
  const facts = [
    [
      t('cycles.collected'),
      t('cycles.ofTarget', {
        collected: money(cycle.collectedAmount, cycle),
        target: money(cycle.targetAmount, cycle),
      }),
    ],
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

const verbs = ['pause', 'resume', 'retry', 'cancel'] as const
type Verb = (typeof verbs)[number]

/** What the state of the cycle lets be done with it. */
function possible(cycle: Cycle): Verb[] {
  if (cycle.cycleStatus === 'Failed') return ['retry', 'cancel']
  if (cycle.cycleStatus !== 'Initializing') return []
  return cycle.jobStatus === 'Paused' ? ['resume', 'cancel'] : ['pause', 'cancel']
}

/** For a day, while nothing is paid; the server says the last word. */
function isRevocable({ cycleStatus, activatedAt, collectedAmount }: Cycle): boolean {
  return (
    cycleStatus === 'Active' &&
    collectedAmount === 0 &&
    Date.now() - Date.parse(activatedAt ?? '') < 24 * 3_600_000
  )
}

function RevokeCycle({ cycle: { cycleId, cycleCode } }: { cycle: Cycle }) {
  const { t } = useTranslation()
  return (
    <TwoPersons
      path={`${cycles}/${cycleId}/revocation`}
      asked={useApproval('revoke-cycle', cycleId)}
      texts={{
        title: t('cycles.revokeCycle', { code: cycleCode }),
        request: t('cycles.revoke'),
        approve: t('cycles.revoke'),
        approveSays: t('cycles.revokeSays'),
      }}
    />
  )
}

function CycleActions({ cycle }: { cycle: Cycle }) {
  const { t } = useTranslation()
  const may = useMay()
  const queries = useQueryClient()
  const [asked, setAsked] = useState<Verb>()
  const steer = useMutation({
    mutationFn: (verb: Verb) => ask<Cycle>('POST', `${cycles}/${cycle.cycleId}/${verb}`),
    onSuccess: (changed) => {
      queries.setQueryData([cycles, cycle.cycleId], changed)
      void queries.invalidateQueries({ queryKey: [cycles] })
      setAsked(undefined)
    },
  })
  const offered = may('cycles.steer') ? possible(cycle) : []
  const close = () => {
    setAsked(undefined)
    steer.reset()
  }
  return (
    <Group>
      {offered.map((verb) => (
        <Button
          key={verb}
          variant={verb === 'cancel' ? 'outline' : 'light'}
          color={verb === 'cancel' ? 'red' : 'blue'}
          onClick={() => setAsked(verb)}
        >
          {t(`cycles.${verb}`)}
        </Button>
      ))}
      {isRevocable(cycle) && may('cycles.start') && <RevokeCycle cycle={cycle} />}
      <Modal opened={asked !== undefined} onClose={close} title={asked && t(`cycles.${asked}`)}>
        <Stack>
          <Text>{asked && t(`cycles.${asked}Says`)}</Text>
          <ErrorAlert error={steer.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {t('cycles.keep')}
            </Button>
            <Button
              color={asked === 'cancel' ? 'red' : 'blue'}
              loading={steer.isPending}
              onClick={() => asked && steer.mutate(asked)}
            >
              {asked && t(`cycles.${asked}`)}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </Group>
  )
}

const statuses = ['Pending', 'Paid', 'Failed', 'Waived'] as const

function Contributions({ cycle }: { cycle: Cycle }) {
  const { t } = useTranslation()
  const [status, setStatus] = useState<string | null>(null)
  const [q, setQ] = useState('')
  const [searched] = useDebouncedValue(q.trim(), 300)
  const path = `${cycles}/${cycle.cycleId}/contributions`
  const filter = { ...(status !== null && { status }), ...(searched !== '' && { q: searched }) }
  const list = useList<Contribution>(path, filter)
  return (
    <Stack>
      <Group align="flex-end">
        <TextInput
          label={t('shell.search')}
          placeholder={t('cycles.searchHint')}
          value={q}
          maxLength={100}
          onChange={(event) => setQ(event.currentTarget.value)}
        />
        <Select
          label={t('shell.status')}
          placeholder={t('shell.all')}
          clearable
          value={status}
          onChange={setStatus}
          data={statuses.map((one) => ({ value: one, label: t(`cycles.contributionStatus.${one}`) }))}
        />
        <Button component="a" href={withQuery(`${path}.csv`, filter)} download variant="default">
          {t('cycles.exportCsv')}
        </Button>
      </Group>
      <List of={list} empty={t('cycles.noMatch')}>
        {(items) => (
          <DataTable
            rows={items}
            keyOf={(one) => one.memberId}
            columns={[
              { name: t('shell.code'), as: 'code', show: (one) => one.memberCode },
              { name: t('shell.name'), show: (one) => one.fullName },
              { name: t('cycles.agent'), as: 'code', show: (one) => one.agentCode ?? '–' },
              {
                name: t('cycles.owes'),
                as: 'number',
                show: (one) => money(one.contributionAmount, cycle),
              },
              {
                name: t('shell.status'),
                show: (one) => t(`cycles.contributionStatus.${one.contributionStatus}`),
              },
            ]}
          />
        )}
      </List>
    </Stack>
  )
}

function ContributionsByAgent({ cycle }: { cycle: Cycle }) {
  const { t } = useTranslation()
  const shares = useQuery({
    queryKey: [cycles, cycle.cycleId, 'agents'],
    queryFn: () => ask<{ items: AgentShare[] }>('GET', `${cycles}/${cycle.cycleId}/agents`),
  })
  return (
    <Loaded of={shares}>
      {({ items }) => (
        <DataTable
          rows={items}
          keyOf={(share) => share.agentId ?? ''}
          columns={[
            { name: t('cycles.agent'), as: 'code', show: (share) => share.agentCode ?? '–' },
            { name: t('shell.name'), show: (share) => share.fullName ?? t('shell.none') },
            { name: t('cycles.members'), as: 'number', show: (share) => number(share.members) },
            {
              name: t('cycles.toCollect'),
              as: 'number',
              show: (share) => money(share.expectedAmount, cycle),
            },
            {
              name: t('cycles.collected'),
              as: 'number',
              show: (share) => money(share.paidAmount, cycle),
            },
            {
              name: t('notices.toSheet'),
              show: ({ agentId, fullName }) =>
                agentId !== null && (
                  <Anchor
                    aria-label={t('notices.sheetOf', { name: fullName })}
                    renderRoot={(props) => (
                      <Link
                        {...props}
                        to="/cycles/$cycleId/sheet"
                        params={{ cycleId: cycle.cycleId }}
                        search={{ agentId }}
                      />
                    )}
                  >
                    {t('notices.toSheet')}
                  </Anchor>
                ),
            },
          ]}
        />
      )}
    </Loaded>
  )
}

/** Who did what when, and the parts of the creation with what went wrong in them. */
function CycleTimeline({ cycle }: { cycle: Cycle }) {
  const { t } = useTranslation()
  const may = useMay()
  const list = useList<FundEvent>(`${cycles}/${cycle.cycleId}/events`, {}, { refetchInterval: 5_000 })
  const job = useQuery({
    queryKey: ['/api/jobs', cycle.jobId],
    enabled: cycle.jobId !== null && may('jobs.read'),
    refetchInterval: cycle.cycleStatus === 'Initializing' ? 2_000 : false,
    queryFn: () => ask<JobDetail>('GET', `/api/jobs/${cycle.jobId}`),
  })
  return (
    <Stack>
      {job.data && <ChunkStrip job={job.data} />}
      {job.data?.errors.map((trouble) => (
        <Alert key={trouble.chunkNo} color="orange">
          <Text fw={600}>{t('cycles.attempt', { part: trouble.chunkNo, attempts: trouble.attempts })}</Text>
          <ErrorInWords error={trouble.error} />
        </Alert>
      ))}
      <List of={list}>
        {(events) => (
          <Timeline active={events.length} bulletSize={14}>
            {events.map((event) => (
              <Timeline.Item
                key={event.eventId}
                title={t(`cycles.event.${event.eventName}` as 'cycles.title', { actor: event.actor })}
              >
                <Text size="sm" c="dimmed">
                  {instant(event.at, cycle.timeZone)}
                </Text>
                {typeof event.payload.reason === 'string' && <Text size="sm">{event.payload.reason}</Text>}
              </Timeline.Item>
            ))}
          </Timeline>
        )}
      </List>
    </Stack>
  )
}
