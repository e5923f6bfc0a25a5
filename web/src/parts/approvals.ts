import { useQuery } from '@tanstack/react-query'
import { type Approval, ask } from '../api.ts'

/** The request of this kind about this subject that waits for another person; null while there is none. */
export function useApproval(kind: Approval['approvalKind'], subject: string): Approval | null {
  const waiting = useQuery({
    queryKey: ['/api/approvals'],
    queryFn: () => ask<{ items: Approval[] }>('GET', '/api/approvals'),
  })
  return waiting.data?.items.find((one) => one.approvalKind === kind && one.subject === subject) ?? null
}
