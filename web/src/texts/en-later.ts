/** Texts of pages at which nobody looks first: they come with those pages. */
import audit from './en/audit.ts'
import operations from './en/operations.ts'
import payments from './en/payments.ts'

export const later = { operations: { ...operations, ...audit }, payments }
