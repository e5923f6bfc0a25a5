import type { PersonalChannel } from '../fund/fund-rules.ts'
import type { NoticeKind } from './notice-rules.ts'

/** Kinds of notices that have letters. */
export type LetterKind = Exclude<NoticeKind, 'webhook'>

/** A letter is mailed; the short form goes to telephones, and has no subject. */
export const letterForms = ['letter', 'short'] as const
export type LetterForm = (typeof letterForms)[number]

export function formOf(channel: PersonalChannel): LetterForm {
  return channel === 'email' ? 'letter' : 'short'
}

/** As many characters as a short letter may have. */
export const maxShortChars = 1000

/** The wording that a fund can change, in Liquid: names of values in double braces. */
export interface LetterTemplate {
  readonly subject: string
  readonly body: string
}

/** What the letters of a cycle can say. */
const ofCycle = [
  'recipientName',
  'fundName',
  'cycleCode',
  'claimCode',
  'deceasedFullName',
  'dateOfDeath',
  // Empty where it is not known.
  'placeOfDeath',
  'deadline',
  'totalMembers',
] as const

/** What the law asks for in a notice: whose death, which claim, how much, until when, and how many members pay. */
const lawful = [
  'deceasedFullName',
  'dateOfDeath',
  'placeOfDeath',
  'claimCode',
  'deadline',
  'totalMembers',
] as const

export type LetterVariable =
  | (typeof ofCycle)[number]
  | 'link'
  | 'contributionAmount'
  | 'members'
  | 'amount'
  | 'agentName'
  | 'reason'

interface LetterRules {
  /** The values it can name. */
  readonly variables: readonly LetterVariable[]
  /** Those that it must name, in each of its forms. */
  readonly required: { readonly [form in LetterForm]?: readonly LetterVariable[] }
}

export const letterKinds: Readonly<Record<LetterKind, LetterRules>> = {
  'agent-digest': {
    variables: [...ofCycle, 'link', 'contributionAmount', 'members', 'amount'],
    required: {
      letter: [...lawful, 'contributionAmount', 'members', 'amount', 'link'],
      short: ['claimCode', 'members', 'amount', 'deadline'],
    },
  },
  // A member has no page in the console.
  'member-notice': {
    variables: [...ofCycle, 'amount', 'agentName'],
    required: { letter: [...lawful, 'amount'], short: [...lawful, 'amount'] },
  },
  'cycle-ready': {
    variables: [...ofCycle, 'link', 'contributionAmount'],
    required: { letter: ['cycleCode', 'link'] },
  },
  'cycle-failed': {
    variables: [...ofCycle, 'link', 'contributionAmount', 'reason'],
    required: { letter: ['cycleCode', 'reason', 'link'] },
  },
  'webhook-disabled': {
    variables: ['recipientName', 'fundName', 'link', 'reason'],
    required: { letter: ['reason', 'link'] },
  },
}

/** All letters, in each of their forms. */
export const letters = (Object.keys(letterKinds) as LetterKind[]).flatMap((noticeKind) =>
  letterForms.filter((form) => letterKinds[noticeKind].required[form]).map((form) => ({ noticeKind, form })),
)

/** A part of a letter as it is shown: lines, facts with their names, or the link and its words. */
export type LetterPart =
  | { readonly lines: readonly string[] }
  | { readonly facts: readonly (readonly [name: string, value: string])[] }
  | { readonly linkWords: string }

/**
 * The parts of a letter, with an empty line between them. Two or more lines that all have the form `Name: value` are facts;
 * a part that ends with the link alone is the link, and the line before it its words.
 */
export function partsOf(text: string, link: string): LetterPart[] {
  return text
    .trim()
    .split(/\n[^\S\n]*\n\s*/)
    .filter((part) => part !== '')
    .map((part) => {
      const lines = part.split('\n').map((line) => line.trim())
      if (lines.at(-1) === link && lines.length <= 2) {
        return { linkWords: lines.length === 1 ? link : (lines[0] as string).replace(/:$/, '') }
      }
      const facts = lines.flatMap((line) => {
        const [, name, value] = /^([^:]{1,80}): (.+)$/.exec(line) ?? []
        return name !== undefined && value !== undefined ? [[name, value] as const] : []
      })
      return facts.length === lines.length && facts.length > 1 ? { facts } : { lines }
    })
}
