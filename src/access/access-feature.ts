import type { CredentialRoutesDeps } from './credential-routes.ts'

declare module '../events/event-sql.ts' {
  interface EventNames {
    UserAdded: true
    UserChanged: true
    UserReset: true
    SignedIn: true
    SignInRefused: true
    SessionConfirmed: true
    SecondFactorLocked: true
    SignedOut: true
    SessionsEnded: true
    SecondFactorEnrolled: true
    PasswordChanged: true
    PasswordLinkRequested: true
    ApiKeyCreated: true
    ApiKeyRevoked: true
    RequestRefused: true
  }
}

/** Users, sessions and API keys. */
export const accessFeature = {
  async routes(deps: CredentialRoutesDeps) {
    const { credentialRoutes } = await import('./credential-routes.ts')
    const { sessionRoutes } = await import('./session-routes.ts')
    const { userRoutes } = await import('./user-routes.ts')
    return [sessionRoutes(deps), credentialRoutes(deps), userRoutes(deps)]
  },
}
