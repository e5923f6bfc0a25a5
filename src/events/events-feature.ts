import type { Db } from '../platform/database/connect.ts'

/** The audit trail. */
export const eventsFeature = {
  async routes(deps: { readonly db: Db; readonly exportDb: Db }) {
    const { auditRoutes } = await import('./audit-routes.ts')
    return [auditRoutes(deps)]
  },
}
