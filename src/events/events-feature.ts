import type { AuditRoutesDeps } from './audit-routes.ts'

declare module './event-sql.ts' {
  interface EventNames {
    DataExported: true
  }
}

/** The audit trail. */
export const eventsFeature = {
  async routes(deps: AuditRoutesDeps) {
    const { auditRoutes } = await import('./audit-routes.ts')
    return [auditRoutes(deps)]
  },
}
