import type { AnnounceDeps } from '../events/announce.ts'
import type { Db } from '../platform/database/connect.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import {
  countChangedSince,
  findCyclesSince,
  hasImport,
  holdRegister,
  lockImport,
  markUndone,
  removeMembers,
  restoreMembers,
} from './undo-sql.ts'

export interface UndoneImport {
  readonly importId: string
  /** Members that the import added, now removed. */
  readonly removed: number
  /** Members that the import updated, now as they were before. */
  readonly restored: number
}

/**
 * Undoes an import, all of it or nothing: the members that came with it are removed, and those that it updated are what they were. It
 * can be while nothing rests on it: no cycle was started in its tiers since, and nobody has changed one of its members. Tiers and
 * agents that it made stay.
 *
 * @throws DomainError `import-not-found`, `import-undone`, `import-in-use`
 */
export async function undoImport(
  { db, announce }: AnnounceDeps,
  { importId, actor }: { importId: string; actor: Actor },
): Promise<UndoneImport> {
  return db.transaction().execute(async (tx) => {
    await holdRegister(tx)
    const found = await lockImport(tx, importId)
    if (!found) throw importNotFound()
    if (found.undoneAt !== null) throw new DomainError('import-undone', 'The import was undone already.')
    const [cycleCode] = await findCyclesSince(tx, importId)
    if (cycleCode !== undefined) {
      throw new DomainError(
        'import-in-use',
        `Cycle ${cycleCode} was started since: it may ask these members.`,
      )
    }
    const changed = await countChangedSince(tx, importId)
    if (changed.members > 0) {
      throw new DomainError(
        'import-in-use',
        `${changed.members} of its members were changed since, or have a claim, the first is ${changed.first}.`,
      )
    }
    // Members can be removed only while their import is being undone.
    await markUndone(tx, importId, actor.name)
    const undone = {
      importId,
      removed: await removeMembers(tx, importId),
      restored: await restoreMembers(tx, importId),
    }
    await announce(tx, { eventName: 'ImportUndone', subject: importId, actor, payload: { ...undone } })
    return undone
  })
}

/** @throws DomainError `import-not-found` */
export async function requireImport(db: Db, importId: string): Promise<void> {
  if (!(await hasImport(db, importId))) throw importNotFound()
}

function importNotFound(): DomainError {
  return new DomainError('import-not-found', 'There is no such import.')
}
