import { accessFeature } from '../access/access-feature.ts'
import { approvalsFeature } from '../approvals/approvals-feature.ts'
import { claimsFeature } from '../claims/claims-feature.ts'
import { cyclesFeature } from '../cycles/cycles-feature.ts'
import { eventsFeature } from '../events/events-feature.ts'
import { fundFeature } from '../fund/fund-feature.ts'
import { membersFeature } from '../members/members-feature.ts'
import { noticesFeature } from '../notices/notices-feature.ts'
import { operationsFeature } from '../operations/operations-feature.ts'
import type { Feature } from './application.ts'

/** Every feature, lowest first: each knows those above it in this list, and none below. */
export const features: readonly Feature[] = [
  eventsFeature,
  accessFeature,
  approvalsFeature,
  fundFeature,
  membersFeature,
  claimsFeature,
  cyclesFeature,
  noticesFeature,
  operationsFeature,
]
