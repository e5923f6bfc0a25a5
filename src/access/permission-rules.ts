/** Who may do what. This one table is checked before anything is done; docs/security.md shows it. */

export const permissions = [
  'fund.read',
  'fund.change',
  'agents.read',
  'members.read',
  'members.change',
  'members.import',
  'members.erase',
  'claims.read',
  'claims.submit',
  'claims.decide',
  'cycles.read',
  'cycles.watch',
  'cycles.start',
  'cycles.steer',
  'contributions.read',
  'contributions.waive',
  'payments.read',
  'payments.record',
  'payments.reverse',
  'sources.change',
  'wallets.refund',
  'ledger.read',
  'notices.read',
  'deliveries.read',
  'deliveries.resend',
  'webhooks.change',
  'templates.change',
  'jobs.read',
  'metrics.read',
  'queue.read',
  'queue.steer',
  'users.read',
  'users.change',
  'keys.change',
  'audit.read',
] as const

export type Permission = (typeof permissions)[number]

/** `own`: of the agent's own members and what they owe, and of cycles only those that are Active or over. */
export type Grant = 'all' | 'own'

const all = (...granted: Permission[]): Partial<Record<Permission, Grant>> =>
  Object.fromEntries(granted.map((permission) => [permission, 'all']))

export const roleGrants = {
  admin: all(...permissions),
  treasurer: all(
    'fund.read',
    'agents.read',
    'members.read',
    'members.erase',
    'claims.read',
    'claims.decide',
    'cycles.read',
    'cycles.watch',
    'cycles.start',
    'cycles.steer',
    'contributions.read',
    'contributions.waive',
    'payments.read',
    'payments.record',
    'payments.reverse',
    'wallets.refund',
    'ledger.read',
    'notices.read',
    'deliveries.read',
    'jobs.read',
    'queue.read',
  ),
  cashier: all(
    'fund.read',
    'agents.read',
    'members.read',
    'cycles.read',
    'contributions.read',
    'payments.read',
    'payments.record',
    'payments.reverse',
  ),
  clerk: all(
    'fund.read',
    'agents.read',
    'members.read',
    'members.change',
    'members.import',
    'claims.read',
    'claims.submit',
  ),
  agent: {
    'fund.read': 'all',
    'members.read': 'own',
    'cycles.read': 'own',
    'contributions.read': 'own',
    'notices.read': 'own',
  },
  auditor: all(
    'fund.read',
    'agents.read',
    'members.read',
    'claims.read',
    'cycles.read',
    'cycles.watch',
    'contributions.read',
    'payments.read',
    'ledger.read',
    'deliveries.read',
    'jobs.read',
    'metrics.read',
    'queue.read',
    'users.read',
    'audit.read',
  ),
} as const satisfies Record<string, Partial<Record<Permission, Grant>>>

export type Role = keyof typeof roleGrants

export const roles = Object.keys(roleGrants) as [Role, ...Role[]]

/** What a role may do with this permission; undefined: nothing. */
export function grantOf(role: Role, permission: Permission): Grant | undefined {
  return (roleGrants[role] as Partial<Record<Permission, Grant>>)[permission]
}

/** Who may approve and reject claims. */
export const decidingRoles: readonly Role[] = roles.filter((role) => grantOf(role, 'claims.decide'))

/** Whether whoever has the role decides claims, or asks for and approves what needs two persons. */
export function takesPart(role: Role): boolean {
  return decidingRoles.includes(role) || grantOf(role, 'members.import') !== undefined
}

/** Roles that can move money must sign in with a second factor. */
export function needsSecondFactor(role: Role): boolean {
  return role === 'admin' || role === 'treasurer' || role === 'cashier'
}

/**
 * What a route asks of whoever comes: nothing, or to be signed in (with a session, and be it one that still lacks its
 * second factor), or a permission.
 */
export type Access = 'anyone' | 'session' | Permission
