import { notifications } from '@mantine/notifications'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type Notice, type Page } from '../api.ts'
import { date, money, number } from '../format.ts'
import { useMay } from '../session.ts'

export const noticesPath = '/api/notices'

const newestKey = [noticesPath, 'newest']
/** The name, for all tabs of one browser, of the stream that one of them holds. */
const streamName = 'almoner-notices'
const againMs = 5_000

/** The newest few notices: loaded once, and then updated by `useNewsStream`. */
function useNewest() {
  const may = useMay()
  return useQuery({
    queryKey: newestKey,
    enabled: may('notices.read'),
    queryFn: () => ask<Page<Notice>>('GET', `${noticesPath}?limit=10`),
  }).data?.items
}

/**
 * Keeps the newest notices as the server has them. One tab of a browser holds the stream and tells the others, since
 * a browser opens six connections to a server and no more, for all tabs together; when that tab is closed, another
 * takes over.
 */
function useNewsStream(): void {
  const isReader = useMay()('notices.read')
  const queries = useQueryClient()
  useEffect(() => {
    if (!isReader) return
    const tabs = new BroadcastChannel(streamName)
    const leaving = new AbortController()
    const take = (page: Page<Notice>) => queries.setQueryData(newestKey, page)
    tabs.onmessage = ({ data }) => take(data as Page<Notice>)
    const hold = () =>
      new Promise<void>((resolve) => {
        let source: EventSource | undefined
        let timer: number | undefined
        const open = () => {
          source = new EventSource(`${noticesPath}/stream`)
          source.addEventListener('notices', ({ data }: MessageEvent<string>) => {
            const page = JSON.parse(data) as Page<Notice>
            take(page)
            tabs.postMessage(page)
          })
          source.addEventListener('end', () => reopen(0))
          source.onerror = () => reopen(againMs)
        }
        const reopen = (delayMs: number) => {
          source?.close()
          timer = window.setTimeout(open, delayMs)
        }
        open()
        leaving.signal.addEventListener('abort', () => {
          window.clearTimeout(timer)
          source?.close()
          resolve()
        })
      })
    // It is rejected when this page is closed while another tab still holds the lock.
    navigator.locks.request(streamName, { signal: leaving.signal }, hold).catch(() => {})
    return () => {
      leaving.abort()
      tabs.close()
    }
  }, [isReader, queries])
}

/** How many of the newest notices were not read. */
export function useUnread(): number {
  return (useNewest() ?? []).filter(({ readAt }) => readAt === null).length
}

/** A notice in one sentence. */
export function useNoticeSentence(): (notice: Notice) => string {
  const { t } = useTranslation()
  return ({
    noticeKind,
    cycleCode: code,
    totalMembers,
    members,
    amount,
    currency,
    currencyExponent,
    deadline,
  }) => {
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
          amount: money(amount ?? 0, { currency, currencyExponent }),
          deadline: date(deadline),
        })
    }
  }
}

/** Shows each new notice once while this page is open: as a toast, and as a notification of the browser if allowed. */
export function useTellNews(): void {
  useNewsStream()
  const sentenceOf = useNoticeSentence()
  const queries = useQueryClient()
  const known = useRef<Set<string>>(undefined)
  const newest = useNewest()
  // biome-ignore lint/correctness/useExhaustiveDependencies: the function is new each time, but its texts are the same.
  useEffect(() => {
    if (!newest) return
    const before = known.current
    known.current = new Set([...(before ?? []), ...newest.map(({ noticeId }) => noticeId)])
    // At the first load no notice is new.
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
