import { useQueryClient } from '@tanstack/react-query'
import type { User } from '../../api.ts'
import { useSession } from '../../session.ts'

export const usersPath = '/api/users'

/** After a change of a user; a change of one's own account may have ended this session. */
export function useRefreshUsers(): (changed: User) => void {
  const queries = useQueryClient()
  const { data: session } = useSession()
  return (changed) => {
    void queries.invalidateQueries({ queryKey: [usersPath] })
    if (changed.userId === session?.userId) void queries.invalidateQueries({ queryKey: ['session'] })
  }
}
