import { Alert, Anchor, Group, Paper, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type JobDetail } from '../api.ts'
import { duration, instant, number } from '../format.ts'
import { ChunkStrip } from '../parts/chunk-strip.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { ErrorInWords } from '../parts/error-in-words.tsx'
import { Empty, Loaded } from '../parts/states.tsx'
import { useFund, useMay } from '../session.ts'
import { JobProgress, JobStatusChip, useKind } from './jobs.tsx'

export function JobPage() {
  const { t } = useTranslation()
  const { jobId } = useParams({ strict: false })
  const path = `/api/jobs/${encodeURIComponent(jobId ?? '')}`
  const job = useQuery({
    queryKey: [path, {}],
    queryFn: () => ask<JobDetail>('GET', path),
    refetchInterval: 5_000,
  })
  return (
    <Stack gap="lg">
      <Anchor renderRoot={(props) => <Link to="/jobs" {...props} />}>{t('operations.allJobs')}</Anchor>
      <Loaded of={job}>{(data) => <JobDetails job={data} />}</Loaded>
    </Stack>
  )
}

function JobDetails({ job }: { job: JobDetail }) {
  const { t } = useTranslation()
  const may = useMay()
  const kind = useKind()
  const timeZone = useFund()?.timeZone ?? 'UTC'
  const when = (at: string | null) => (at === null ? t('operations.empty') : instant(at, timeZone))
  return (
    <>
      <Group>
        <Title order={2}>{kind(job.jobKind)}</Title>
        <JobStatusChip status={job.jobStatus} />
      </Group>
      {may('cycles.read') && (
        <Anchor
          renderRoot={(props) => <Link to="/cycles/$cycleId" params={{ cycleId: job.subject }} {...props} />}
        >
          {t('operations.cycle')}
        </Anchor>
      )}
      {job.holdReason !== null && <Text>{t('cycles.onHold', { reason: job.holdReason })}</Text>}
      {job.error !== null && (
        <Alert color="red" title={t('operations.reason')}>
          <ErrorInWords error={job.error} />
        </Alert>
      )}
      <JobProgress job={job} />
      <SimpleGrid component="dl" cols={{ base: 1, xs: 2, md: 3 }} m={0}>
        <JobFact label={t('operations.createdBy')}>{job.createdBy}</JobFact>
        <JobFact label={t('operations.createdAt')}>{when(job.createdAt)}</JobFact>
        <JobFact label={t('operations.beganAt')}>{when(job.startedAt)}</JobFact>
        <JobFact label={t('operations.completedAt')}>{when(job.completedAt)}</JobFact>
        <JobFact label={t('operations.running')}>
          {job.startedAt === null ? t('operations.empty') : duration(Math.round(job.runningMs / 1000))}
        </JobFact>
        <JobFact label={t('operations.chunkRows')}>
          {job.chunkRows === null ? t('operations.empty') : number(job.chunkRows)}
        </JobFact>
        <JobFact label={t('operations.attempts')}>{number(job.attempts)}</JobFact>
        <JobFact label={t('operations.job')}>
          <Text span ff="monospace" size="xs" style={{ overflowWrap: 'anywhere' }}>
            {job.jobId}
          </Text>
        </JobFact>
      </SimpleGrid>
      <Stack component="section" aria-labelledby="parts" gap="xs">
        <Title order={2} size="h3" id="parts">
          {t('operations.parts')}
        </Title>
        <ChunkStrip job={job} />
      </Stack>
      <JobErrors job={job} timeZone={timeZone} />
      <JobLog job={job} timeZone={timeZone} />
    </>
  )
}

function JobFact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <Paper withBorder p="sm">
      <Text component="dt" size="sm" c="dimmed">
        {label}
      </Text>
      <Text component="dd" m={0}>
        {children}
      </Text>
    </Paper>
  )
}

function JobErrors({ job, timeZone }: { job: JobDetail; timeZone: string }) {
  const { t } = useTranslation()
  const next = ({ chunkStatus, notBefore }: JobDetail['errors'][number]) => {
    const over = ['Completed', 'Failed', 'Cancelled'].includes(job.jobStatus)
    if (chunkStatus === 'Failed' || over) return t('operations.againNever')
    if (job.jobStatus === 'Paused') return t('operations.againResumed')
    if (notBefore === null || new Date(notBefore) <= new Date()) return t('operations.againSoon')
    return t('operations.againAt', { at: instant(notBefore, timeZone) })
  }
  return (
    <Stack component="section" aria-labelledby="errors" gap="xs">
      <Title order={2} size="h3" id="errors">
        {t('operations.errors')}
      </Title>
      {job.errors.length === 0 ? (
        <Empty>{t('operations.noErrors')}</Empty>
      ) : (
        <DataTable
          rows={job.errors}
          keyOf={(trouble) => trouble.chunkNo}
          columns={[
            { name: t('operations.part'), as: 'number', show: (trouble) => number(trouble.chunkNo) },
            { name: t('operations.attempts'), as: 'number', show: (trouble) => number(trouble.attempts) },
            { name: t('operations.error'), show: (trouble) => <ErrorInWords error={trouble.error} /> },
            { name: t('operations.next'), show: (trouble) => next(trouble) },
          ]}
        />
      )}
    </Stack>
  )
}

function JobLog({ job, timeZone }: { job: JobDetail; timeZone: string }) {
  const { t } = useTranslation()
  return (
    <Stack component="section" aria-labelledby="log" gap="xs">
      <Title order={2} size="h3" id="log">
        {t('operations.log')}
      </Title>
      {job.log.length === 0 ? (
        <Empty>{t('operations.noLog')}</Empty>
      ) : (
        <DataTable
          rows={job.log}
          keyOf={(event) => event.eventId}
          columns={[
            { name: t('shell.at'), show: (event) => instant(event.at, timeZone) },
            {
              name: t('operations.what'),
              show: (event) => (
                <>
                  {t(`operations.event.${event.eventName}`, { defaultValue: event.eventName })}
                  {typeof event.payload.reason === 'string' && (
                    <Text size="sm" c="dimmed">
                      {event.payload.reason}
                    </Text>
                  )}
                </>
              ),
            },
            { name: t('shell.who'), show: (event) => event.actor },
          ]}
        />
      )}
    </Stack>
  )
}
