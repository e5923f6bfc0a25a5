import { Alert, Stack, Text, Timeline } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { ask, type Cycle, type FundEvent, type JobDetail } from '../../api.ts'
import { instant } from '../../format.ts'
import { ChunkStrip } from '../../parts/chunk-strip.tsx'
import { ErrorInWords } from '../../parts/error-in-words.tsx'
import { List, useList } from '../../parts/list.tsx'
import { useMay } from '../../session.ts'

const cycles = '/api/contribution-cycles'

/** Who did what when, and the parts of the creation with what went wrong in them. */
export function CycleHistory({ cycle }: { cycle: Cycle }) {
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
