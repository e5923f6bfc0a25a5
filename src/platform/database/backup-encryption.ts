import { open, readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { Decrypter, Encrypter, identityToRecipient } from 'age-encryption'

/** How every file of this format begins (https://age-encryption.org/v1). */
const ageHeader = 'age-encryption.org/v1'
/** A backup is kept for years, so its passphrase can be guessed for years. */
const minPassphraseChars = 16

/** The content of a key file: a key of age, or a passphrase. */
export type BackupKey =
  | { readonly recipient: string }
  | { readonly identity: string }
  | { readonly passphrase: string }

/**
 * Reads a key file: an identity (`AGE-SECRET-KEY-…`, as `age-keygen` writes it), a recipient (`age1…`, which encrypts and
 * cannot decrypt), or a line with a passphrase.
 *
 * @throws Error when it holds none of these
 */
export async function readBackupKey(file: string): Promise<BackupKey> {
  const lines = (await readFile(file, 'utf8')).split('\n').map((line) => line.trim())
  const [key, ...more] = lines.filter((line) => line !== '' && !line.startsWith('#'))
  if (key === undefined || more.length > 0) {
    throw new Error(`${file} must hold one line: a key of age, or a passphrase.`)
  }
  if (key.startsWith('AGE-SECRET-KEY-')) return { identity: key }
  if (/^age1[a-z0-9]+$/.test(key)) return { recipient: key }
  if ([...key].length < minPassphraseChars) {
    throw new Error(`The passphrase in ${file} must have ${minPassphraseChars} characters or more.`)
  }
  return { passphrase: key }
}

/** The bytes encrypted and authenticated, as a stream of age's format. */
export async function encrypt(bytes: Readable, key: BackupKey): Promise<Readable> {
  const encrypter = new Encrypter()
  if ('passphrase' in key) encrypter.setPassphrase(key.passphrase)
  else encrypter.addRecipient('recipient' in key ? key.recipient : await identityToRecipient(key.identity))
  return nodeStream(await encrypter.encrypt(webStream(bytes)))
}

/** @throws Error when the key is wrong, or the file was changed */
export async function decrypt(bytes: Readable, key: BackupKey): Promise<Readable> {
  const decrypter = new Decrypter()
  if ('recipient' in key)
    throw new Error('This key encrypts only: restoring needs the secret key, AGE-SECRET-KEY-….')
  if ('passphrase' in key) decrypter.addPassphrase(key.passphrase)
  else decrypter.addIdentity(key.identity)
  return nodeStream(await decrypter.decrypt(webStream(bytes)))
}

export async function isEncrypted(file: string): Promise<boolean> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(ageHeader.length), 0, ageHeader.length, 0)
    return buffer.subarray(0, bytesRead).toString('latin1') === ageHeader
  } finally {
    await handle.close()
  }
}

const webStream = (stream: Readable) => Readable.toWeb(stream) as globalThis.ReadableStream<Uint8Array>
const nodeStream = (stream: globalThis.ReadableStream<Uint8Array>) =>
  Readable.fromWeb(stream as ReadableStream)
