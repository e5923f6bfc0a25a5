import type { Db } from '../platform/database/connect.ts'
import type { FundMetricsDeps } from './fund-metrics.ts'

declare module '../events/event-sql.ts' {
  interface EventNames {
    JobRetried: true
    QueueSteered: true
  }
}

/** For operators: jobs, metrics, and the doctor. */
export const operationsFeature = {
  async metrics(deps: FundMetricsDeps) {
    const { createFundMetrics } = await import('./fund-metrics.ts')
    return createFundMetrics(deps)
  },
  async routes(deps: { readonly db: Db; metrics(): Promise<string> }) {
    const { jobRoutes } = await import('./job-routes.ts')
    const { metricsRoute } = await import('./metrics-route.ts')
    return [jobRoutes(deps), metricsRoute(deps)]
  },
}
