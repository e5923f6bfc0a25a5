import { Button, Group, Paper, Stack, Text, Title, VisuallyHidden } from '@mantine/core'
import { type ReactNode, useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { CreationProgress, Cycle } from '../api.ts'
import { duration, number } from '../format.ts'
import { Bar } from './bar.tsx'
import { StatusChip, shownStatus } from './status-chip.tsx'
import { useProgress } from './use-progress.ts'

/** The seconds left, counted down until the next answer; null while it is unknown or nothing runs. */
function useTimeLeft(progress: CreationProgress): number | null {
  const { estimatedTimeRemaining: told, jobStatus } = progress
  const [left, setLeft] = useState(told)
  // biome-ignore lint/correctness/useExhaustiveDependencies: each answer restarts the countdown, also an equal one.
  useEffect(() => {
    setLeft(told)
    if (!told) return
    const toldAt = Date.now()
    const timer = setInterval(() => {
      setLeft(Math.max(1, told - Math.floor((Date.now() - toldAt) / 1000)))
    }, 500)
    return () => clearInterval(timer)
  }, [progress])
  return jobStatus === 'Processing' && left !== 0 ? left : null
}

/** The bar with its numbers and the time left, in words. */
function CreationBar({ progress }: { progress: CreationProgress }) {
  const { t } = useTranslation()
  const left = useTimeLeft(progress)
  const { total, processed, percentage } = progress.progress
  const sentence = t('cycles.percent', {
    percent: percentage,
    processed: number(processed),
    total: number(total),
  })
  return (
    <Stack gap="xs">
      <Text>{total === 0 ? t('cycles.creatingSoon') : t('cycles.creating', { members: number(total) })}</Text>
      <Bar
        label={t('cycles.progress')}
        percent={percentage}
        sentence={sentence}
        color={progress.jobStatus === 'Paused' ? 'gray' : 'blue'}
        isMoving={progress.jobStatus === 'Processing'}
      />
      <Group justify="space-between">
        <Text className="numbers">{sentence}</Text>
        <Text c="dimmed">{left === null ? ' ' : t('cycles.remaining', { duration: duration(left) })}</Text>
      </Group>
      {/* A screen reader reads it at every 10 %, not at every step. */}
      <VisuallyHidden role="status" aria-live="polite">
        {total > 0
          ? t('cycles.percent', {
              percent: Math.floor(percentage / 10) * 10,
              processed: '',
              total: number(total),
            })
          : ''}
      </VisuallyHidden>
    </Stack>
  )
}

/** The progress of a cycle while its contributions are created, and the result. */
export function Creation({ cycle, title, children }: { cycle: Cycle; title: string; children?: ReactNode }) {
  const { t } = useTranslation()
  const progress = useProgress(cycle.cycleId, cycle.cycleStatus)
  const now = progress ? { cycleStatus: progress.status, jobStatus: progress.jobStatus } : cycle
  const status = shownStatus(now)
  return (
    <Paper withBorder p="lg" radius="md">
      <Stack>
        <Group justify="space-between">
          <Title order={2} size="h4">
            {title}
          </Title>
          <Group gap="xs">
            <Text className="code">{cycle.cycleCode}</Text>
            <StatusChip status={status} />
          </Group>
        </Group>
        {(status === 'Initializing' || status === 'Paused') && progress && (
          <CreationBar progress={progress} />
        )}
        {status === 'Initializing' && cycle.jobHoldReason !== null && (
          <Text role="status">{t('cycles.onHold', { reason: cycle.jobHoldReason })}</Text>
        )}
        {status === 'Initializing' && <Text c="dimmed">{t('cycles.safe')}</Text>}
        {status === 'Paused' && <Text>{t('cycles.isPaused')}</Text>}
        {status === 'Active' && (
          <Text role="status">
            {t('cycles.isReady', { members: number(progress?.progress.total ?? cycle.totalMembers) })}
          </Text>
        )}
        {status === 'Failed' && (
          <Text c="red" role="alert">
            {t('cycles.hasFailed', { reason: progress?.jobError ?? cycle.failureReason ?? '' })}
          </Text>
        )}
        {status === 'Cancelled' && <Text>{t('cycles.isCancelled')}</Text>}
        {children}
      </Stack>
    </Paper>
  )
}

/** The same with buttons, shown directly after a cycle was started. */
export function StartedCard({
  cycle,
  onView,
  onClose,
}: {
  cycle: Cycle
  onView: () => void
  onClose: () => void
}) {
  const { t } = useTranslation()
  return (
    <Creation cycle={cycle} title={t('cycles.created')}>
      <Group>
        <Button onClick={onView}>{t('cycles.viewProgress')}</Button>
        <Button variant="default" onClick={onClose}>
          {t('shell.close')}
        </Button>
      </Group>
    </Creation>
  )
}
