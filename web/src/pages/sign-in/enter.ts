import { useNavigate } from '@tanstack/react-router'
import { useChangeOfSession } from '../../session.ts'

export interface SignedIn {
  secondFactorNeeded: boolean
}

/** After a sign-in: who it is, and then to the start. */
export function useEnter(): () => Promise<void> {
  const renew = useChangeOfSession()
  const navigate = useNavigate()
  return async () => {
    await renew()
    await navigate({ to: '/', replace: true })
  }
}
