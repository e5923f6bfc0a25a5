import type { Db } from '../platform/database/connect.ts'
import { findInstallationSecret } from './access-sql.ts'
import type { Identity } from './identity.ts'

/**
 * Opens what knows who somebody is.
 *
 * @param options.secret signs cookies and encrypts second factors; undefined: one that the database keeps
 * @param options.publicUrl where browsers find this server
 */
export async function openIdentity(options: {
  readonly db: Db
  readonly secret: string | undefined
  readonly publicUrl: string
}): Promise<Identity> {
  const secret = await findInstallationSecret(options)
  // Loaded only when somebody signs in: it takes half a second, which other commands and workers do not need.
  const { createIdentity } = await import('./identity.ts')
  return createIdentity({ ...options, secret })
}
