import type { Subscriptions } from '../events/announce.ts'
import { forgetPayer } from './forget-payer.ts'
import type { PaymentRoutesDeps } from './payment-routes.ts'

declare module '../events/event-sql.ts' {
  interface EventNames {
    PaymentSourceAdded: true
    PaymentPosted: true
    PaymentVoided: true
    PaymentReversed: true
  }
}

/** Money that comes in: its sources, and each payment once. */
export const paymentsFeature = {
  subscriptions: { MemberErased: forgetPayer } satisfies Subscriptions,
  async routes(deps: PaymentRoutesDeps) {
    const { paymentRoutes } = await import('./payment-routes.ts')
    return [paymentRoutes(deps)]
  },
}
