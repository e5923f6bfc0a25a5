import type { AnnounceDeps, Subscriptions } from '../events/announce.ts'
import type { Clock } from '../platform/values/clock.ts'
import { forgetMember } from './forget-member.ts'
import type { NoticeRoutesDeps } from './notice-routes.ts'
import { notifyAgents } from './notify-agents.ts'
import { notifyMembers } from './notify-members.ts'
import type { SendersDeps } from './start-senders.ts'
import { cycleSubscriptions, tellWhoLives } from './tell-of-cycle.ts'

declare module '../events/event-sql.ts' {
  interface EventNames {
    AgentsNotified: true
    MembersNotified: true
    NoticePreferencesChanged: true
    NoticeTemplateChanged: true
    DeliveryRevived: true
    WebhookAdded: true
    WebhookSecretRotated: true
    WebhookEnabled: true
    WebhookDisabled: true
  }
}

interface RoutesDeps extends NoticeRoutesDeps {
  readonly clock: Clock
  readonly publicUrl: string
  readonly config: { readonly secret: string | undefined; readonly webhookAddresses: readonly string[] }
}

/** Who is told what: notices, letters, text messages and webhooks. */
export const noticesFeature = {
  jobKinds: (deps: Pick<AnnounceDeps, 'announce'>) => [notifyAgents(deps), notifyMembers(deps)],
  subscriptions: {
    ...cycleSubscriptions,
    MemberErased: forgetMember,
    ClaimRejected: tellWhoLives,
  } satisfies Subscriptions,
  async startSenders(deps: SendersDeps) {
    const { startSenders } = await import('./start-senders.ts')
    return startSenders(deps)
  },
  async routes(deps: RoutesDeps) {
    const { noticeRoutes } = await import('./notice-routes.ts')
    const { preferenceRoutes } = await import('./preference-routes.ts')
    const { templateRoutes } = await import('./template-routes.ts')
    const { webhookRoutes } = await import('./webhook-routes.ts')
    const { createSeal } = await import('../access/seal.ts')
    const seal = createSeal({ db: deps.db, secret: deps.config.secret })
    const isInsecureAllowed = deps.config.webhookAddresses.length > 0
    return [
      noticeRoutes(deps),
      preferenceRoutes(deps),
      templateRoutes(deps),
      webhookRoutes({ ...deps, seal, isInsecureAllowed }),
    ]
  },
}
