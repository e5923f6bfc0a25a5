import type { Writable } from 'node:stream'
import { from } from 'pg-copy-streams'
import { memberColumns } from './column-rules.ts'
import type { Client } from './import-session-sql.ts'
import type { CheckedRow } from './row-check-rules.ts'

export async function findTimeZone(client: Client): Promise<string> {
  const { rows } = await client.query<{ time_zone: string }>('select time_zone from fund')
  return (rows[0] as { time_zone: string }).time_zone
}

/**
 * The file's rows. Those with faults of their own have no values but tier and agent, which are then checked too, and are kept as
 * they are written.
 */
export async function createRows(client: Client): Promise<void> {
  await client.query(`
    create temp table import_rows (
      line integer not null,
      member_code text,
      full_name text,
      tier_code text,
      agent_code text,
      member_status text,
      joined_on date,
      phone text,
      email text,
      agent_name text,
      agent_email text,
      agent_phone text,
      faults jsonb,
      written jsonb
    )`)
}

/** Takes what `copyLine` writes. */
export function copyRows(client: Client): Writable {
  return client.query(
    from(`
      copy import_rows
        (line, member_code, full_name, tier_code, agent_code, member_status, joined_on, phone, email,
          agent_name, agent_email, agent_phone, faults, written)
      from stdin`),
  )
}

/** A checked row in the text format of COPY. */
export function copyLine(row: CheckedRow): string {
  const faulty = row.faults.some(({ isWarning }) => !isWarning)
  let text = String(row.line)
  row.values.forEach((value, index) => {
    const kept = !faulty || index === tierIndex || index === agentIndex
    text += kept && value !== null ? `\t${escaped(value)}` : '\t\\N'
  })
  const faults = row.faults.length > 0 ? escaped(JSON.stringify(row.faults)) : '\\N'
  return `${text}\t${faults}\t${faulty ? escaped(JSON.stringify(row.written.map(withoutNul))) : '\\N'}\n`
}

const tierIndex = memberColumns.indexOf('tier')
const agentIndex = memberColumns.indexOf('agentCode')

function escaped(value: string): string {
  return value.includes('\\') ? value.replaceAll('\\', '\\\\') : value
}

/** PostgreSQL keeps no U+0000. */
function withoutNul(text: string): string {
  return text.replaceAll('\0', '\uFFFD')
}

export async function analyzeRows(client: Client): Promise<void> {
  await client.query('analyze import_rows')
}
