/** Short lists that are loaded completely, to choose from. */
import { useQuery } from '@tanstack/react-query'
import { type Agent, ask, type Page, type Tier, withQuery } from '../api.ts'
import { useMay } from '../session.ts'

/** All items of a list, and not only its first page. */
export async function askAll<Item>(
  path: string,
  query: Record<string, string | undefined> = {},
): Promise<Item[]> {
  const items: Item[] = []
  let cursor: string | null | undefined
  do {
    const page = await ask<Page<Item>>('GET', withQuery(path, { ...query, limit: 200, cursor }))
    items.push(...page.items)
    cursor = page.nextCursor
  } while (cursor)
  return items
}

export function useTiers() {
  const may = useMay()
  return useQuery({
    queryKey: ['/api/tiers', 'all'],
    enabled: may('fund.read'),
    staleTime: 60_000,
    queryFn: () => askAll<Tier>('/api/tiers'),
  })
}

export function useAgents() {
  const may = useMay()
  return useQuery({
    queryKey: ['/api/agents', 'all'],
    enabled: may('agents.read'),
    staleTime: 60_000,
    queryFn: () => askAll<Agent>('/api/agents'),
  })
}
