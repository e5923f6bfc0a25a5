import { useQuery } from '@tanstack/react-query'
import { type Approval, ask } from '../api.ts'

/** The requests that wait for another person, newest first. */
export function useApprovals(): readonly Approval[] {
  const waiting = useQuery({
    queryKey: ['/api/approvals'],
    queryFn: () => ask<{ items: Approval[] }>('GET', '/api/approvals'),
  })
  return waiting.data?.items ?? []
}

/** The request about this subject that waits for another person; null while there is none. */
export function useApproval(subject: string): Approval | null {
  return useApprovals().find((one) => one.subject === subject) ?? null
}
