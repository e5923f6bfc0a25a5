import type { AnnounceDeps, Subscriptions } from '../events/announce.ts'
import type { Clock } from '../platform/values/clock.ts'
import { forgetDeceased } from './forget-deceased.ts'

declare module '../events/event-sql.ts' {
  interface EventNames {
    ClaimSubmitted: true
    ClaimApproved: true
    ClaimRejected: true
    ClaimRevocationRequested: true
    ClaimRevocationWithdrawn: true
    ClaimRevoked: true
  }
}

/** Death claims, and the decisions on them. */
export const claimsFeature = {
  subscriptions: { MemberErased: forgetDeceased } satisfies Subscriptions,
  async routes(deps: AnnounceDeps & { readonly clock: Clock }) {
    const { claimRoutes } = await import('./claim-routes.ts')
    return [claimRoutes(deps)]
  },
}
