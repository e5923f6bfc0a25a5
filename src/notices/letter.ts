import { escapeUTF8 as escapeHtml } from 'entities'
import { formatAmount } from '../money.ts'
import type { Letter } from './delivery-sql.ts'

export interface WrittenLetter {
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** The letter in words; as text, and the same as HTML. */
export function writeLetter(letter: Letter, publicUrl: string): WrittenLetter {
  const { subject, lines, link } = contentOf(letter)
  const greeting = `Dear ${letter.recipientName},`
  const url = `${publicUrl}${link.path}`
  const facts = lines.filter((line): line is [string, string] => typeof line !== 'string')
  const sentences = lines.filter((line) => typeof line === 'string')
  const text = [
    greeting,
    ...sentences,
    facts.map(([name, value]) => `${name}: ${value}`).join('\n'),
    `${link.words}:\n${url}`,
    letter.fundName,
  ]
    .filter((part) => part !== '')
    .join('\n\n')
  const rows = facts
    .map(
      ([name, value]) =>
        `<tr><th style="text-align:left;font-weight:normal;color:#555;padding:4px 24px 4px 0">${escapeHtml(name)}</th>` +
        `<td style="padding:4px 0">${escapeHtml(value)}</td></tr>`,
    )
    .join('')
  const html =
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
    // Its colours are for a light ground, whatever that of the reader is.
    '<meta name="color-scheme" content="light"><body style="background:#fff;margin:0">' +
    '<div style="font:16px/1.5 system-ui,sans-serif;color:#222;max-width:36em;margin:0 auto;padding:16px">' +
    [greeting, ...sentences].map((sentence) => `<p>${escapeHtml(sentence)}</p>`).join('') +
    (rows && `<table style="border-collapse:collapse">${rows}</table>`) +
    `<p><a href="${escapeHtml(url)}">${escapeHtml(link.words)}</a></p>` +
    `<p style="color:#555">${escapeHtml(letter.fundName)}</p></div></body></html>`
  return { subject, text, html }
}

interface Content {
  readonly subject: string
  /** Sentences, and facts with their names. */
  readonly lines: readonly (string | [name: string, value: string])[]
  readonly link: { readonly path: string; readonly words: string }
}

function contentOf(letter: Letter): Content {
  const { cycleCode, currency } = letter
  const amount = (minor: number | null) => (minor === null ? '' : formatAmount(minor, currency))
  const number = (value: number | null) => new Intl.NumberFormat('en').format(value ?? 0)
  const page = `/cycles/${letter.cycleId}`
  // What the law asks of a notice: whose death, which claim, how much, until when, and how many are asked.
  const facts: [string, string][] = [
    ['Deceased', letter.deceasedFullName],
    ['Date of death', dateInWords(letter.dateOfDeath)],
    ['Claim', letter.claimCode],
    ['Contribution of each member', amount(letter.contributionAmount)],
    ['Last day to pay', dateInWords(letter.deadline)],
    ['Members asked in all', number(letter.totalMembers)],
  ]
  switch (letter.noticeKind) {
    case 'agent-digest':
      return {
        subject: `${cycleCode}: ${amount(letter.amount)} to collect from ${number(letter.members)} of your members`,
        lines: [
          `A contribution cycle was opened after the death of ${letter.deceasedFullName}. Please collect from your members.`,
          ...facts,
          ['Your members who are asked', number(letter.members)],
          ['To collect in all', amount(letter.amount)],
        ],
        link: { path: `${page}/sheet`, words: 'Your collection sheet' },
      }
    case 'cycle-ready':
      return {
        subject: `${cycleCode} is ready: ${number(letter.totalMembers)} contributions`,
        lines: [`The contribution cycle ${cycleCode} is Active.`, ...facts],
        link: { path: page, words: 'The cycle' },
      }
    case 'webhook-disabled':
      return {
        subject: 'A webhook was switched off',
        lines: [
          `What happens to cycles could not be delivered to a webhook any more, so it was switched off: ${letter.failureReason ?? 'the reason is not known'}`,
        ],
        link: { path: '/webhooks', words: 'The webhooks' },
      }
    case 'webhook':
      throw new Error('A webhook gets no letters.')
    case 'cycle-failed':
      return {
        subject: `${cycleCode} has failed`,
        lines: [
          `The contributions of the cycle ${cycleCode} could not be created: ${letter.failureReason ?? 'the reason is not known'}`,
          'Nobody was asked to pay. It can be tried again, or cancelled, on its page.',
        ],
        link: { path: page, words: 'The cycle' },
      }
  }
}

/** A date of the calendar, `2026-11-25`, as `25 November 2026`. */
function dateInWords(isoDate: string): string {
  return new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' }).format(
    new Date(`${isoDate}T00:00:00Z`),
  )
}
