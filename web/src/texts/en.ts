import access from './en/access.ts'
import claims from './en/claims.ts'
import cycles from './en/cycles.ts'
import fund from './en/fund.ts'
import members from './en/members.ts'
import notices from './en/notices.ts'
import shell from './en/shell.ts'

export const en = { access, claims, cycles, fund, members, notices, shell }
