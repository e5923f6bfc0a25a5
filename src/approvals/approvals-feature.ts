import type { Db } from '../platform/database/connect.ts'

/** Requests of one person that another person approves. */
export const approvalsFeature = {
  async routes(deps: { readonly db: Db }) {
    const { approvalRoutes } = await import('./approval-routes.ts')
    return [approvalRoutes(deps)]
  },
}
