import type { ClientBase } from 'pg'
import { type Approval, findGivenApproval, lockOpenApproval, noteUse } from '../approvals/approval-sql.ts'
import { approve, type Matter, requestApproval, withdrawRequest } from '../approvals/two-persons.ts'
import type { AnnounceDeps } from '../events/announce.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import type { StatusChange } from './import-verdicts-sql.ts'
import { findRegisterSize } from './import-verdicts-sql.ts'
import { isLargeChange, largeSentence, subjectOfFile } from './large-import-rules.ts'

const kind = 'import'

/** An import that changes the status of more members than one person may. */
export interface LargeChange {
  /** Of the file: by it the import is asked for and approved. */
  readonly subject: string
  /** Members who get another status, of so many on the register. */
  readonly changed: number
  readonly members: number
  /** What one person may change, of the register. */
  readonly percent: number
  /** Whether another person has approved it; it may then be done once. */
  readonly isApproved: boolean
  /** What is approved: the file, how it is read, and what becomes of whom. */
  readonly content: Record<string, unknown>
}

/**
 * Looks whether an import changes too much for one person, on the import's own connection.
 *
 * @param file.content what whoever approves has to have seen, besides the changes
 * @param isInEarnest uses up the approval that there has to be
 * @returns null when it is not large
 * @throws DomainError `import-needs-approval`, and `approval-void` when it has changed since it was approved
 */
export async function judgeSize(
  client: ClientBase,
  file: { readonly digest: string; readonly content: Record<string, unknown> },
  allChanges: readonly StatusChange[],
  isInEarnest: boolean,
): Promise<LargeChange | null> {
  const statusChanges = allChanges.filter(({ from }) => from !== null)
  const changed = statusChanges.reduce((sum, { members }) => sum + members, 0)
  if (changed === 0) return null
  const { members, percent } = await findRegisterSize(client)
  if (!isLargeChange({ changed, members, percent })) return null
  const subject = subjectOfFile(file.digest)
  const content = { fileDigest: file.digest, ...file.content, statusChanges }
  const given = await findGivenApproval(client, { kind, subject, content })
  if (isInEarnest) {
    if (given?.isSame === false) {
      throw new DomainError(
        'approval-void',
        'What this file does, or how it is read, has changed since it was approved: ask anew.',
      )
    }
    if (!given) {
      throw new DomainError('import-needs-approval', largeSentence({ changed, members, percent }))
    }
    await noteUse(client, given.approvalId)
  }
  return { subject, changed, members, percent, isApproved: given?.isSame === true, content }
}

/**
 * Asks for an import that is too large for one person, which needs another person to agree. Whoever imports then gives the
 * same file again.
 *
 * @param input.change as a dry run found it
 * @throws DomainError `approval-not-needed`, `approval-requested`
 */
export async function requestImport(
  { db, announce }: AnnounceDeps,
  { change, reason, actor }: { change: LargeChange | null; reason: string; actor: Actor },
): Promise<Approval> {
  const matter = matterOf(change)
  return db.transaction().execute(async (tx) => {
    const asked = await requestApproval(tx, matter, { reason, actor })
    await announce(tx, {
      eventName: 'ImportRequested',
      subject: matter.subject,
      actor,
      payload: { ...matter.content, reason },
    })
    return asked
  })
}

/**
 * Approves an import that another person has asked for; it may then be done once.
 *
 * @param input.change as a dry run of the same file found it; without one, what was asked for is approved as it was asked
 * @throws DomainError `approval-not-requested`, `own-request`, `approval-void`, `approval-not-needed`
 */
export async function approveImport(
  { db, announce }: AnnounceDeps,
  { actor, ...what }: { actor: Actor } & ({ subject: string } | { change: LargeChange | null }),
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const matter =
      'change' in what
        ? matterOf(what.change)
        : ({
            kind,
            subject: what.subject,
            content: (await lockOpenApproval(tx, kind, what.subject))?.content ?? {},
          } as const)
    const { reason, requestedBy } = await approve(tx, matter, actor)
    await announce(tx, {
      eventName: 'ImportApproved',
      subject: matter.subject,
      actor,
      payload: { reason, requestedBy },
    })
  })
}

/** @throws DomainError `approval-not-requested` */
export async function withdrawImportRequest(
  { db, announce }: AnnounceDeps,
  { subject, actor }: { subject: string; actor: Actor },
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await withdrawRequest(tx, { kind, subject }, actor)
    await announce(tx, { eventName: 'ImportRequestWithdrawn', subject, actor })
  })
}

function matterOf(change: LargeChange | null): Matter {
  if (change) return { kind, subject: change.subject, content: change.content }
  throw new DomainError('approval-not-needed', 'This import is not large: one person may do it.')
}
