import type { AnnounceDeps } from '../events/announce.ts'

declare module '../events/event-sql.ts' {
  interface EventNames {
    UserConfirmationRequested: true
    UserConfirmationWithdrawn: true
  }
}

/** What one person asks for and another approves. */
export const approvalsFeature = {
  async routes(deps: AnnounceDeps) {
    const { approvalRoutes } = await import('./approval-routes.ts')
    return [approvalRoutes(deps)]
  },
}
