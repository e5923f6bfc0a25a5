/**
 * Counts the imports between the rooms of src/ and fails when one points upwards.
 *
 * A room is a folder, or a file that stands by itself. The list has them lowest first, and a room imports only from
 * those before it. Types count too: who needs a type of another room knows that room.
 */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseSync } from 'oxc-parser'

/** Another folder may be given, to try the check itself. */
const sourceDir = process.argv[2] ?? path.join(import.meta.dirname, '..', 'src')

const rooms = [
  // The platform knows no feature.
  'platform/values',
  'platform/telemetry',
  'platform/mail.ts',
  'platform/package-root.ts',
  'platform/retry-while.ts',
  'platform/database',
  'platform/queue',
  'platform/jobs',
  'platform/http',
  // Features, as the application lists them: each knows those before it.
  ...features(),
  // The composition root and the commands know everything.
  'app',
  'cli',
]

/** Libraries that one room only may know: what is behind a seam can then be deleted without a trace. */
const packages: Readonly<Record<string, string>> = {
  bullmq: 'platform/queue',
  ioredis: 'platform/queue',
  amqplib: 'platform/queue',
  'better-auth': 'access',
  nodemailer: 'platform/mail.ts',
}

/** The one file of a room that others may import; only the composition root and the commands know the rest. */
const doors: Readonly<Record<string, string>> = { 'platform/queue': 'queue.ts' }
const knowAllDoors = ['app', 'cli']

interface Arrow {
  readonly from: string
  readonly to: string
  /** As `file imports file`. */
  readonly where: string
  readonly fault: string | undefined
}

const isTest = /\.(test|contract)\.ts$/

const arrows = readdirSync(sourceDir, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !isTest.test(file))
  .flatMap(arrowsOf)
const faults = arrows.filter(({ fault }) => fault !== undefined)

for (const to of rooms) {
  const counts = rooms.flatMap((from) => {
    const count = arrows.filter((arrow) => arrow.from === from && arrow.to === to).length
    return count === 0 ? [] : [`${from} ${count}`]
  })
  if (counts.length > 0) process.stdout.write(`${to.padEnd(24)} ← ${counts.join(', ')}\n`)
}
for (const { where, fault } of faults) process.stderr.write(`${where}: ${fault}\n`)
process.stdout.write(`${arrows.length} imports between rooms, ${faults.length} of them not allowed\n`)
if (faults.length > 0) process.exitCode = 1

function arrowsOf(file: string): Arrow[] {
  const from = roomOf(file)
  return importsOf(file).flatMap((specifier) => {
    if (!specifier.startsWith('.')) {
      const only = Object.entries(packages).find(
        ([name]) => specifier === name || specifier.startsWith(`${name}/`),
      )
      if (!only || only[1] === from) return []
      const fault = `${only[0]} is for src/${only[1]} only`
      return [{ from, to: from, where: `src/${file} imports ${specifier}`, fault }]
    }
    const target = path.join(path.dirname(file), specifier)
    const to = roomOf(target)
    return from === to
      ? []
      : [{ from, to, where: `src/${file} imports src/${target}`, fault: faultOf(from, to, target) }]
  })
}

/** The folders of the features in the order of the application's list: `cyclesFeature` is in `cycles/`. */
function features(): string[] {
  const list = readFileSync(path.join(sourceDir, 'app', 'features.ts'), 'utf8')
  return [...list.matchAll(/^ {2}(\w+)Feature,$/gm)].map(([, name]) => name as string)
}

function faultOf(from: string, to: string, target: string): string | undefined {
  const unknown = [from, to].find((room) => !rooms.includes(room))
  if (unknown !== undefined) return `${unknown} has no place in the order of rooms`
  if (rooms.indexOf(to) > rooms.indexOf(from)) return `${from} is below ${to} and must not know it`
  const door = doors[to]
  if (door !== undefined && path.basename(target) !== door && !knowAllDoors.includes(from)) {
    return `${to} is entered by ${door} only`
  }
  return undefined
}

function roomOf(file: string): string {
  return rooms.find((room) => file === room || file.startsWith(`${room}/`)) ?? file
}

/** What the file imports, by `import`, `export … from`, or `import()`. */
function importsOf(file: string): string[] {
  const text = readFileSync(path.join(sourceDir, file), 'utf8')
  const { module, errors } = parseSync(file, text)
  if (errors.length > 0) throw new Error(`${file} cannot be read: ${errors[0]?.message}`)
  return [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest }) => moduleRequest?.value ?? []),
    ),
    ...module.dynamicImports.map(({ moduleRequest: { start, end } }) => text.slice(start + 1, end - 1)),
  ]
}
