import { notifications } from '@mantine/notifications'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type Cycle, type Page } from '../api.ts'
import { number } from '../format.ts'
import { useMay } from '../session.ts'

export interface News {
  readonly cycleId: string
  readonly sentence: string
  readonly isSeen: boolean
}

const cycles = '/api/contribution-cycles'
const newsKey = ['news']

/** What was told since this page was opened, newest first. */
export function useNews(): { news: readonly News[]; markSeen: () => void } {
  const queries = useQueryClient()
  const { data: news = [] } = useQuery<readonly News[]>({
    queryKey: newsKey,
    enabled: false,
    initialData: [],
    gcTime: Number.POSITIVE_INFINITY,
  })
  const markSeen = () =>
    queries.setQueryData<readonly News[]>(newsKey, (before = []) =>
      before.map((one) => ({ ...one, isSeen: true })),
    )
  return { news, markSeen }
}

/**
 * Tells what becomes of cycles while this page is open, whatever it shows: each once, by a toast, and by the browser itself
 * where it may. It looks at the newest few, so one that was started and done between two looks is told as well, and at
 * those it has seen being created until they are over.
 */
export function useTellNews(): void {
  const { t } = useTranslation()
  const may = useMay()
  const queries = useQueryClient()
  const known = useRef<Map<string, Cycle['cycleStatus']>>(undefined)
  const { data } = useQuery({
    queryKey: [cycles, 'newest'],
    enabled: may('cycles.watch'),
    refetchInterval: 3_000,
    // The page need not be looked at for its owner to be told.
    refetchIntervalInBackground: true,
    queryFn: async () => {
      const { items } = await ask<Page<Cycle>>('GET', `${cycles}?limit=10`)
      const listed = new Set(items.map(({ cycleId }) => cycleId))
      const others = [...(known.current ?? [])].filter(
        ([cycleId, status]) => status === 'Initializing' && !listed.has(cycleId),
      )
      const awaited = others.map(([cycleId]) => ask<Cycle>('GET', `${cycles}/${cycleId}`))
      return [...items, ...(await Promise.all(awaited))]
    },
  })
  useEffect(() => {
    if (!data) return
    const before = known.current
    known.current = new Map([
      ...(before ?? []),
      ...data.map(({ cycleId, cycleStatus }) => [cycleId, cycleStatus] as const),
    ])
    const over = data.filter(
      ({ cycleId, cycleStatus }) =>
        (cycleStatus === 'Active' || cycleStatus === 'Failed') && before?.get(cycleId) !== cycleStatus,
    )
    // At the first look everything is old.
    if (!before || over.length === 0) return
    void queries.invalidateQueries({ queryKey: [cycles] })
    for (const cycle of over) {
      const isReady = cycle.cycleStatus === 'Active'
      const sentence = isReady
        ? t('shell.ready', { code: cycle.cycleCode, members: number(cycle.totalMembers) })
        : t('shell.failedCycle', { code: cycle.cycleCode })
      notifications.show({ message: sentence, color: isReady ? 'green' : 'red', autoClose: 15_000 })
      if ('Notification' in window && Notification.permission === 'granted') new Notification(sentence)
      queries.setQueryData<readonly News[]>(newsKey, (told = []) => [
        { cycleId: cycle.cycleId, sentence, isSeen: false },
        ...told,
      ])
    }
  }, [data, queries, t])
}
