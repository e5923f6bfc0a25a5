import type { SessionRoutesDeps } from './session-routes.ts'

/** Users, sessions and API keys. */
export const accessFeature = {
  async routes(deps: SessionRoutesDeps) {
    const { sessionRoutes } = await import('./session-routes.ts')
    const { userRoutes } = await import('./user-routes.ts')
    return [sessionRoutes(deps), userRoutes(deps)]
  },
}
