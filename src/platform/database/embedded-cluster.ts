import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
} from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Binaries, ignore } from './embedded-binaries.ts'
import { type Account, run, shortHash, wayOut } from './embedded-place.ts'

/** A socket's path must fit into a field of 104 bytes on macOS (108 on Linux), with a zero byte at its end. */
const socketPathBytes = 103

const abandonedAfterMs = 3_600_000
const emptyLockMs = 5_000

/** Greater than any process id, so no process has it. */
const nobodysPid = 2_147_483_647

/** The process id, and the socket directory as soon as there is one, that a server wrote into its lock file. */
interface LockFile {
  readonly pid: number
  readonly socketDir: string | undefined
}

/**
 * Creates the cluster if there is none. It is initialised under another name and renamed at the end, so that a
 * kill in the middle leaves nothing half-made, and the rename decides when two processes do it at once.
 *
 * @throws Error with the end of initdb's output when it fails, and when the cluster is of another major version
 */
export async function makeCluster(clusterDir: string, account: Account, binaries: Binaries): Promise<void> {
  const found = await majorOf(clusterDir)
  if (found === undefined) await initialise(clusterDir, account, binaries)
  else if (found !== binaries.major) {
    throw new Error(
      `The data in ${clusterDir} is of PostgreSQL ${found}, and this Almoner comes with PostgreSQL ${binaries.major}. ` +
        `Carry it over with pg_dump and psql, or move it away to start anew. ${wayOut}`,
    )
  }
}

async function majorOf(clusterDir: string): Promise<string | undefined> {
  return (await readFile(join(clusterDir, 'PG_VERSION'), 'utf8').catch(ignore('ENOENT')))?.trim()
}

async function initialise(clusterDir: string, account: Account, binaries: Binaries): Promise<void> {
  await removeAbandonedDrafts(clusterDir)
  const draft = await mkdtemp(`${clusterDir}-new-`)
  try {
    await give(draft, account)
    // The built-in provider sorts the same on every machine. Only our user can open the socket's directory.
    const result = await run(
      account,
      binaries.initdb,
      ...['-D', draft, '--username=almoner', '--auth-local=trust', '--auth-host=reject', '--encoding=UTF8'],
      ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-instructions'],
    )
    if (!result.ok) {
      const end = lastLines(result.output)
      throw new Error(`PostgreSQL's initdb could not create ${clusterDir}. The end of its output:\n${end}`)
    }
    await rename(draft, clusterDir).catch(ignore('ENOTEMPTY', 'EEXIST'))
    // Without this, a power cut could undo the rename after the first commits.
    const parent = await open(dirname(clusterDir))
    await parent.sync().finally(() => parent.close())
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** Removes what killed processes left. A newer draft may still be in use. */
async function removeAbandonedDrafts(clusterDir: string): Promise<void> {
  for (const name of await readdir(dirname(clusterDir))) {
    const path = join(dirname(clusterDir), name)
    if (!name.startsWith(`${basename(clusterDir)}-new-`)) continue
    // Another process may have renamed or removed it since.
    const stats = await stat(path).catch(ignore('ENOENT'))
    if (stats && Date.now() - stats.mtimeMs > abandonedAfterMs)
      await rm(path, { recursive: true, force: true })
  }
}

/**
 * Makes the directory of the unix socket, which nobody else may enter: who can, is let in without a password.
 *
 * @throws Error when it belongs to someone else, who could listen there in the server's place
 */
export async function makeSocketDir(dataDir: string, account: Account): Promise<string> {
  const near = join(dataDir, 'socket')
  const fits = Buffer.byteLength(join(near, '.s.PGSQL.5432')) <= socketPathBytes
  // Not XDG_RUNTIME_DIR: it is removed when the user logs out, and the server may continue.
  const dir = fits ? near : `/tmp/almoner-${shortHash(dataDir)}`
  await mkdir(dir, { mode: 0o700 }).catch(ignore('EEXIST'))
  const stats = await lstat(dir)
  if (!stats.isDirectory() || ![account.uid, process.geteuid?.()].includes(stats.uid)) {
    throw new Error(`${dir} must be a directory of the user that runs PostgreSQL, but is not. Remove it.`)
  }
  await give(dir, account)
  await chmod(dir, 0o700)
  return dir
}

async function give(path: string, { uid, gid }: Account): Promise<void> {
  if (uid !== undefined && gid !== undefined) await chown(path, uid, gid)
}

/** Reads the cluster's lock file; undefined when there is none. */
export async function readLockFile(clusterDir: string): Promise<LockFile | undefined> {
  const text = await readFile(join(clusterDir, 'postmaster.pid'), 'utf8').catch(ignore('ENOENT'))
  return text === undefined ? undefined : parseLockFile(text)
}

function parseLockFile(text: string): LockFile {
  const lines = text.split('\n')
  return {
    pid: Math.abs(Number.parseInt(lines[0] ?? '', 10)) || nobodysPid,
    socketDir: lines[4] || undefined,
  }
}

/** Whether the process runs and is a PostgreSQL server on this cluster. A zombie does not run. */
export async function isPostmaster(pid: number, clusterDir: string): Promise<boolean> {
  if (process.platform === 'linux') {
    // The working directory of a server is its data directory, however its command line writes the path.
    const directory = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    return directory === clusterDir && command.includes('postgres')
  }
  const { output } = await run({}, 'ps', '-ww', '-o', 'command=', '-p', String(pid))
  return output.includes('postgres') && `${output} `.includes(` ${clusterDir} `)
}

/**
 * Frees lock files whose process is not a server on this cluster. PostgreSQL frees those of dead processes
 * itself but not those whose id was given to another process since, which is the rule in containers.
 *
 * The id is overwritten through the open file instead of the file being removed: PostgreSQL replaces lock files
 * and never writes a new id into an old one, so this cannot hit the lock of a server that has started meanwhile.
 * And PostgreSQL goes on to look for left-over processes, as it does after every crash.
 */
export async function freeStaleLockFiles(clusterDir: string, socketDir: string): Promise<void> {
  for (const path of [join(clusterDir, 'postmaster.pid'), join(socketDir, '.s.PGSQL.5432.lock')]) {
    const file = await open(path, 'r+').catch(ignore('ENOENT'))
    if (!file) continue
    try {
      const text = await file.readFile('utf8')
      if (text === '') {
        // A server that is starting fills it at once; after a power cut it may stay like this.
        if (Date.now() - (await file.stat()).mtimeMs > emptyLockMs) await rm(path, { force: true })
      } else if (!(await isPostmaster(parseLockFile(text).pid, clusterDir))) {
        await file.write(text.replace(/^.*/, String(nobodysPid)), 0)
      }
    } finally {
      await file.close()
    }
  }
}

export function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-12).join('\n')
}
