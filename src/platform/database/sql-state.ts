/** PostgreSQL's error codes, which only this file knows. Source: its manual, appendix A. */

function sqlStateOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Whether a unique index refused a row; with `constraint`, that one. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return isViolation(error, '23505', constraint)
}

/** Whether this foreign key refused a row: the row that it points to does not exist. */
export function isForeignKeyViolation(error: unknown, constraint: string): boolean {
  return isViolation(error, '23503', constraint)
}

/** Whether a trigger refused to remove a row that is kept or used. */
export function isRestricted(error: unknown): boolean {
  return sqlStateOf(error) === '23001'
}

function isViolation(error: unknown, state: string, constraint: string | undefined): boolean {
  if (sqlStateOf(error) !== state) return false
  return constraint === undefined || (error as Error & { constraint?: string }).constraint === constraint
}

const transientStates = new Set([
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available
  '57014', // query_canceled, also a statement timeout
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '25P03', // idle_in_transaction_session_timeout
])

/** Whether a statement took longer than it may. */
export function isGivenUp(error: unknown): boolean {
  return sqlStateOf(error) === '57014'
}

/** Whether no connection of a pool became free in time. The error of the pool has no code. */
export function isPoolBusy(error: unknown): boolean {
  return error instanceof Error && error.message === 'timeout exceeded when trying to connect'
}

/** Messages of node-postgres for a lost connection: they have no code. */
const lostConnection =
  /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|Connection ended unexpectedly)/

const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
])

/**
 * Whether the same work may well succeed when simply tried again: nothing is wrong with it, only with the moment.
 * Class 53 is "insufficient resources" (disk full, too many connections), class 08 "connection exception".
 */
export function isTransient(error: unknown): boolean {
  const state = sqlStateOf(error)
  if (state !== undefined) {
    return transientStates.has(state) || networkCodes.has(state) || /^(53|08)/.test(state)
  }
  return error instanceof Error && lostConnection.test(error.message)
}
