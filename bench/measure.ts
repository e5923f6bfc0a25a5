/** What every benchmark shares: its options, rounds, statistics, and where its results go. */
import { readFile, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import pg from 'pg'

const { values } = parseArgs({
  options: {
    /** Small sizes and few rounds: whether it works, not what it costs. */
    quick: { type: 'boolean', default: false },
    /** Also 10,000,000 members. */
    large: { type: 'boolean', default: false },
    members: { type: 'string' },
    rounds: { type: 'string' },
  },
})
export const { quick, large } = values

/** The number asked for with `--members` or `--rounds`, else what such a run has by itself. */
export const choose = (name: 'members' | 'rounds', full: number, small: number) =>
  Number(values[name] ?? (quick ? small : full))

/** The sizes to go through, up to `--members`. */
export const sizesUpTo = (full: readonly number[], largest: number) => {
  const most = Number(values.members ?? (quick ? 5_000 : large ? largest : 1_000_000))
  return [...full, largest].filter((size) => size <= most)
}

export const say = (line: string) => process.stderr.write(`${line}\n`)

export const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)
export const quantile = (numbers: readonly number[], q: number) =>
  sorted(numbers)[Math.min(numbers.length - 1, Math.floor(q * numbers.length))] ?? Number.NaN
export const median = (numbers: readonly number[]) => quantile(numbers, 0.5)

/** What each round took against the other's of the same round: the median, the smallest and the largest. */
export function compare(numbers: readonly number[], others: readonly number[]) {
  const ratios = numbers.slice(0, others.length).map((number, round) => number / (others[round] as number))
  return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) }
}

/** Each round begins with another one, so that none always comes after the same neighbour. */
export const rotate = <Item>(items: readonly Item[], round: number): Item[] =>
  items.map((_, turn) => items[(turn + round) % items.length] as Item)

export const count = (value: number) => value.toLocaleString('en')
export const ms = (value: number) =>
  value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${value.toFixed(value < 100 ? 1 : 0)} ms`
export const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MB`
const digits = (value: number) => value.toFixed(value < 10 ? 2 : 0)
export const times = ({ median, min, max }: ReturnType<typeof compare>) =>
  Number.isNaN(median) ? '' : `${digits(median)} × (${digits(min)}–${digits(max)})`

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** The processors, the memory and the versions that the figures depend on. */
export async function describeMachine(url: string): Promise<string> {
  const client = new pg.Client(url)
  await client.connect()
  const { rows } = await client.query(
    "select split_part(current_setting('server_version'), ' ', 1) as version",
  )
  await client.end()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB`
  return `${cpus().length} × ${cpus()[0]?.model.trim()}, ${memory}, Node ${process.version}, PostgreSQL ${rows[0]?.version}`
}

/**
 * Prints the tables. A run in full also keeps its results, in `<name>.json` and between the README's marks for `name`.
 */
export async function report(
  name: string,
  { machine, text, results }: { machine: string; text: string; results: object },
): Promise<void> {
  const at = new Date().toISOString()
  const block = `${at.slice(0, 10)}, ${machine}\n\n${text}`
  process.stdout.write(`\n## ${name}\n\n${block}\n`)
  if (quick || values.members !== undefined || values.rounds !== undefined) return
  await writeFile(
    new URL(`./${name}.json`, import.meta.url),
    `${JSON.stringify({ at, machine, ...results }, null, 2)}\n`,
  )
  const readme = new URL('./README.md', import.meta.url)
  const marks = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`)
  const page = await readFile(readme, 'utf8')
  await writeFile(
    readme,
    page.replace(marks, (_, from, to) => `${from}${block}\n${to}`),
  )
}
