/**
 * What may stand in the register's texts, whichever way they come in. Two texts that look the same become the same: each rule
 * first tidies what was written, and then says in a sentence why it is refused, or undefined when it is good.
 */
import { z } from 'zod'

export interface TextRule {
  /** The text as it is kept: composed (NFC), without blanks at its ends or two in a row. */
  readonly tidy: (text: string) => string
  /** Is applied to a text that is normalized and not empty. */
  readonly reasonAgainst: (text: string) => string | undefined
}

/** A text that needs no change, like nearly every text. */
const isPlain = (text: string) => /^[!-~]+(?: [!-~]+)*$/.test(text)

/** Letters and digits, and between them what names and codes have. A million rows are read, and nearly all texts are like that. */
const isOrdinary = (text: string) => /^[A-Za-z0-9](?:[A-Za-z0-9 .,'_-]*[A-Za-z0-9.])?$/.test(text)

/** Blanks of every width are one blank; line breaks stay, and are refused later. */
const tidyText = (text: string) =>
  isPlain(text)
    ? text
    : text
        .normalize('NFC')
        .replaceAll(/[\p{Zs}\t]+/gu, ' ')
        .replaceAll(/[\u00ad\u200b\u2060\ufeff]/gu, '')
        .replaceAll(/^[\s\u200b-\u200f]+|[\s\u200b-\u200f]+$/gu, '')

/** An invisible character is not part of a code, a number or an address. */
const tidyCode = (text: string) => (isPlain(text) ? text : tidyText(text.replaceAll(/\p{Cf}/gu, '')))

/** A code of a tier or an agent, as people write it on paper and say it on the telephone. */
export const codeRule: TextRule = {
  tidy: tidyCode,
  reasonAgainst: (code) => reasonAgainstShortened(code) ?? reasonAgainstText(code, 40),
}

/** By what number a source calls a payment. */
export const referenceRule: TextRule = {
  tidy: tidyCode,
  reasonAgainst: (reference) => reasonAgainstShortened(reference) ?? reasonAgainstText(reference, 100),
}

/** A member's code is quoted inside a contribution's, so it holds no spaces. */
export const memberCodeRule: TextRule = {
  tidy: tidyCode,
  reasonAgainst: (code) =>
    /[\s\p{Cc}]/u.test(code) ? 'A code has no spaces or line breaks inside.' : codeRule.reasonAgainst(code),
}

export const nameRule: TextRule = { tidy: tidyText, reasonAgainst: (name) => reasonAgainstText(name, 200) }

/** Digits of every script become those that can be dialled, and every dash and blank the plain one. */
export const phoneRule: TextRule = {
  tidy: (phone) =>
    isPlain(phone)
      ? phone.replace(/^'/, '')
      : tidyCode(phone.normalize('NFKC'))
          .replaceAll(/\p{Nd}/gu, (digit) => String(decimalValue(digit)))
          .replaceAll(/\p{Pd}|\u2212/gu, '-')
          .replace(/^['’]/, ''),
  reasonAgainst: (phone) => {
    if (!/^\(?\+?[0-9 ()-]{1,40}$/.test(phone)) {
      return 'A phone number has up to 40 of: digits, a + at the beginning, -, ( ) and spaces.'
    }
    const digits = phone.replaceAll(/\D/g, '')
    if (digits.length < 3 || /^0*$/.test(digits)) return 'This is no phone number: it has too few digits.'
    return digits.length > 17 ? 'This is more than one phone number.' : undefined
  },
}

/** The digits of a script stand one after the other in Unicode, from its zero on. */
function decimalValue(digit: string): number {
  const point = digit.codePointAt(0) ?? 0
  let zero = point
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1)) && point - zero < 9) zero -= 1
  return point - zero
}

/** Domains and local parts in every script, as in RFC 6531, and as providers allow them. */
export const emailRule: TextRule = {
  tidy: tidyCode,
  reasonAgainst: (email) =>
    email.length <= 254 &&
    (/^[A-Za-z0-9]+@[a-z]+[.][a-z]+$/.test(email) ||
      /^(?![.])(?!.*[.]{2})[^\s@<>()[\],;:"\\\p{Cc}]+(?<![.])@(?:[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?[.])+[\p{L}\p{N}][\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}]$/u.test(
        email,
      ))
      ? undefined
      : 'This is no e-mail address.',
}

/** What a spreadsheet writes when a value cannot be computed, or does not fit into its column. */
const spreadsheetError = /^#(?:N\/A|REF!|VALUE!|NAME\?|DIV\/0!|NULL!|NUM!|SPILL!|CALC!|FIELD!|#+)$/i

function reasonAgainstShortened(number: string): string | undefined {
  return number.includes('+') && /^\d([.,]\d+)?E\+\d+$/i.test(number)
    ? 'A spreadsheet has shortened this number: write it out, and let the column be text.'
    : undefined
}

function reasonAgainstText(text: string, maxChars: number): string | undefined {
  if (text.length <= maxChars && isOrdinary(text)) return undefined
  // UTF-16 units first: they are never fewer than the characters that PostgreSQL counts.
  if (text.length > maxChars && [...text].length > maxChars) {
    return `It is longer than ${maxChars} characters.`
  }
  if (/[\r\n\p{Zl}\p{Zp}]/u.test(text)) {
    return 'It has a line break inside; is a quotation mark opened here and closed too late?'
  }
  if (/\p{Cc}/u.test(text)) return 'It has control characters inside.'
  if (/[\u202a-\u202e\u2066-\u2069]/.test(text)) {
    return 'It has characters inside that turn the direction of writing, so that it reads as something else.'
  }
  if (/\p{Co}/u.test(text)) return 'It has characters inside that only one font knows.'
  if (spreadsheetError.test(text)) return 'A spreadsheet has written an error here in place of the value.'
  if (/^[=+@-]/.test(text)) return 'It begins with =, +, - or @, which a spreadsheet runs as a formula.'
  if (/^".*"$/.test(text)) return 'Between a quotation mark that closes and the comma there must be nothing.'
  // The filler of Hangul is an invisible letter.
  if (!/(?!\p{Default_Ignorable_Code_Point})[\p{L}\p{N}]/u.test(text))
    return 'It has neither letter nor digit.'
  return undefined
}

/** The schema of a text that the rule accepts, in its normalized form; it must not be empty. */
export function textSchema({ tidy, reasonAgainst }: TextRule) {
  return z
    .string()
    .overwrite(tidy)
    .superRefine((text, context) => {
      const message = text === '' ? 'It is missing.' : reasonAgainst(text)
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    })
}

/** The refusal of a code that is taken: it names the existing code, and why they are the same if they look different. */
export function takenCode(code: string, taken: string): string {
  return code === taken
    ? `${taken} already`
    : `${taken} already, and ${code} differs from it in capitals or leading zeros only`
}
