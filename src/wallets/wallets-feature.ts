import type { Subscriptions } from '../events/announce.ts'
import { refuseErasureOfOwner } from './refund-wallet.ts'
import type { WalletRoutesDeps } from './wallet-routes.ts'

declare module '../events/event-sql.ts' {
  interface EventNames {
    WalletRefundRequested: true
    WalletRefundWithdrawn: true
    WalletRefunded: true
  }
}

/** Members' money that nothing has been asked of yet. */
export const walletsFeature = {
  subscriptions: { MemberErased: refuseErasureOfOwner } satisfies Subscriptions,
  async routes(deps: WalletRoutesDeps) {
    const { walletRoutes } = await import('./wallet-routes.ts')
    return [walletRoutes(deps)]
  },
}
