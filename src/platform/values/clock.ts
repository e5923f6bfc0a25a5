/**
 * The time of day for business dates (start date, year of a code, "not in the future"). Passed in, so that a
 * date can be decided in one place and tested at any. Instants that order the register's history are never
 * taken from here but from the database, which stamps that history.
 */
export interface Clock {
  now(): Date
}

export const systemClock: Clock = { now: () => new Date() }
