import { useQuery } from '@tanstack/react-query'
import { type Approval, ask } from '../api.ts'

/** The request about this subject that waits for another person; null while there is none. */
export function useApproval(subject: string): Approval | null {
  const waiting = useQuery({
    queryKey: ['/api/approvals'],
    queryFn: () => ask<{ items: Approval[] }>('GET', '/api/approvals'),
  })
  return waiting.data?.items.find((one) => one.subject === subject) ?? null
}
