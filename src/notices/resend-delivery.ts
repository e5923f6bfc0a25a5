import type { AnnounceDeps } from '../events/announce.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import { type DeliveryView, findDelivery, reviveDelivery } from './delivery-sql.ts'
import { notifyNotices } from './notice-sql.ts'

/**
 * Has a delivery made again that could not be made, with all its attempts.
 *
 * @throws DomainError `delivery-not-found`, `delivery-not-dead`
 */
export async function resendDelivery(
  { db, announce }: AnnounceDeps,
  { deliveryId, actor }: { deliveryId: string; actor: Actor },
): Promise<DeliveryView> {
  return db.transaction().execute(async (tx) => {
    const isRevived = await reviveDelivery(tx, deliveryId)
    const delivery = await findDelivery(tx, deliveryId)
    if (!delivery) throw new DomainError('delivery-not-found', 'There is no such delivery.')
    if (!isRevived) {
      throw new DomainError(
        'delivery-not-dead',
        `The delivery is ${delivery.deliveryStatus}; only one that is Dead is sent again.`,
      )
    }
    await announce(tx, {
      eventName: 'DeliveryRevived',
      subject: delivery.cycleId,
      actor,
      payload: { deliveryId },
    })
    await notifyNotices(tx)
    return delivery
  })
}
