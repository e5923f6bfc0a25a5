import type { AnnounceDeps } from '../events/announce.ts'

declare module '../events/event-sql.ts' {
  interface EventNames {
    UserConfirmationRequested: true
    UserConfirmationWithdrawn: true
  }
}

/** Requests of one person that another person approves. */
export const approvalsFeature = {
  async routes(deps: AnnounceDeps) {
    const { approvalRoutes } = await import('./approval-routes.ts')
    return [approvalRoutes(deps)]
  },
}
