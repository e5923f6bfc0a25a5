import { Button, Center } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type Page, withQuery } from '../api.ts'
import { Empty, LoadError, Loading } from './states.tsx'

/** A list of the API, page by page as somebody asks for more. */
export function useList<Item>(
  path: string,
  query: Record<string, string | number | undefined> = {},
  options: { refetchInterval?: number; enabled?: boolean } = {},
) {
  return useInfiniteQuery({
    queryKey: [path, query],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      ask<Page<Item>>('GET', withQuery(path, { limit: 50, ...query, cursor: pageParam })),
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    ...options,
  })
}

/** The items as `children` shows them, with a button for more. */
export function List<Item>({
  of: list,
  empty,
  children,
}: {
  of: ReturnType<typeof useList<Item>>
  empty?: ReactNode
  children: (items: Item[]) => ReactNode
}) {
  const { t } = useTranslation()
  if (list.data === undefined) {
    return list.error ? <LoadError error={list.error} again={() => void list.refetch()} /> : <Loading />
  }
  const items = list.data.pages.flatMap((page) => page.items)
  if (items.length === 0) return <Empty>{empty}</Empty>
  return (
    <>
      {children(items)}
      {list.hasNextPage && (
        <Center p="md">
          <Button
            variant="default"
            loading={list.isFetchingNextPage}
            onClick={() => void list.fetchNextPage()}
          >
            {t('shell.more')}
          </Button>
        </Center>
      )}
    </>
  )
}
