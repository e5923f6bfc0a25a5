import type { AnnouncedEvent } from '../events/announce.ts'
import type { Tx } from '../platform/database/connect.ts'
import { blankDeliveriesTo } from './delivery-sql.ts'
import { deletePreferences } from './preference-sql.ts'

/** Removes the addresses of an erased member from deliveries, and sends nothing more. */
export async function forgetMember(tx: Tx, { subject }: AnnouncedEvent): Promise<void> {
  // The subject of this event is the member.
  const memberId = subject as string
  await blankDeliveriesTo(tx, memberId)
  await deletePreferences(tx, memberId)
}
