import { notifications } from '@mantine/notifications'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type Cycle, type Page, type Session } from '../api.ts'
import { number } from '../format.ts'

export interface News {
  readonly cycleId: string
  readonly sentence: string
}

const cycles = '/api/contribution-cycles'

/**
 * What has become of cycles that were being created while this page was open, whatever it showed: each is told once, by a
 * toast, and by the browser itself where it may.
 */
export function useNews(session: Session): News[] {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const [news, setNews] = useState<News[]>([])
  const awaited = useRef(new Set<string>())
  const { data } = useQuery({
    queryKey: [cycles, { status: 'Initializing', limit: 100 }],
    enabled: session.permissions['cycles.watch'] !== undefined,
    refetchInterval: 3_000,
    // The page need not be looked at for its owner to be told.
    refetchIntervalInBackground: true,
    queryFn: () => ask<Page<Cycle>>('GET', `${cycles}?status=Initializing&limit=100`),
  })
  useEffect(() => {
    if (!data) return
    const now = new Set(data.items.map(({ cycleId }) => cycleId))
    for (const cycleId of awaited.current) {
      if (now.has(cycleId)) continue
      awaited.current.delete(cycleId)
      void ask<Cycle>('GET', `${cycles}/${cycleId}`).then((cycle) => {
        void queries.invalidateQueries({ queryKey: [cycles] })
        if (cycle.cycleStatus !== 'Active' && cycle.cycleStatus !== 'Failed') return
        const isReady = cycle.cycleStatus === 'Active'
        const sentence = isReady
          ? t('shell.ready', { code: cycle.cycleCode, members: number(cycle.totalMembers) })
          : t('shell.failedCycle', { code: cycle.cycleCode })
        notifications.show({ message: sentence, color: isReady ? 'green' : 'red', autoClose: 15_000 })
        if ('Notification' in window && Notification.permission === 'granted') new Notification(sentence)
        setNews((before) => [{ cycleId, sentence }, ...before])
      })
    }
    for (const cycleId of now) awaited.current.add(cycleId)
  }, [data, queries, t])
  return news
}
