import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)

export interface PreviousVersion {
  /** The built command. */
  readonly program: string
  remove(): Promise<void>
}

/**
 * Builds what this was before its engine was last changed, as a worker that an operator has not replaced yet. With
 * today's packages: they are its own and more. Undefined in a checkout that does not hold its history.
 */
export async function buildPreviousVersion(): Promise<PreviousVersion | undefined> {
  const git = async (...args: string[]) => (await run('git', ['-C', root, ...args])).stdout.trim()
  const directory = await mkdtemp(path.join(tmpdir(), 'almoner-before-'))
  const remove = async () => {
    await rm(directory, { recursive: true, force: true })
    await git('worktree', 'prune')
  }
  try {
    const changed = await git('log', '-1', '--format=%H', '--', 'src/platform/jobs', 'migrations')
    await git('worktree', 'add', '--detach', directory, `${changed}~1`)
    await symlink(path.join(root, 'node_modules'), path.join(directory, 'node_modules'))
    await run('npm', ['run', 'build'], { cwd: directory })
    return { program: path.join(directory, 'dist', 'cli', 'almoner.js'), remove }
  } catch {
    await remove().catch(() => {})
    return undefined
  }
}
