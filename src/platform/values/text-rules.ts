/**
 * What may stand in the register's texts, whichever way they come in. Each function returns why a text is refused, as a
 * sentence, or undefined when it is good.
 */
import { z } from 'zod'

type ReasonAgainst = (text: string) => string | undefined

/** A code of a tier or an agent: what people write on paper and say on the telephone. */
export const reasonAgainstCode: ReasonAgainst = (code) => reasonAgainstText(code, 40)

/** A member's code is quoted inside a contribution's, so it holds no spaces. */
export const reasonAgainstMemberCode: ReasonAgainst = (code) =>
  /[\s\p{Cc}\p{Cf}]/u.test(code)
    ? 'A code has no spaces, line breaks or invisible characters inside.'
    : reasonAgainstCode(code)

export const reasonAgainstName: ReasonAgainst = (name) => reasonAgainstText(name, 200)

export const reasonAgainstPhone: ReasonAgainst = (phone) =>
  /^[0-9+ ()-]{1,40}$/.test(phone)
    ? undefined
    : 'A phone number has up to 40 of: digits, +, -, ( ) and spaces.'

export const reasonAgainstEmail: ReasonAgainst = (email) =>
  email.length <= 254 && z.regexes.email.test(email) ? undefined : 'This is no e-mail address.'

function reasonAgainstText(text: string, maxChars: number): string | undefined {
  // UTF-16 units first: they are never fewer than the characters that PostgreSQL counts.
  if (text.length > maxChars && [...text].length > maxChars) {
    return `It is longer than ${maxChars} characters.`
  }
  if (/[\r\n\p{Zl}\p{Zp}]/u.test(text)) {
    return 'It has a line break inside; is a quotation mark opened here and closed too late?'
  }
  if (/\p{Cc}/u.test(text)) return 'It has control characters inside.'
  if (/^[=+@-]/.test(text)) return 'It begins with =, +, - or @, which a spreadsheet runs as a formula.'
  if (/^".*"$/.test(text)) return 'Between a quotation mark that closes and the comma there must be nothing.'
  return undefined
}

/** The schema of a text that the rule lets pass; spaces around it are dropped, and something must be left. */
export function textSchema(reasonAgainst: ReasonAgainst) {
  return z
    .string()
    .trim()
    .superRefine((text, context) => {
      const message = text === '' ? 'It is missing.' : reasonAgainst(text)
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    })
}
