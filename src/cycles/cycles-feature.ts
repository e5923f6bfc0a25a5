import type { AnnounceDeps, Subscriptions } from '../events/announce.ts'
import type { ContributionRoutesDeps } from './contribution-routes.ts'
import { createContributions } from './create-contributions.ts'
import type { CycleRoutesDeps } from './cycle-routes.ts'
import { refuseErasureOfDebtor } from './refuse-erasure.ts'
import { removeContributions } from './remove-contributions.ts'
import { undoDeathInCycles } from './revoke-cycle.ts'
import type { StartRoutesDeps } from './start-routes.ts'

declare module '../events/event-sql.ts' {
  interface EventNames {
    ContributionCycleInitiated: true
    ContributionCycleStartRequested: true
    ContributionCycleStartWithdrawn: true
    ContributionCycleActivated: true
    ContributionCycleFailed: true
    ContributionCyclePaused: true
    ContributionCycleResumed: true
    ContributionCycleCancelled: true
    ContributionCycleRetried: true
    ContributionCycleRevocationRequested: true
    ContributionCycleRevocationWithdrawn: true
    ContributionCycleRevoked: true
    ContributionWaived: true
    ContributionWaiverUndone: true
  }
}

/** Contribution cycles and their contributions. */
export const cyclesFeature = {
  subscriptions: {
    MemberErased: refuseErasureOfDebtor,
    ClaimRevoked: undoDeathInCycles,
  } satisfies Subscriptions,
  jobKinds: (deps: Pick<AnnounceDeps, 'announce'>) => [createContributions(deps), removeContributions],
  async routes(deps: StartRoutesDeps & CycleRoutesDeps & ContributionRoutesDeps) {
    const { startRoutes } = await import('./start-routes.ts')
    const { cycleRoutes } = await import('./cycle-routes.ts')
    const { contributionRoutes } = await import('./contribution-routes.ts')
    return [startRoutes(deps), cycleRoutes(deps), contributionRoutes(deps)]
  },
}
