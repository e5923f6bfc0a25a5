import { Anchor, Button, Paper, Stack, Text, Title } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type Notice } from '../api.ts'
import { instant } from '../format.ts'
import { List, useList } from '../parts/list.tsx'
import { noticesPath, useNoticeSentence, useUnread } from '../parts/news.ts'
import { useFund } from '../session.ts'

/** Where a notice leads. */
const places = {
  'cycle-ready': '/cycles/$cycleId',
  'cycle-failed': '/cycles/$cycleId',
  'agent-digest': '/cycles/$cycleId/sheet',
  'member-notice': '/cycles/$cycleId',
  'webhook-disabled': '/webhooks',
  webhook: '/webhooks',
} as const

export function NoticesPage() {
  const { t } = useTranslation()
  const sentenceOf = useNoticeSentence()
  const timeZone = useFund()?.timeZone ?? 'UTC'
  const list = useList<Notice>(noticesPath)
  useReading()
  return (
    <Stack>
      <Title order={2}>{t('notices.title')}</Title>
      <AllowBrowserNotices />
      <List of={list} empty={t('notices.none')}>
        {(items) =>
          items.map((notice) => (
            <Paper key={notice.noticeId} withBorder p="md">
              <Anchor
                fw={notice.readAt === null ? 700 : 400}
                renderRoot={(props) => (
                  <Link {...props} to={places[notice.noticeKind]} params={{ cycleId: notice.cycleId }} />
                )}
              >
                {sentenceOf(notice)}
              </Anchor>
              {notice.failureReason !== null && <Text size="sm">{notice.failureReason}</Text>}
              <Text size="sm" c="dimmed">
                {notice.deceasedFullName} · {notice.claimCode} · {instant(notice.madeAt, timeZone)}
              </Text>
            </Paper>
          ))
        }
      </List>
    </Stack>
  )
}

/** What is looked at is read, and what comes while it is looked at too. */
function useReading(): void {
  const queries = useQueryClient()
  const unread = useUnread()
  const read = useMutation({
    mutationFn: () => ask('POST', `${noticesPath}/read`),
    onSuccess: () => void queries.invalidateQueries({ queryKey: [noticesPath] }),
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for what is new.
  useEffect(() => {
    if (unread > 0) read.mutate()
  }, [unread])
}

/** Asks whether the browser may tell outside of the page, which it does not ask of its own accord. */
function AllowBrowserNotices() {
  const { t } = useTranslation()
  const [canAsk, setCanAsk] = useState('Notification' in window && Notification.permission === 'default')
  if (!canAsk) return null
  const allow = async () => setCanAsk((await Notification.requestPermission()) === 'default')
  return (
    <Button variant="default" onClick={() => void allow()} style={{ alignSelf: 'start' }}>
      {t('notices.notify')}
    </Button>
  )
}
