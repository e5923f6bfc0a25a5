import type { AnnounceDeps } from '../events/announce.ts'
import type { NewEvent } from '../events/event-sql.ts'
import { letterLanguages, localDate } from '../fund/fund-rules.ts'
import { findFund } from '../fund/fund-sql.ts'
import type { Db } from '../platform/database/connect.ts'
import type { Actor } from '../platform/values/actor.ts'
import type { Clock } from '../platform/values/clock.ts'
import { DomainError } from '../platform/values/errors.ts'
import { findNewestContent, type LetterContent } from './delivery-sql.ts'
import { faultsOf, type WrittenLetter, writeLetter } from './letter.ts'
import type { LetterKind } from './letter-rules.ts'
import { type LetterTemplate, letters } from './letter-rules.ts'
import { letterText } from './letter-texts.ts'
import {
  deleteTemplate,
  findTemplates,
  lockTemplate,
  type OwnTemplate,
  putTemplate,
  type TemplateKey,
} from './template-sql.ts'

/** The present wording of a letter, the fund's or Almoner's. */
export interface TemplateView extends TemplateKey, LetterTemplate {
  /** When the fund changed it; null: it is Almoner's. */
  updatedAt: string | null
}

/** Every kind of letter in every language. */
export async function listTemplates(db: Db): Promise<TemplateView[]> {
  const own = await findTemplates(db)
  return letters.flatMap((letter) =>
    letterLanguages.map((language) => {
      const isIt = (one: OwnTemplate) =>
        one.noticeKind === letter.noticeKind && one.form === letter.form && one.language === language
      return own.find(isIt) ?? builtIn({ ...letter, language })
    }),
  )
}

/**
 * Words a letter anew. Letters that are not sent yet are worded so too.
 *
 * @throws DomainError `invalid-input`: what is wrong with the words
 */
export async function changeTemplate(
  { db, announce }: AnnounceDeps,
  { key, template, actor }: { key: TemplateKey; template: LetterTemplate; actor: Actor },
): Promise<TemplateView> {
  assertSound(key, template)
  return db.transaction().execute(async (tx) => {
    const before = await lockTemplate(tx, key)
    if (before?.subject === template.subject && before.body === template.body) return before
    const after = await putTemplate(tx, { ...key, ...template })
    await announce(tx, changed(key, before, after, actor))
    return after
  })
}

/** Restores Almoner's own wording; does nothing if it is in use already. */
export async function resetTemplate(
  { db, announce }: AnnounceDeps,
  { key, actor }: { key: TemplateKey; actor: Actor },
): Promise<TemplateView> {
  return db.transaction().execute(async (tx) => {
    const before = await lockTemplate(tx, key)
    if (before) {
      await deleteTemplate(tx, key)
      await announce(tx, changed(key, before, undefined, actor))
    }
    return builtIn(key)
  })
}

/**
 * What a letter would be: of the newest notice of its kind, or of an invented one while there is none.
 *
 * @throws DomainError `invalid-input`: what is wrong with the words
 */
export async function previewLetter(
  { db, clock, publicUrl }: { db: Db; clock: Clock; publicUrl: string },
  { key, template }: { key: TemplateKey; template: LetterTemplate },
): Promise<WrittenLetter & { isInvented: boolean }> {
  assertSound(key, template)
  const newest = await findNewestContent(db, key.noticeKind)
  const content = newest ?? (await invent(db, clock, key.noticeKind))
  const letter = writeLetter(content, { ...key, template }, publicUrl)
  return { ...letter, isInvented: newest === undefined }
}

function assertSound({ noticeKind, form }: TemplateKey, template: LetterTemplate): void {
  const faults = faultsOf(noticeKind, form, template)
  if (faults.length === 0) return
  throw new DomainError('invalid-input', 'The letter cannot be worded so.', faults)
}

async function invent(db: Db, clock: Clock, noticeKind: LetterKind): Promise<LetterContent> {
  const { name, currency, currencyExponent, timeZone } = await findFund(db)
  const today = localDate(clock.now(), timeZone)
  const isDigest = noticeKind === 'agent-digest'
  return {
    noticeKind,
    fundName: name,
    recipientName: 'Asha Rao',
    cycleId: '00000000-0000-4000-8000-000000000000',
    cycleCode: 'CC-0001',
    claimCode: 'CL-0001',
    deceasedFullName: 'Ravi Kumar',
    dateOfDeath: today,
    placeOfDeath: 'Pune',
    contributionAmount: 10_000,
    currency,
    currencyExponent,
    deadline: today,
    totalMembers: 5_000,
    members: isDigest ? 40 : null,
    amount: isDigest ? 400_000 : 10_000,
    agentName: 'Meera Das',
    failureReason: 'this is an example',
  }
}

function builtIn(key: TemplateKey): TemplateView {
  return { ...key, ...letterText(key.noticeKind, key.form, key.language), updatedAt: null }
}

function changed(
  key: TemplateKey,
  before: LetterTemplate | undefined,
  after: LetterTemplate | undefined,
  actor: Actor,
): NewEvent {
  const words = (template?: LetterTemplate) =>
    template ? { subject: template.subject, body: template.body } : {}
  return {
    eventName: 'NoticeTemplateChanged',
    subject: null,
    actor,
    payload: { ...key, before: words(before), after: words(after) },
  }
}
