import { accessFeature } from '../access/access-feature.ts'
import { approvalsFeature } from '../approvals/approvals-feature.ts'
import { claimsFeature } from '../claims/claims-feature.ts'
import { cyclesFeature } from '../cycles/cycles-feature.ts'
import { eventsFeature } from '../events/events-feature.ts'
import { fundFeature } from '../fund/fund-feature.ts'
import { ledgerFeature } from '../ledger/ledger-feature.ts'
import { membersFeature } from '../members/members-feature.ts'
import { noticesFeature } from '../notices/notices-feature.ts'
import { operationsFeature } from '../operations/operations-feature.ts'
import { paymentsFeature } from '../payments/payments-feature.ts'
import { walletsFeature } from '../wallets/wallets-feature.ts'
import type { Feature } from './application.ts'

/** Every feature, lowest first: each may import those before it in this list, and none after it. */
export const features: readonly Feature[] = [
  eventsFeature,
  accessFeature,
  approvalsFeature,
  fundFeature,
  membersFeature,
  claimsFeature,
  cyclesFeature,
  ledgerFeature,
  paymentsFeature,
  walletsFeature,
  noticesFeature,
  operationsFeature,
]
