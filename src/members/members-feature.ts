import type { ImportFileDeps } from './import-file-routes.ts'
import type { MemberRoutesDeps } from './member-routes.ts'

declare module '../events/event-sql.ts' {
  interface EventNames {
    AgentAdded: true
    AgentChanged: true
    AgentRemoved: true
    AgentMembersMoved: true
    ImportRequested: true
    ImportRequestWithdrawn: true
    ImportApproved: true
    ImportUndone: true
    MemberAdded: true
    MemberChanged: true
    MemberErasureRequested: true
    MemberErasureWithdrawn: true
    MemberErased: true
  }
}

/** The register: members, their standings, and their agents. */
export const membersFeature = {
  async routes(deps: MemberRoutesDeps & ImportFileDeps) {
    const { memberRoutes } = await import('./member-routes.ts')
    const { agentRoutes } = await import('./agent-routes.ts')
    const { importRoutes } = await import('./import-routes.ts')
    const { importFileRoutes } = await import('./import-file-routes.ts')
    return [agentRoutes(deps), memberRoutes(deps), importRoutes(deps), importFileRoutes(deps)]
  },
}
