import { useNavigate } from '@tanstack/react-router'
import { useChangeOfSession } from '../../session.ts'

export interface SignedIn {
  secondFactorNeeded: boolean
}

/** After a sign-in: loads the session, then opens the first page. */
export function useEnter(): () => Promise<void> {
  const renew = useChangeOfSession()
  const navigate = useNavigate()
  return async () => {
    await renew()
    await navigate({ to: '/', replace: true })
  }
}
