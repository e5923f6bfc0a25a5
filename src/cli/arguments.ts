import { InvalidArgumentError } from 'commander'
import { type ClaimView, findClaim } from '../claims/claim-sql.ts'
import { type CycleView, findCycle } from '../cycles/cycle-sql.ts'
import { findTier, type TierRow } from '../fund/fund-sql.ts'
import { findMember, type MemberView } from '../members/member-sql.ts'
import type { Db } from '../platform/database/connect.ts'
import { DomainError } from '../platform/values/errors.ts'
import { type TextRule, textSchema } from '../platform/values/text-rules.ts'
import { nameSchema } from '../platform/values/value-schemas.ts'

/** A whole number within bounds, for commander. */
export function wholeNumber(from: number, to: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= from && value <= to) return value
    throw new InvalidArgumentError(`It must be a whole number from ${from} to ${to}.`)
  }
}

/** A date that exists, `YYYY-MM-DD`, for commander. */
export function isoDate(text: string): string {
  const isDate = /^\d{4}-\d{2}-\d{2}$/.test(text) && new Date(`${text}T00:00:00Z`).toJSON()?.startsWith(text)
  if (isDate) return text
  throw new InvalidArgumentError('It must be a date such as 2026-11-23.')
}

/** A name of a person or a place, for commander. */
export function nameOf(text: string): string {
  const name = nameSchema.safeParse(text)
  if (name.success) return name.data
  throw new InvalidArgumentError(name.error.issues.map(({ message }) => message).join(' '))
}

/** A text that the rule accepts, for commander. */
export function textOf(rule: TextRule): (text: string) => string {
  const schema = textSchema(rule)
  return (text) => {
    const read = schema.safeParse(text)
    if (read.success) return read.data
    throw new InvalidArgumentError(read.error.issues.map(({ message }) => message).join(' '))
  }
}

/** `none` becomes an empty text: commander has no null. */
export const orNone = (read: (text: string) => string) => (text: string) =>
  text === 'none' ? '' : read(text)

/** @throws DomainError `claim-not-found` */
export async function claimByCode(db: Db, claimCode: string): Promise<ClaimView> {
  const claim = await findClaim(db, { claimCode })
  if (!claim) throw new DomainError('claim-not-found', `There is no claim ${claimCode}.`)
  return claim
}

/** @throws DomainError `member-not-found` */
export async function memberByCode(db: Db, memberCode: string): Promise<MemberView> {
  const member = await findMember(db, { memberCode })
  if (!member) throw new DomainError('member-not-found', `There is no member ${memberCode}.`)
  return member
}

/** @throws DomainError `tier-not-found` */
export async function tierByCode(db: Db, tierCode: string): Promise<TierRow> {
  const tier = await findTier(db, { tierCode })
  if (!tier) throw new DomainError('tier-not-found', `There is no tier ${tierCode}.`)
  return tier
}

/** @throws DomainError `cycle-not-found` */
export async function cycleByCode(db: Db, cycleCode: string): Promise<CycleView> {
  const cycle = await findCycle(db, { cycleCode })
  if (!cycle) throw new DomainError('cycle-not-found', `There is no contribution cycle ${cycleCode}.`)
  return cycle
}
