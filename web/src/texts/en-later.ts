/** Texts of pages at which nobody looks first: they come with those pages. */
import operations from './en/operations.ts'
import payments from './en/payments.ts'

export const later = { operations, payments }
