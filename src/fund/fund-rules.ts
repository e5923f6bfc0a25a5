import { Temporal } from 'temporal-polyfill'

/** Today where the fund is, `YYYY-MM-DD`. */
export function localDate(now: Date, timeZone: string): string {
  return Temporal.Instant.fromEpochMilliseconds(now.getTime())
    .toZonedDateTimeISO(timeZone)
    .toPlainDate()
    .toString()
}

/** The instant at which the day ends where the fund is, RFC 3339; now, while it has not ended. */
export function endOfDay(date: string, timeZone: string, now: Date): string {
  const end = Temporal.PlainDate.from(date).add({ days: 1 }).toZonedDateTime(timeZone).toInstant()
  const current = Temporal.Instant.fromEpochMilliseconds(now.getTime())
  return (Temporal.Instant.compare(end, current) < 0 ? end : current).toString()
}

/** Whether it is a valid IANA time zone. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/** `CC` in 2026, the 15th → `CC-2026-00015`. Numbers restart each calendar year, and may have more than five digits. */
export function yearlyCode(prefix: string, year: number, number: number): string {
  return `${prefix}-${year}-${String(number).padStart(5, '0')}`
}

/** The codes of claims begin with it; those of cycles begin with another prefix, which the fund chooses. */
export const claimCodePrefix = 'CL'

/** There is one fund, and it has no id: what is asked of it has this. */
export const fundSubject = '00000000-0000-0000-0000-000000000000'

/** The largest `startLimitPercent`: eleven times the target. */
export const maxStartLimitPercent = 1000

/** Languages in which letters can be written. */
export const letterLanguages = ['en', 'hi'] as const
export type LetterLanguage = (typeof letterLanguages)[number]

/** Ways to reach people, besides the console. */
export const personalChannels = ['email', 'sms', 'whatsapp'] as const
export type PersonalChannel = (typeof personalChannels)[number]
