import type { AnnounceDeps } from '../events/announce.ts'

declare module '../events/event-sql.ts' {
  interface EventNames {
    FundChanged: true
    SelfApprovalRequested: true
    SelfApprovalRequestWithdrawn: true
    TierAdded: true
    TierChanged: true
    TierRemoved: true
  }
}

/** The fund and its tiers. */
export const fundFeature = {
  async routes(deps: AnnounceDeps) {
    const { fundRoutes } = await import('./fund-routes.ts')
    return [fundRoutes(deps)]
  },
}
