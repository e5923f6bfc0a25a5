import type { Db } from '../platform/database/connect.ts'

/** What one person asks for and another approves. */
export const approvalsFeature = {
  async routes(deps: { readonly db: Db }) {
    const { approvalRoutes } = await import('./approval-routes.ts')
    return [approvalRoutes(deps)]
  },
}
