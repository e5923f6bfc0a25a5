import { type Listener, listen } from '../platform/database/listen.ts'
import type { Application } from './application.ts'

/** Listens on a channel of the application's database until it is closed. */
export async function listenTo(app: Application, channel: string): Promise<Listener> {
  return listen({
    url: app.database.url,
    channel,
    onError: (error) => app.log.warn({ err: error }, 'the listening connection broke; connecting again'),
  })
}
