import { escapeUTF8 as escapeHtml } from 'entities'
import type { LetterLanguage } from '../fund/fund-rules.ts'
import type { InputFault } from '../platform/values/errors.ts'
import { formatAmount } from '../platform/values/money-rules.ts'
import type { LetterContent } from './delivery-sql.ts'
import { fillIn, LetterTooLargeError, namesIn, parseWording } from './letter-language.ts'
import {
  type LetterForm,
  type LetterKind,
  type LetterPart,
  type LetterTemplate,
  type LetterVariable,
  letterKinds,
  maxShortChars,
  partsOf,
} from './letter-rules.ts'
import { letterText } from './letter-texts.ts'

export interface WrittenLetter {
  readonly subject: string
  readonly text: string
  /** The page of the console that it links to. */
  readonly link: string
}

/**
 * The letter in words; those of Almoner where the fund has none of its own, or has some that were saved before there were
 * limits and do not keep within them.
 */
export function writeLetter(
  content: LetterContent,
  {
    form,
    language,
    template,
  }: { form: LetterForm; language: LetterLanguage; template: LetterTemplate | null },
  publicUrl: string,
): WrittenLetter {
  const link = `${publicUrl}${pathOf(content)}`
  const values = valuesOf(content, language, link)
  const render = (source: string) => fillIn(parseWording(source), values).trim()
  const write = ({ subject, body }: LetterTemplate) => {
    // A subject is one line.
    return { subject: render(subject).replace(/\s+/g, ' '), text: render(body), link }
  }
  const ours = letterText(content.noticeKind, form, language)
  try {
    return write(template ?? ours)
  } catch (error) {
    if (!(error instanceof LetterTooLargeError)) throw error
    return write(ours)
  }
}

/** Why the wording is invalid; undefined when it is valid. */
export function faultsOf(kind: LetterKind, form: LetterForm, template: LetterTemplate): InputFault[] {
  const faults: InputFault[] = []
  const { variables, required } = letterKinds[kind]
  const wanted = required[form]
  if (!wanted) return [{ pointer: '/form', detail: 'There is no such form of this letter.' }]
  const named = new Set<string>()
  for (const [part, source] of Object.entries(template) as [keyof LetterTemplate, string][]) {
    if (part === 'subject' && form === 'short') continue
    try {
      const parsed = parseWording(source)
      const unknown = namesIn(parsed).filter((name) => {
        named.add(name)
        return !(variables as readonly string[]).includes(name)
      })
      if (unknown.length > 0) {
        const detail = `The ${part} names ${unknown.map((name) => `"${name}"`).join(', ')}, which this letter does not know. It knows ${variables.join(', ')}.`
        faults.push({ pointer: `/${part}`, detail })
      } else {
        const rendered = fillIn(parsed, sampleValues(kind))
        if (rendered.trim() === '') faults.push({ pointer: `/${part}`, detail: `The ${part} is empty.` })
        if (form === 'short' && rendered.length > maxShortChars) {
          faults.push({ pointer: `/${part}`, detail: `It is longer than ${maxShortChars} characters.` })
        }
      }
    } catch (error) {
      const { message } = error as Error
      const detail = error instanceof LetterTooLargeError ? message : `cannot be read: ${message}`
      faults.push({ pointer: `/${part}`, detail: `The ${part} ${detail}.` })
    }
  }
  if (faults.length > 0) return faults
  const missing = wanted.filter((name) => !named.has(name))
  if (missing.length === 0) return []
  return [{ pointer: '/body', detail: `It must name ${missing.map((name) => `{{ ${name} }}`).join(', ')}.` }]
}

function sampleValues(kind: LetterKind): Record<string, string> {
  return Object.fromEntries(letterKinds[kind].variables.map((name) => [name, name]))
}

function pathOf({ noticeKind, cycleId }: LetterContent): string {
  switch (noticeKind) {
    case 'agent-digest':
      return `/cycles/${cycleId}/sheet`
    case 'webhook-disabled':
      return '/webhooks'
    case 'member-notice':
      return ''
    default:
      return `/cycles/${cycleId}`
  }
}

function valuesOf(
  content: LetterContent,
  language: LetterLanguage,
  link: string,
): Record<LetterVariable, string> {
  const amount = (minor: number | null) => (minor === null ? '' : formatAmount(minor, content, language))
  const number = (value: number | null) => new Intl.NumberFormat(language).format(value ?? 0)
  return {
    recipientName: content.recipientName,
    fundName: content.fundName,
    link,
    cycleCode: content.cycleCode,
    claimCode: content.claimCode,
    deceasedFullName: content.deceasedFullName,
    dateOfDeath: dateInWords(content.dateOfDeath, language),
    placeOfDeath: content.placeOfDeath ?? '',
    contributionAmount: amount(content.contributionAmount),
    deadline: dateInWords(content.deadline, language),
    totalMembers: number(content.totalMembers),
    members: number(content.members),
    amount: amount(content.amount),
    agentName: content.agentName ?? '',
    reason: content.failureReason ?? '—',
  }
}

/** A date of the calendar, `2026-11-25`, as `25 November 2026`. */
function dateInWords(isoDate: string, language: LetterLanguage): string {
  const locale = language === 'en' ? 'en-GB' : language
  return new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }).format(
    new Date(`${isoDate}T00:00:00Z`),
  )
}

/** The letter as HTML. */
export function htmlOf({ text, link }: WrittenLetter, language: LetterLanguage): string {
  return (
    `<!doctype html><html lang="${language}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
    // Its colours are for a light background, whatever the reader's setting.
    '<meta name="color-scheme" content="light"><body style="background:#fff;margin:0">' +
    '<div style="font:16px/1.5 system-ui,sans-serif;color:#222;max-width:36em;margin:0 auto;padding:16px">' +
    partsOf(text, link)
      .map((part) => htmlOfPart(part, link))
      .join('') +
    '</div></body></html>'
  )
}

function htmlOfPart(part: LetterPart, link: string): string {
  if ('linkWords' in part) {
    return `<p><a href="${escapeHtml(link)}">${escapeHtml(part.linkWords)}</a></p>`
  }
  if ('lines' in part) return `<p>${part.lines.map(escapeHtml).join('<br>')}</p>`
  const rows = part.facts.map(
    ([name, value]) =>
      `<tr><th style="text-align:left;font-weight:normal;color:#555;padding:4px 24px 4px 0">${escapeHtml(name)}</th>` +
      `<td style="padding:4px 0">${escapeHtml(value)}</td></tr>`,
  )
  return `<table style="border-collapse:collapse">${rows.join('')}</table>`
}
