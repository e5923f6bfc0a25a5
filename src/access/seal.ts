import { symmetricDecrypt, symmetricEncrypt } from 'better-auth/crypto'
import type { Db } from '../platform/database/connect.ts'
import { findInstallationSecret } from './access-sql.ts'

/** Encrypts what is stored in the database but must not be readable in a dump, like second factors. */
export interface Seal {
  /** @returns XChaCha20-Poly1305 under the installation's secret, in hexadecimal */
  seal(text: string): Promise<string>
  /** @throws Error when it was sealed with another secret, or is damaged */
  unseal(sealed: string): Promise<string>
}

/** @param options.secret undefined: the one that is stored in the database */
export function createSeal(options: { readonly db: Db; readonly secret: string | undefined }): Seal {
  let asked: Promise<string> | undefined
  const key = () => (asked ??= findInstallationSecret(options))
  return {
    seal: async (text) => symmetricEncrypt({ key: await key(), data: text }),
    unseal: async (sealed) =>
      symmetricDecrypt({ key: await key(), data: sealed }).catch((cause) => {
        throw new Error('It was encrypted with another ALMONER_SECRET.', { cause })
      }),
  }
}
