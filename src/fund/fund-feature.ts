import type { AnnounceDeps } from '../events/announce.ts'

/** The fund and its tiers. */
export const fundFeature = {
  async routes(deps: AnnounceDeps) {
    const { fundRoutes } = await import('./fund-routes.ts')
    return [fundRoutes(deps)]
  },
}
