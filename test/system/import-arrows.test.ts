import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'

const root = path.join(import.meta.dirname, '..', '..')
const run = promisify(execFile)

let copy: string
beforeEach(async () => {
  copy = await mkdtemp(path.join(tmpdir(), 'almoner-arrows-'))
  await cp(path.join(root, 'src'), path.join(copy, 'src'), { recursive: true })
})
afterEach(() => rm(copy, { recursive: true, force: true }))

/** What the check says of the copy: its last line, and each import that is not allowed. */
async function check(): Promise<{ code: number; summary: string; faults: string[] }> {
  const { code, stdout, stderr } = await run(
    path.join(root, 'node_modules/.bin/tsx'),
    [path.join(root, 'scripts/import-arrows.ts'), path.join(copy, 'src')],
    { cwd: root },
  ).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  )
  return {
    code,
    summary: stdout.trim().split('\n').at(-1) ?? '',
    faults: stderr.trim() === '' ? [] : stderr.trim().split('\n'),
  }
}

const add = (file: string, text: string) => writeFile(path.join(copy, 'src', file), text)

test('the imports of the project all point downwards', async () => {
  const { code, summary, faults } = await check()
  expect({ code, faults }).toEqual({ code: 0, faults: [] })
  expect(summary).toMatch(/^\d{3} imports between rooms, 0 of them not allowed$/)
})

const refused = [
  [
    'claims/static.ts',
    `import { findCycle } from '../cycles/cycle-sql.ts'`,
    'claims is below cycles and must not know it',
  ],
  ['claims/type.ts', `export type { CycleView } from '../cycles/cycle-sql.ts'`, 'claims is below cycles'],
  ['claims/later.ts', `const later = () => import('../cycles/cycle-sql.ts')`, 'claims is below cycles'],
  ['platform/jobs/up.ts', `import { findFund } from '../../fund/fund-sql.ts'`, 'platform/jobs is below fund'],
  [
    'cycles/door.ts',
    `import { openRedisQueue } from '../platform/queue/bullmq-redis.ts'`,
    'entered by queue.ts only',
  ],
  ['notices/root.ts', `import { readConfig } from '../app/config.ts'`, 'notices is below app'],
  [
    'homeless.ts',
    `import { findFund } from './fund/fund-sql.ts'`,
    'homeless.ts has no place in the order of rooms',
  ],
  ['cycles/package.ts', `import { Queue } from 'bullmq'`, 'bullmq is for src/platform/queue only'],
] as const

test('an import that points upwards, past a door or past a seam is refused, however it is written', async () => {
  for (const [file, text] of refused) await add(file, text)
  const { code, faults } = await check()
  expect(code).toBe(1)
  expect(faults).toHaveLength(refused.length)
  for (const [file, , fault] of refused) {
    const said = faults.find((line) => line.includes(`src/${file} `))
    expect(said, file).toContain(fault)
  }
})
