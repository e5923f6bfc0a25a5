import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdir, readdir, realpath, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'

/** The operating-system user that runs PostgreSQL. Empty when that is the user of this process. */
export interface Account {
  readonly uid?: number
  readonly gid?: number
}

/** The place of a cluster, and who runs it. */
interface Place {
  /** The real path of the data directory. */
  readonly dataDir: string
  readonly account: Account
}

const systemDataDir = '/var/lib/almoner'

/** The advice in every error after which the embedded server cannot run. */
export const wayOut = 'Set DATABASE_URL to use a PostgreSQL server of your own instead.'

/**
 * The environment of every PostgreSQL process. It is not ours: PGPORT and LC_ALL would change the server, and
 * passwords that Almoner was given are no business of its children. macOS needs a valid locale to start at all.
 */
export const serverEnvironment = { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C' }

/** The default place of the data. PostgreSQL programs are copied there too, if necessary. */
export function defaultDataDir(): string {
  if (isRoot()) return systemDataDir
  const home = process.env.XDG_DATA_HOME
  // The XDG specification says to ignore relative paths.
  return join(home && isAbsolute(home) ? home : join(homedir(), '.local', 'share'), 'almoner')
}

/**
 * Makes the data directory and decides who runs the server. PostgreSQL refuses to run as root, so root hands it
 * to the owner of the cluster, or to `postgres` or `nobody` for a new one, and keeps the data elsewhere when that
 * user cannot reach the directory.
 *
 * @throws Error when no directory can be reached, or when the cluster belongs to another user
 */
export async function findPlace(wanted: string, log: (line: string) => void): Promise<Place> {
  await makeDirectory(wanted)
  if (!isRoot()) {
    const owner = await ownerOf(join(wanted, 'postgresql'))
    if (owner && owner.uid !== process.geteuid?.()) {
      throw new Error(`The data in ${wanted} belongs to another user. Run Almoner as that user. ${wayOut}`)
    }
    return { dataDir: await realpath(wanted), account: {} }
  }
  const elsewhere = join(systemDataDir, `data-${shortHash(wanted)}`)
  for (const dir of [wanted, elsewhere]) {
    await makeDirectory(dir)
    const account = (await ownerOf(join(dir, 'postgresql'))) ?? (await serverAccount())
    if ((await run(account, '/bin/sh', '-c', 'cd "$1"', 'sh', dir)).ok) {
      if (dir !== wanted)
        log(`PostgreSQL cannot run as root, and its user cannot reach ${wanted}: using ${dir}`)
      return { dataDir: await realpath(dir), account }
    }
  }
  throw new Error(`The user that runs PostgreSQL can reach neither ${wanted} nor ${elsewhere}. ${wayOut}`)
}

/**
 * Makes a directory. Root makes it so that the server's user can pass through it, whatever the umask is. So it
 * does with an empty one (a new volume, a new temporary directory); any other keeps the mode it was given.
 */
export async function makeDirectory(path: string): Promise<void> {
  if (!isRoot()) {
    await mkdir(path, { recursive: true, mode: 0o700 })
    return
  }
  const first = await mkdir(path, { recursive: true })
  if (first) {
    for (let dir = path; dir.length >= first.length; dir = dirname(dir)) await chmod(dir, 0o755)
  } else if ((await readdir(path)).length === 0) {
    await chmod(path, ((await stat(path)).mode & 0o7777) | 0o111)
  }
}

/** Runs a program to its end as the given user. A program that cannot be started counts as failed. */
export function run(
  account: Account,
  file: string,
  ...args: string[]
): Promise<{ ok: boolean; output: string }> {
  // The working directory of this process may be closed to the other user.
  const options = { ...account, cwd: '/', env: serverEnvironment }
  return new Promise((resolve) => {
    execFile(file, args, options, (error, stdout, stderr) => {
      resolve({ ok: error === null, output: `${stdout}${stderr}`.trim() || (error?.message ?? '') })
    })
  })
}

/** A short name for a path, to be used where the path itself is too long or too deep. */
export function shortHash(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 12)
}

function isRoot(): boolean {
  return process.geteuid?.() === 0
}

/** Who owns the path; undefined when it does not exist or belongs to root, who cannot run a server. */
async function ownerOf(path: string): Promise<Required<Account> | undefined> {
  const stats = await stat(path).catch(() => undefined)
  return stats && stats.uid !== 0 ? { uid: stats.uid, gid: stats.gid } : undefined
}

async function serverAccount(): Promise<Account> {
  // macOS has its own `_postgres`, and a `nobody` with a negative id that Node.js does not accept.
  for (const name of ['postgres', '_postgres', 'nobody']) {
    const [uid, gid] = await Promise.all([run({}, 'id', '-u', name), run({}, 'id', '-g', name)])
    if (uid.ok && gid.ok) return { uid: Number(uid.output), gid: Number(gid.output) }
  }
  throw new Error(
    `PostgreSQL cannot run as root, and there is neither a user "postgres" nor "nobody". ${wayOut}`,
  )
}
