/**
 * How fast is an import, and does its memory grow with the file? `almoner members import` beside PostgreSQL's own
 * COPY of the same file into a table without keys.
 *
 *   npx tsx bench/import.ts [--quick] [--members 1000000] [--rounds 3]
 */
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { launch, type Server, watchMemory, withServer } from './fund.ts'
import {
  choose,
  compare,
  count,
  describeMachine,
  median,
  megabytes,
  ms,
  report,
  rotate,
  say,
  table,
  times,
} from './measure.ts'

const members = choose('members', 1_000_000, 50_000)
const rounds = choose('rounds', 3, 1)

const firstNames = ['Amina', 'Rajesh', 'Lakshmi', 'José', 'Mei', 'Thomas', 'Fatou', 'Sunil', 'Nadia', 'Peter']
const lastNames = ['Nair', 'Okafor', 'Menon', "O'Brien", 'Kurian', 'Diallo', 'Fernandes', 'Varghese', 'Lim']

/** A register as a fund has it: four tiers, an agent for some 500 members, a few Suspended, names that need quotes. */
async function writeCsv(file: string, rows: number): Promise<void> {
  const out = createWriteStream(file)
  out.write('memberCode,fullName,tier,agentCode,status,joinedOn,phone,email\n')
  for (let row = 1; row <= rows; row += 1) {
    const first = firstNames[row % 10] as string
    const last = lastNames[row % 9] as string
    const name = row % 20 === 0 ? `"${last}, ${first}"` : `${first} ${last}`
    const agent = String((row * 7919) % Math.ceil(rows / 500)).padStart(5, '0')
    const joined = new Date(Date.UTC(2005, 0, 1 + (row % 7000))).toISOString().slice(0, 10)
    const email = row % 3 === 0 ? '' : `member${row}@example.org`
    const line = `M-${String(row).padStart(8, '0')},${name},${'ABCD'[row % 4]},AG-${agent},${row % 50 === 0 ? 'Suspended' : 'Active'},${joined},+9198${String(row).padStart(8, '0')},${email}\n`
    if (!out.write(line)) await once(out, 'drain')
  }
  out.end()
  await once(out, 'close')
}

async function query(url: string, statement: string) {
  const client = new pg.Client(url)
  await client.connect()
  const { rows } = await client.query(statement)
  await client.end()
  return rows
}

/** Into an empty fund; the time is the whole command's, with the start of its process. */
async function importWith(server: Server, file: string, rows: number) {
  const url = await server.createDatabase('register')
  // The schema is there in the second of all imports, too.
  await launch(['migrate'], { DATABASE_URL: url }).exited
  await query(url, 'checkpoint')
  const startedAt = performance.now()
  const command = launch(['--json', 'members', 'import', file, '--create-agents', '--create-tiers'], {
    DATABASE_URL: url,
  })
  const stop = watchMemory(command.child.pid, 20)
  const code = await command.exited
  const tookMs = performance.now() - startedAt
  const [found] = await query(
    url,
    `select count(*)::int as members,
      count(*) filter (where member_status = 'Active')::int as active, (select count(*)::int from standings) as standings
    from members`,
  )
  if (code !== 0 || found.members !== rows || found.standings !== found.active) {
    throw new Error(`the import ended with ${code} and ${JSON.stringify(found)}: ${command.output.stderr}`)
  }
  await server.dropDatabases()
  return { tookMs, peakBytes: Math.max(...stop().map(({ bytes }) => bytes)) }
}

async function copyWith(server: Server, file: string, rows: number) {
  const url = await server.createDatabase('copied')
  await query(
    url,
    'create table raw (member_code text, full_name text, tier text, agent_code text, status text, joined_on text, phone text, email text)',
  )
  await query(url, 'checkpoint')
  const client = new pg.Client(url)
  await client.connect()
  const startedAt = performance.now()
  const into = client.query(copyFrom('copy raw from stdin with (format csv, header)'))
  await pipeline(createReadStream(file), into)
  const tookMs = performance.now() - startedAt
  await client.end()
  if (into.rowCount !== rows) throw new Error(`COPY wrote ${into.rowCount} of ${rows}`)
  await server.dropDatabases()
  return { tookMs, peakBytes: Number.NaN }
}

const acts = [
  { name: '`almoner members import`', rows: members, run: importWith },
  { name: '`almoner members import`', rows: members / 10, run: importWith },
  { name: 'COPY into a table without keys', rows: members, run: copyWith },
].map((act) => ({
  ...act,
  file: path.join(tmpdir(), `almoner-bench-${process.pid}-${act.rows}.csv`),
  results: [] as { tookMs: number; peakBytes: number }[],
}))

let fileBytes = 0
const machine = await withServer(async (server) => {
  try {
    for (const { file, rows } of acts) await writeCsv(file, rows)
    fileBytes = (await stat(acts[0]?.file as string)).size
    for (let round = 0; round < rounds; round += 1) {
      for (const act of rotate(acts, round)) {
        act.results.push(await act.run(server, act.file, act.rows))
        say(
          `round ${round + 1}: ${act.name}, ${count(act.rows)} rows, ${ms(act.results.at(-1)?.tookMs ?? 0)}`,
        )
      }
    }
    return await describeMachine(server.url)
  } finally {
    for (const { file } of acts) await rm(file, { force: true })
  }
})

const tookOf = ({ results }: (typeof acts)[number]) => results.map(({ tookMs }) => tookMs)
const copied = acts[2] as (typeof acts)[number]
const text = table(
  ['', 'rows', 'time', 'rows a second', 'against COPY', 'memory, at most'],
  acts.map((act) => {
    const took = median(tookOf(act))
    const peak = Math.max(...act.results.map(({ peakBytes }) => peakBytes))
    return [
      act.name,
      count(act.rows),
      ms(took),
      count(Math.round((act.rows / took) * 1000)),
      act.rows === copied.rows ? times(compare(tookOf(act), tookOf(copied))) : '',
      Number.isNaN(peak) ? '' : megabytes(peak),
    ]
  }),
)
const results = acts.map(({ name, rows, results: all }) => ({ name, rows, rounds: all }))
await report('import', { machine, text, results: { fileBytes, results } })
