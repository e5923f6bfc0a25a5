import { createReadStream, createWriteStream } from 'node:fs'
import { chmod, chown, mkdir, mkdtemp, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { type ExtractEvents, extract } from 'tar-stream'
import { type BackupKey, decrypt, isEncrypted } from './backup-encryption.ts'
import { endOfBackup } from './embedded-backup.ts'
import { findBinaries, ignore, packageOfPlatform } from './embedded-binaries.ts'
import { type Account, defaultDataDir, findPlace } from './embedded-place.ts'

/** The files of a cluster that are data: others, such as settings with commands in them, are not restored. */
const dataDirectories = [
  ...[
    'base',
    'global',
    'pg_commit_ts',
    'pg_dynshmem',
    'pg_logical',
    'pg_multixact',
    'pg_notify',
    'pg_replslot',
  ],
  ...[
    'pg_serial',
    'pg_snapshots',
    'pg_stat',
    'pg_stat_tmp',
    'pg_subtrans',
    'pg_tblspc',
    'pg_twophase',
    'pg_wal',
    'pg_xact',
  ],
]
const dataFiles = ['PG_VERSION', 'backup_label']

/** Settings are given to the server when it starts. Connections come only through its own unix socket, and are trusted. */
const configuration: Readonly<Record<string, string>> = {
  'postgresql.conf': '',
  'pg_hba.conf': 'local all all trust\n',
  'pg_ident.conf': '',
}

/**
 * Makes the cluster of a backup in a data directory that has none. The next start brings it to the state at the end of the
 * backup. It is there whole or not at all. Only data is taken from the file; the configuration is written anew.
 *
 * @param options.key what the file is encrypted with; a file that is not encrypted is refused then
 * @returns the data directory
 * @throws Error when the directory holds data, and when the file is no whole backup or is of another major version
 */
export async function restore(
  file: string,
  options: {
    readonly dataDir: string | undefined
    readonly key: BackupKey | undefined
    readonly log: (line: string) => void
  },
): Promise<string> {
  const { dataDir, account } = await findPlace(path.resolve(options.dataDir ?? defaultDataDir()), options.log)
  const clusterDir = path.join(dataDir, 'postgresql')
  if (await stat(clusterDir).catch(ignore('ENOENT'))) {
    throw new Error(`There is data in ${dataDir} already. Move it away, or name an empty ALMONER_DATA_DIR.`)
  }
  const { major } = await findBinaries(packageOfPlatform(), account, options.log)
  const draft = await mkdtemp(`${clusterDir}-new-`)
  try {
    await give(draft, account)
    const archive = await openArchive(file, options.key)
    const isWhole = await unpack(archive, draft, account).catch((error: NodeJS.ErrnoException) => {
      if (error.syscall !== undefined) throw error
      throw new Error(`${file} is no backup, or is damaged: ${error.message}`)
    })
    if (!isWhole) throw new Error(`${file} is no whole backup: its end is missing.`)
    const found = (await readFile(path.join(draft, 'PG_VERSION'), 'utf8')).trim()
    if (found !== major) {
      throw new Error(`${file} is of PostgreSQL ${found}, and this Almoner comes with PostgreSQL ${major}.`)
    }
    for (const [name, text] of Object.entries(configuration)) {
      await writeFile(path.join(draft, name), text, { flag: 'wx', mode: 0o600, flush: true })
      await give(path.join(draft, name), account)
    }
    await rename(draft, clusterDir)
    const parent = await open(dataDir)
    await parent.sync().finally(() => parent.close())
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return dataDir
}

async function openArchive(file: string, key: BackupKey | undefined): Promise<Readable> {
  const encrypted = await isEncrypted(file)
  if (encrypted && !key) throw new Error(`${file} is encrypted: name its key with --key-file.`)
  // Otherwise somebody could replace an encrypted file by a plain one.
  if (!encrypted && key)
    throw new Error(`${file} is not encrypted, so it is not a backup made with this key.`)
  const bytes = createReadStream(file)
  if (!key) return bytes
  return decrypt(bytes, key).catch((error: Error) => {
    bytes.destroy()
    throw new Error(`${file} cannot be decrypted with this key: ${error.message}`)
  })
}

/** Whether the file is complete. */
async function unpack(bytes: Readable, draft: string, account: Account): Promise<boolean> {
  const archive = extract()
  let isWhole = false
  const unpacking = (async () => {
    for await (const entry of archive) {
      if (entry.header.name === endOfBackup) isWhole = true
      else if (isData(entry.header.name)) await place(entry, draft, account)
      entry.resume()
    }
  })()
  await Promise.all([pipeline(bytes, createGunzip(), archive), unpacking])
  return isWhole
}

function isData(name: string): boolean {
  return dataFiles.includes(name) || dataDirectories.includes(name.split('/')[0] ?? '')
}

async function place(entry: ExtractEvents['entry'][1], draft: string, account: Account): Promise<void> {
  const { name, type } = entry.header
  const to = path.join(draft, name)
  // The file may be from somebody else.
  if (!to.startsWith(draft + path.sep)) throw new Error(`it has a file ${name}, which is outside.`)
  if (type === 'directory') {
    await mkdir(to, { mode: 0o700, recursive: true })
  } else if (type === 'file') {
    await pipeline(entry, createWriteStream(to, { flags: 'wx', mode: 0o600, flush: true }))
  } else {
    throw new Error(`it has a ${type} in it.`)
  }
  await give(to, account)
}

async function give(place: string, { uid, gid }: Account): Promise<void> {
  if (uid !== undefined && gid !== undefined) await chown(place, uid, gid)
  await chmod(place, (await stat(place)).isDirectory() ? 0o700 : 0o600)
}
