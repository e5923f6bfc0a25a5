import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BackupKey, decrypt, encrypt, readBackupKey } from './backup-encryption.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'almoner-key-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

async function keyIn(text: string): Promise<BackupKey> {
  const file = path.join(directory, 'key')
  await writeFile(file, text)
  return readBackupKey(file)
}

// More than one of the pieces of 64 KiB that age encrypts by.
const text = Buffer.from('What a family is owed. '.repeat(10_000))
const sealed = async (key: BackupKey) => buffer(await encrypt(Readable.from([text]), key))
const opened = async (bytes: Buffer, key: BackupKey) => buffer(await decrypt(Readable.from([bytes]), key))

test('a file encrypted for the public half of a key is opened only by its secret half', async () => {
  const identity = await generateIdentity()
  const secret = await keyIn(`# created: 2026-11-28\n${identity}\n`)
  const open = await keyIn(await identityToRecipient(identity))
  const bytes = await sealed(open)
  expect(bytes.includes('family')).toBe(false)
  expect((await opened(bytes, secret)).equals(text)).toBe(true)
  expect((await opened(await sealed(secret), secret)).equals(text)).toBe(true)
  await expect(opened(bytes, open)).rejects.toThrow('This key encrypts only')
  await expect(opened(bytes, await keyIn(await generateIdentity()))).rejects.toThrow()
})

test('a shortened or changed file is refused', async () => {
  const key = await keyIn(await generateIdentity())
  const bytes = await sealed(key)
  await expect(opened(bytes.subarray(0, bytes.length - 70_000), key)).rejects.toThrow()
  await expect(opened(Buffer.from(bytes.with(100_000, (bytes[100_000] ?? 0) ^ 1)), key)).rejects.toThrow()
})

test.each([
  ['', 'must hold one line'],
  ['# nothing but a comment', 'must hold one line'],
  ['two long enough passphrases\nin one file are one too many', 'must hold one line'],
  ['too short', '16 characters or more'],
])('a key file with %j is refused', async (content, why) => {
  await expect(keyIn(content)).rejects.toThrow(why)
})
