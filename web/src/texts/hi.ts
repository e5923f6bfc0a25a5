import type { en } from './en.ts'
import type { later } from './en-later.ts'
import access from './hi/access.ts'
import audit from './hi/audit.ts'
import claims from './hi/claims.ts'
import cycles from './hi/cycles.ts'
import fund from './hi/fund.ts'
import members from './hi/members.ts'
import notices from './hi/notices.ts'
import operations from './hi/operations.ts'
import payments from './hi/payments.ts'
import shell from './hi/shell.ts'

export const hi: typeof en & typeof later = {
  access,
  claims,
  cycles,
  fund,
  members,
  notices,
  operations: { ...operations, ...audit },
  payments,
  shell,
}
