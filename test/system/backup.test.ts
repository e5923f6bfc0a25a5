import { createWriteStream } from 'node:fs'
import { chmod, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { sql } from 'kysely'
import { pack } from 'tar-stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../../src/app/config.ts'
import { openApplication } from '../../src/app/open-application.ts'
import { requireCycle } from '../../src/cycles/cycle-sql.ts'
import { startCycle } from '../../src/cycles/start-cycle.ts'
import { endOfBackup } from '../../src/platform/database/embedded-backup.ts'
import { restore } from '../../src/platform/database/embedded-restore.ts'
import { createLog } from '../../src/platform/telemetry/log.ts'
import { operator } from '../../src/platform/values/actor.ts'
import { runAlmoner, startAlmoner } from '../support/almoner-process.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'

let place: string
beforeAll(async () => {
  place = await mkdtemp(path.join(tmpdir(), 'almoner-backup-'))
  // PostgreSQL's user, who is not root, has to pass.
  await chmod(place, 0o711)
})
afterAll(() => rm(place, { recursive: true, force: true }))

const open = (ALMONER_DATA_DIR: string) =>
  openApplication(
    readConfig({ ALMONER_DATA_DIR }, false),
    createLog({ level: 'silent', format: 'json' }),
    'almoner test',
  )

test('a backup taken while a cycle is created is restored elsewhere, the cycle continues, and everything is correct', {
  timeout: 180_000,
}, async () => {
  const [from, to, file] = [path.join(place, 'from'), path.join(place, 'to'), path.join(place, 'fund.tar.gz')]
  const app = await open(from)
  await registerTier(app.db, { members: 40_001 })
  await sql`create function dawdle() returns trigger language plpgsql as
    $$ begin
      if (select count(*) from member_contributions) > 500 then perform pg_sleep(100); end if;
      return null;
    end $$`.execute(app.db)
  await sql`create trigger dawdle before insert on member_contributions
    for each statement execute function dawdle()`.execute(app.db)
  const { claimId } = await approveDeath(app.db, { number: 1, benefitAmount: 400_000_000 })
  const almoner = startAlmoner(['start'], { ALMONER_DATA_DIR: from, PORT: '0' })
  await almoner.says('Almoner is ready')
  const { cycleId } = await startCycle(app, {
    claimId,
    cycleDuration: 15,
    strategy: 'queued',
    actor: operator('treasurer'),
  })
  const written = async () =>
    (await sql<{ count: number }>`select count(*) from member_contributions`.execute(app.db)).rows[0]
      ?.count ?? 0
  await expect.poll(written, { timeout: 20_000 }).toBeGreaterThan(0)
  const before = await written()
  const backedUp = await runAlmoner(['backup', file, '--json'], { ALMONER_DATA_DIR: from })
  expect(backedUp).toMatchObject({ code: 0 })
  const after = await written()
  // The original goes on and is then lost.
  await almoner.end('SIGKILL')
  // Whoever is connected keeps the server up, and what it does for the killed one it notices within two seconds.
  const ofTheKilled = async () =>
    (await sql`select from pg_stat_activity where application_name like 'almoner start%'`.execute(app.db))
      .rows.length
  await expect.poll(ofTheKilled, { timeout: 30_000 }).toBe(0)
  await app.close()
  await rm(from, { recursive: true, force: true })

  expect(await runAlmoner(['restore', file], { ALMONER_DATA_DIR: to })).toMatchObject({ code: 0 })
  const restored = await open(to)
  const { rows } = await sql<{ count: number }>`select count(*) from member_contributions`.execute(
    restored.db,
  )
  expect(rows[0]?.count).toBeGreaterThanOrEqual(before)
  expect(rows[0]?.count).toBeLessThanOrEqual(after)
  expect(await requireCycle(restored.db, cycleId)).toMatchObject({ cycleStatus: 'Initializing' })
  await sql`drop trigger dawdle on member_contributions`.execute(restored.db)
  const again = startAlmoner(['start'], { ALMONER_DATA_DIR: to, PORT: '0' })
  const statusOf = async () => (await requireCycle(restored.db, cycleId)).cycleStatus
  await expect.poll(statusOf, { timeout: 60_000 }).toBe('Active')
  const doctor = await runAlmoner(['doctor'], { ALMONER_DATA_DIR: to })
  expect(doctor, doctor.stdout).toMatchObject({ code: 0 })
  await again.end('SIGTERM')
  await restored.close()
})

test('what prevents a backup or restore is said in a sentence, and nothing is half-written', {
  timeout: 120_000,
}, async () => {
  const [from, to, file] = [path.join(place, 'a'), path.join(place, 'b'), path.join(place, 'whole.tar.gz')]
  const says = async (args: string[], env: Record<string, string>) => {
    const { code, stderr } = await runAlmoner(args, env)
    return `${code} ${stderr.trim().split('\n').at(-1)}`
  }
  const plain = await runAlmoner(['backup', file], { ALMONER_DATA_DIR: from })
  expect(plain.stderr).toContain(`WARNING: ${file} is not encrypted.`)
  expect(await says(['backup', file], { ALMONER_DATA_DIR: from })).toContain(
    `1 almoner: ${file} exists already.`,
  )
  expect(await says(['restore', file], { ALMONER_DATA_DIR: from })).toMatch(
    /^1 almoner: There is data in .* already/,
  )
  expect(await says(['backup', 'x'], { DATABASE_URL: 'postgres://h/d' })).toMatch(
    /^2 This is for the embedded/,
  )
  expect(await says(['backup', path.join(place, 'nowhere', 'x')], { ALMONER_DATA_DIR: from })).toMatch(
    /^1 .*ENOENT/,
  )
  expect(await says(['restore', path.join(place, 'none')], { ALMONER_DATA_DIR: to })).toMatch(/^1 .*ENOENT/)

  const cut = path.join(place, 'cut.tar.gz')
  const whole = await readFile(file)
  await writeFile(cut, whole)
  await truncate(cut, Math.floor(whole.length / 2))
  expect(await says(['restore', cut], { ALMONER_DATA_DIR: to })).toMatch(/^1 .*is no backup, or is damaged/)
  await writeFile(cut, 'no backup at all')
  expect(await says(['restore', cut], { ALMONER_DATA_DIR: to })).toMatch(/^1 .*is no backup, or is damaged/)
  expect((await readdir(to)).filter((name) => name.startsWith('postgresql'))).toEqual([])
  expect((await readdir(place)).filter((name) => name.includes('.part-'))).toEqual([])
})

test('an encrypted backup is opened only with its key, and a restore takes only the data', {
  timeout: 120_000,
}, async () => {
  const [from, to] = [path.join(place, 'c'), path.join(place, 'd')]
  const [file, keyFile, wrong] = ['e.tar.gz.age', 'key', 'wrong'].map((name) => path.join(place, name)) as [
    string,
    string,
    string,
  ]
  const says = async (...args: string[]) => {
    const { code, stderr } = await runAlmoner(args, { ALMONER_DATA_DIR: args[0] === 'backup' ? from : to })
    return `${code} ${stderr.trim().split('\n').at(-1)}`
  }
  const app = await open(from)
  await sql`update fund set name = 'The fund of the encrypted'`.execute(app.db)
  // As somebody would write it who wants a program run as PostgreSQL's user wherever this is restored.
  await sql`alter system set archive_command = 'touch /tmp/almoner-owned'`.execute(app.db)
  await app.close()
  await writeFile(keyFile, 'correct horse battery staple\n')
  await writeFile(wrong, 'incorrect horse battery staple\n')
  expect(
    (await runAlmoner(['backup', file, '--key-file', keyFile, '--json'], { ALMONER_DATA_DIR: from })).stdout,
  ).toContain('"encrypted":true')
  const kept = await readFile(file)
  expect(kept.subarray(0, 21).toString()).toBe('age-encryption.org/v1')

  expect(await says('restore', file)).toMatch(/^1 .*is encrypted: name its key with --key-file/)
  expect(await says('restore', file, '--key-file', wrong)).toMatch(/^1 .*cannot be decrypted with this key/)
  const changed = path.join(place, 'changed')
  const middle = Math.floor(kept.length / 2)
  await writeFile(changed, kept.with(middle, (kept[middle] ?? 0) ^ 1))
  expect(await says('restore', changed, '--key-file', keyFile)).toMatch(/^1 .*is no backup, or is damaged/)
  expect(await says('restore', path.join(place, 'whole.tar.gz'), '--key-file', keyFile)).toMatch(
    /^1 .*is not encrypted, so/,
  )
  await writeFile(wrong, 'short')
  expect(await says('backup', path.join(place, 'f'), '--key-file', wrong)).toMatch(
    /^1 .*16 characters or more/,
  )
  expect((await readdir(to)).filter((name) => name.startsWith('postgresql'))).toEqual([])

  expect(await says('restore', file, '--key-file', keyFile)).toMatch(/^0/)
  const cluster = path.join(to, 'postgresql')
  expect((await readdir(cluster)).filter((name) => /conf$|signal$/.test(name)).toSorted()).toEqual([
    'pg_hba.conf',
    'pg_ident.conf',
    'postgresql.conf',
  ])
  const restored = await open(to)
  const { rows } = await sql<{ name: string; command: string }>`
    select name, current_setting('archive_command') as command from fund`.execute(restored.db)
  await restored.close()
  expect(rows).toEqual([{ name: 'The fund of the encrypted', command: '(disabled)' }])
})

const victim = () => path.join(place, 'victim')
type Entry = Parameters<ReturnType<typeof pack>['entry']>[0]
/** What somebody puts into a backup who wants to write elsewhere, or to have something read. */
const hostile: [what: string, entries: () => Entry[], said: RegExp][] = [
  [
    'a way out of it',
    () => [{ name: 'base/../../../elsewhere' }],
    /is no backup, or is damaged: .* which is outside/,
  ],
  [
    'a link',
    () => [{ name: 'base', type: 'symlink', linkname: place }, { name: 'base/victim' }],
    /is no backup, or is damaged: it has a symlink in it/,
  ],
  [
    'another name of a file',
    () => [{ name: 'base/1', type: 'link', linkname: victim() }],
    /it has a link in it/,
  ],
  // Neither is where data is, so that it is left out; and what is left is no cluster.
  [
    'the whole way to a place',
    () => [{ name: path.join(place, 'elsewhere') }, { name: '../elsewhere' }],
    /PG_VERSION/,
  ],
]
test.each(hostile)(
  'of a backup with %s nothing is taken, and nothing is written elsewhere',
  async (what, entries, said) => {
    await writeFile(victim(), 'as it was')
    const [file, to] = [path.join(place, `${what}.tar.gz`), path.join(place, `into ${what}`)]
    const archive = pack()
    for (const entry of [...entries(), { name: endOfBackup }]) archive.entry(entry, '')
    archive.finalize()
    await pipeline(archive, createGzip(), createWriteStream(file))
    const before = await readdir(place)
    await expect(restore(file, { dataDir: to, key: undefined, log: () => {} })).rejects.toThrow(said)
    expect(await readFile(victim(), 'utf8')).toBe('as it was')
    expect(await readdir(place)).toEqual([...before, path.basename(to)].toSorted())
    expect((await readdir(to)).filter((name) => name.startsWith('postgresql'))).toEqual([])
  },
)
