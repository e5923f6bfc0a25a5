import type { LedgerRoutesDeps } from './ledger-routes.ts'

/** The transfers, the one door that writes them, and the books that are read from them. */
export const ledgerFeature = {
  async routes(deps: LedgerRoutesDeps) {
    const { ledgerRoutes } = await import('./ledger-routes.ts')
    return [ledgerRoutes(deps)]
  },
}
