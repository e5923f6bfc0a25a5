import type { AnnouncedEvent } from '../events/announce.ts'
import type { Tx } from '../platform/database/connect.ts'
import { blankPayerTexts } from './payment-sql.ts'

/** What sources called the member goes with the member; what was paid is kept. */
export async function forgetPayer(tx: Tx, { subject }: AnnouncedEvent): Promise<void> {
  // The subject of this event is the member.
  await blankPayerTexts(tx, subject as string)
}
