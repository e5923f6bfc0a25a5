import type { MemberRoutesDeps } from './member-routes.ts'

/** The register: members, their standings, and their agents. */
export const membersFeature = {
  async routes(deps: MemberRoutesDeps) {
    const { memberRoutes } = await import('./member-routes.ts')
    return [memberRoutes(deps)]
  },
}
