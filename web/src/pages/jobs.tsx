import { Anchor, Progress, Select, Stack, Text, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Job } from '../api.ts'
import { instant, number } from '../format.ts'
import { DataTable } from '../parts/data-table.tsx'
import { List, useList } from '../parts/list.tsx'
import { Chip } from '../parts/status-chip.tsx'
import { useFund } from '../session.ts'

type JobStatus = Job['jobStatus']

const looks: Record<JobStatus, { color: string; sign: string }> = {
  Queued: { color: 'yellow', sign: '…' },
  Processing: { color: 'blue', sign: '◔' },
  Paused: { color: 'gray', sign: '‖' },
  Completed: { color: 'green', sign: '✓' },
  Failed: { color: 'red', sign: '!' },
  Cancelled: { color: 'gray', sign: '×' },
}

export function JobStatusChip({ status }: { status: JobStatus }) {
  const { t } = useTranslation()
  const { color, sign } = looks[status]
  return (
    <Chip color={color} sign={sign}>
      {t(`operations.jobStatus.${status}`)}
    </Chip>
  )
}

/** A kind in plain words; one that this page does not know yet by its own name. */
export function useKind(): (jobKind: string) => string {
  const { t } = useTranslation()
  return (jobKind) => t(`operations.kind.${jobKind}`, { defaultValue: jobKind })
}

export function JobProgress({ job }: { job: Job }) {
  const { t } = useTranslation()
  const { percentage, processed, total } = job
  return (
    <Stack gap={4} miw={140}>
      <Progress
        value={percentage}
        color={job.jobStatus === 'Failed' ? 'red' : 'blue'}
        aria-label={t('operations.progress')}
      />
      <Text size="sm">
        {t('operations.percent', { percent: number(percentage) })}
        {' · '}
        {total === null
          ? t('operations.notPlanned')
          : t('operations.processedOf', { processed: number(processed), total: number(total) })}
      </Text>
    </Stack>
  )
}

export function JobsPage() {
  const { t } = useTranslation()
  const kind = useKind()
  const timeZone = useFund()?.timeZone ?? 'UTC'
  const [status, setStatus] = useState<string | null>(null)
  const jobs = useList<Job>('/api/jobs', { status: status ?? undefined }, { refetchInterval: 5_000 })
  return (
    <Stack>
      <Title order={2}>{t('operations.jobsTitle')}</Title>
      <Select
        label={t('shell.status')}
        placeholder={t('shell.all')}
        clearable
        maw={260}
        data={Object.keys(looks).map((value) => ({ value, label: t(`operations.jobStatus.${value}`) }))}
        value={status}
        onChange={setStatus}
      />
      <List of={jobs} empty={t('operations.noJobs')}>
        {(items) => (
          <DataTable
            rows={items}
            keyOf={(job) => job.jobId}
            columns={[
              {
                name: t('operations.what'),
                show: (job) => (
                  <Anchor
                    inherit
                    renderRoot={(props) => (
                      <Link to="/jobs/$jobId" params={{ jobId: job.jobId }} {...props} />
                    )}
                  >
                    {kind(job.jobKind)}
                  </Anchor>
                ),
              },
              { name: t('shell.status'), show: (job) => <JobStatusChip status={job.jobStatus} /> },
              { name: t('operations.progress'), show: (job) => <JobProgress job={job} /> },
              { name: t('operations.createdBy'), show: (job) => job.createdBy },
              { name: t('operations.createdAt'), show: (job) => instant(job.createdAt, timeZone) },
            ]}
          />
        )}
      </List>
    </Stack>
  )
}
