import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query'
import type { Permission } from '../../src/access/permission-rules.ts'
import { ask, type Fund, keepCsrfToken, Refusal, type Session } from './api.ts'

const sessionQuery = queryOptions({
  queryKey: ['session'],
  staleTime: 60_000,
  queryFn: async (): Promise<Session | null> => {
    try {
      const session = await ask<Session>('GET', '/api/session')
      keepCsrfToken(session.csrfToken)
      return session
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      keepCsrfToken(null)
      return null
    }
  },
})

/** Who is signed in; null: nobody. */
export function useSession() {
  return useQuery(sessionQuery)
}

export function useMay(): (permission: Permission) => boolean {
  const { data } = useSession()
  return (permission) => data?.permissions[permission] !== undefined
}

/** The fund's name, currency and time zone; an agent is told those of each cycle instead. */
export function useFund(): Fund | undefined {
  const may = useMay()
  return useQuery({
    queryKey: ['fund'],
    enabled: may('fund.read'),
    staleTime: 300_000,
    queryFn: () => ask<Fund>('GET', '/api/fund'),
  }).data
}

/** Asks again who is signed in, and removes the data of the user before. */
export function useChangeOfSession(): () => Promise<void> {
  const queries = useQueryClient()
  return async () => {
    queries.clear()
    // If this fails, the next page shows the error.
    await queries.fetchQuery(sessionQuery).catch(() => undefined)
  }
}
