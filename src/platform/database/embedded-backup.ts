import { createReadStream, createWriteStream } from 'node:fs'
import { type FileHandle, link, open, readdir, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import pg from 'pg'
import { type Pack, pack } from 'tar-stream'
import { type BackupKey, encrypt } from './backup-encryption.ts'
import { ignore } from './embedded-binaries.ts'

/** The last entry: a file without it was cut off. */
export const endOfBackup = 'almoner-backup-is-whole'

/** Files that a server creates again, or must not find; PostgreSQL's manual lists them for base backups. */
const leftOut = [
  ...['postmaster.pid', 'postmaster.opts', 'backup_label', 'backup_manifest', 'tablespace_map'],
  ...['pg_dynshmem', 'pg_notify', 'pg_replslot', 'pg_serial', 'pg_snapshots', 'pg_stat_tmp', 'pg_subtrans'],
  ...['pg_wal', 'pgsql_tmp', 'pg_internal.init'],
]

/**
 * Writes the cluster into one compressed file while its server runs and is written to. What is in it is how the data is at
 * the end. The file is there whole or not at all.
 *
 * The way is PostgreSQL's own for a base backup: files are copied as they are found, and the write-ahead log from before the
 * first to after the last makes them agree. A replication slot keeps the server from recycling that log meanwhile.
 * https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP
 *
 * @param key what the file is encrypted with; undefined: it is not
 * @returns the size of the file in bytes
 * @throws Error when the file exists, or cannot be written
 */
export async function backUp(
  server: { readonly url: string; readonly dataDir: string },
  file: string,
  key: BackupKey | undefined,
): Promise<number> {
  const clusterDir = path.join(server.dataDir, 'postgresql')
  const draft = `${file}.part-${process.pid}`
  if (await stat(file).catch(ignore('ENOENT'))) throw new Error(`${file} exists already. Name another file.`)
  const client = new pg.Client(server.url)
  await client.connect()
  try {
    const archive = pack()
    const zipped = createGzip({ level: 6 })
    const kept = key ? await encrypt(zipped, key) : zipped
    await Promise.all([
      pipeline(archive, zipped),
      pipeline(kept, createWriteStream(draft, { flags: 'wx', mode: 0o600 })),
      addCluster(archive, client, clusterDir).catch((error) => archive.destroy(error)),
    ])
    await sync(draft)
    // Unlike a rename this does not replace a file that was created meanwhile.
    await link(draft, file)
    await sync(path.dirname(path.resolve(file)))
    return (await stat(file)).size
  } finally {
    await rm(draft, { force: true })
    await client.end()
  }
}

async function addCluster(archive: Pack, client: pg.Client, clusterDir: string): Promise<void> {
  await client.query(`select pg_create_physical_replication_slot($1, true, true)`, [`almoner_${process.pid}`])
  const { rows: from } = await client.query<{ segment: string }>(
    `select pg_walfile_name(pg_backup_start('almoner backup', true)) as segment`,
  )
  await addDirectory(archive, clusterDir, '')
  const { rows: to } = await client.query<{ segment: string; labelfile: string }>(
    `select pg_walfile_name(lsn) as segment, labelfile from pg_backup_stop(false)`,
  )
  const [first, last, label] = [from[0]?.segment ?? '', to[0]?.segment ?? '', to[0]?.labelfile ?? '']
  archive.entry({ name: 'pg_wal', type: 'directory' })
  for (const name of (await readdir(path.join(clusterDir, 'pg_wal'))).toSorted()) {
    if (/^[0-9A-F]{24}$/.test(name) && name >= first && name <= last) {
      await addFile(archive, path.join(clusterDir, 'pg_wal', name), `pg_wal/${name}`)
    }
  }
  archive.entry({ name: 'backup_label' }, label)
  archive.entry({ name: endOfBackup }, '')
  archive.finalize()
}

async function addDirectory(archive: Pack, directory: string, prefix: string): Promise<void> {
  for (const entry of (await readdir(directory, { withFileTypes: true }).catch(ignore('ENOENT'))) ?? []) {
    const name = `${prefix}${entry.name}`
    const isLeftOut = leftOut.some(
      (one) => entry.name === one || (one === 'pgsql_tmp' && entry.name.startsWith(one)),
    )
    if (entry.isDirectory()) {
      archive.entry({ name, type: 'directory' })
      if (!isLeftOut) await addDirectory(archive, path.join(directory, entry.name), `${name}/`)
    } else if (entry.isFile() && !isLeftOut) {
      await addFile(archive, path.join(directory, entry.name), name)
    }
  }
}

/** The file with its present length: later changes are in the write-ahead log. A missing file was dropped. */
async function addFile(archive: Pack, from: string, name: string): Promise<void> {
  const handle = await open(from).catch(ignore('ENOENT'))
  if (!handle) return
  try {
    const { size } = await handle.stat()
    const entry = archive.entry({ name, size })
    await pipeline(exactly(handle, size), entry)
  } finally {
    await handle.close()
  }
}

async function* exactly(handle: FileHandle, size: number): AsyncGenerator<Buffer> {
  let left = size
  const stream = createReadStream('', { fd: handle, start: 0, autoClose: false, highWaterMark: 1 << 20 })
  for await (const read of stream as AsyncIterable<Buffer>) {
    const part = read.subarray(0, left)
    left -= part.length
    if (part.length > 0) yield part
    if (left === 0) return
  }
  for (; left > 0; left -= Math.min(left, 1 << 20)) yield Buffer.alloc(Math.min(left, 1 << 20))
}

async function sync(place: string): Promise<void> {
  const handle = await open(place)
  await handle.sync().finally(() => handle.close())
}
