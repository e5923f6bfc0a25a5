import { notifications } from '@mantine/notifications'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type Notice, type Page } from '../api.ts'
import { date, money, number } from '../format.ts'
import { useMay } from '../session.ts'

export const noticesPath = '/api/notices'

/** The newest few notices, asked for afresh every few seconds, be the page looked at or not. */
function useNewest() {
  const may = useMay()
  return useQuery({
    queryKey: [noticesPath, 'newest'],
    enabled: may('notices.read'),
    refetchInterval: 3_000,
    refetchIntervalInBackground: true,
    queryFn: () => ask<Page<Notice>>('GET', `${noticesPath}?limit=10`),
  }).data?.items
}

/** How many of the newest notices were not read. */
export function useUnread(): number {
  return (useNewest() ?? []).filter(({ readAt }) => readAt === null).length
}

/** A notice in one sentence. */
export function useNoticeSentence(): (notice: Notice) => string {
  const { t } = useTranslation()
  return ({ noticeKind, cycleCode: code, totalMembers, members, amount, currency, deadline }) => {
    switch (noticeKind) {
      case 'cycle-ready':
        return t('notices.ready', { code, members: number(totalMembers) })
      case 'cycle-failed':
        return t('notices.failed', { code })
      case 'webhook-disabled':
      case 'webhook':
        return t('notices.webhookDisabled')
      case 'member-notice':
      case 'agent-digest':
        return t('notices.digest', {
          code,
          members: number(members ?? 0),
          amount: money(amount ?? 0, currency),
          deadline: date(deadline),
        })
    }
  }
}

/** Tells each notice that comes while this page is open, once: by a toast, and by the browser itself where it may. */
export function useTellNews(): void {
  const sentenceOf = useNoticeSentence()
  const queries = useQueryClient()
  const known = useRef<Set<string>>(undefined)
  const newest = useNewest()
  // biome-ignore lint/correctness/useExhaustiveDependencies: another function each time, and the same words.
  useEffect(() => {
    if (!newest) return
    const before = known.current
    known.current = new Set([...(before ?? []), ...newest.map(({ noticeId }) => noticeId)])
    // At the first look everything is old.
    const news = before ? newest.filter(({ noticeId }) => !before.has(noticeId)) : []
    if (news.length === 0) return
    void queries.invalidateQueries({ queryKey: ['/api/contribution-cycles'] })
    for (const notice of news) {
      const message = sentenceOf(notice)
      const color = notice.noticeKind === 'cycle-failed' ? 'red' : 'green'
      notifications.show({ message, color, autoClose: 15_000 })
      if ('Notification' in window && Notification.permission === 'granted') new Notification(message)
    }
  }, [newest, queries])
}
