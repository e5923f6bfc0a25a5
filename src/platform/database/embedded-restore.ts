import { createReadStream, createWriteStream } from 'node:fs'
import { chmod, chown, mkdir, mkdtemp, open, readFile, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { type ExtractEvents, extract } from 'tar-stream'
import { endOfBackup } from './embedded-backup.ts'
import { findBinaries, ignore, packageOfPlatform } from './embedded-binaries.ts'
import { type Account, defaultDataDir, findPlace } from './embedded-place.ts'

/**
 * Makes the cluster of a backup in a data directory that has none. The next start brings it to the state at the end of the
 * backup. It is there whole or not at all.
 *
 * @returns the data directory
 * @throws Error when the directory holds data, and when the file is no whole backup or is of another major version
 */
export async function restore(
  file: string,
  options: { readonly dataDir: string | undefined; readonly log: (line: string) => void },
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
    const isWhole = await unpack(file, draft, account).catch((error: NodeJS.ErrnoException) => {
      if (error.syscall !== undefined) throw error
      throw new Error(`${file} is no backup, or is damaged: ${error.message}`)
    })
    if (!isWhole) throw new Error(`${file} is no whole backup: its end is missing.`)
    const found = (await readFile(path.join(draft, 'PG_VERSION'), 'utf8')).trim()
    if (found !== major) {
      throw new Error(`${file} is of PostgreSQL ${found}, and this Almoner comes with PostgreSQL ${major}.`)
    }
    await rename(draft, clusterDir)
    const parent = await open(dataDir)
    await parent.sync().finally(() => parent.close())
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return dataDir
}

/** Whether the end was there. */
async function unpack(file: string, draft: string, account: Account): Promise<boolean> {
  const archive = extract()
  let isWhole = false
  const unpacking = (async () => {
    for await (const entry of archive) {
      if (entry.header.name === endOfBackup) isWhole = true
      else await place(entry, draft, account)
      entry.resume()
    }
  })()
  await Promise.all([pipeline(createReadStream(file), createGunzip(), archive), unpacking])
  return isWhole
}

async function place(entry: ExtractEvents['entry'][1], draft: string, account: Account): Promise<void> {
  const { name, type } = entry.header
  const to = path.join(draft, name)
  // Whoever made the file may not be who we think.
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
