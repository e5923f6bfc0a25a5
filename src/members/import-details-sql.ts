/** What a file of members says of agents, beside their codes: agents are few, and it is taken together once. */
import type { Client } from './import-session-sql.ts'

/** What is the same in two ways to write it. */
const keyOf = (name: string, value: string) =>
  `case ${name} when 'agentEmail' then lower(${value}) when 'agentPhone' then dialled(${value}) else ${value} end`

/** Of the rows without a fault, each thing that is said of an agent, by its first line. */
export async function createDetails(client: Client): Promise<void> {
  await client.query(`
    create temp table import_details as
    select r.agent_code, d.name, ${keyOf('d.name', 'd.value')} as key, d.value, min(r.line) as line
    from import_rows r
    cross join lateral (
      values ('agentName', r.agent_name), ('agentEmail', r.agent_email), ('agentPhone', r.agent_phone)
    ) as d (name, value)
    where r.agent_code is not null and d.value is not null
      and not exists (select from import_faults f where f.line = r.line)
    group by 1, 2, 3, 4`)
}

/** Rows that say something of an agent, and not of which. */
export async function insertWarningsOfNoAgent(client: Client, reason: string): Promise<void> {
  await client.query(
    `insert into import_warnings (line, column_name, value, reason)
    select line, 'agentCode', null, $1 from import_rows
    where member_code is not null and agent_code is null and coalesce(agent_name, agent_email, agent_phone) is not null`,
    [reason],
  )
}

/** Once each, what is said otherwise than the agent is who is there. `%s` in the reason becomes the agent. */
export async function insertWarningsOfKept(client: Client, reason: string): Promise<void> {
  await client.query(
    `insert into import_warnings (line, column_name, value, reason, kind)
    select distinct on (d.agent_code, d.name, d.key) d.line, d.name, d.value, format($1, d.agent_code), $1
    from import_details d
    join agents a using (agent_code)
    join lateral (
      values ('agentName', a.full_name), ('agentEmail', a.email), ('agentPhone', a.phone)
    ) as there (name, value) on there.name = d.name
    where d.key is distinct from ${keyOf('there.name', 'there.value')}
    order by d.agent_code, d.name, d.key, d.line`,
    [reason],
  )
}

/** Once each, what is said otherwise of a new agent than the first line does. The places in the reason become the agent and that line. */
export async function insertWarningsOfDisagreement(
  client: Client,
  newAgents: readonly string[],
  reason: string,
): Promise<void> {
  await client.query(
    `insert into import_warnings (line, column_name, value, reason, kind)
    select distinct on (d.agent_code, d.name, d.key) d.line, d.name, d.value, format($1, d.agent_code, d.first_line), $1
    from (
      select d.*, first_value(d.key) over said as first_key, first_value(d.line) over said as first_line
      from import_details d where d.agent_code = any($2)
      window said as (partition by d.agent_code, d.name order by d.line)
    ) d
    where d.key <> d.first_key
    order by d.agent_code, d.name, d.key, d.line`,
    [reason, newAgents],
  )
}

export interface NewAgent {
  readonly agentCode: string
  readonly fullName: string
  readonly email: string | null
  readonly phone: string | null
}

/** The agents of these codes as the file first says them; whose name it does not say is called by the code. */
export async function findNewAgents(client: Client, codes: readonly string[]): Promise<NewAgent[]> {
  const said = (name: string) =>
    `(select value from import_details d where d.agent_code = code and d.name = '${name}' order by d.line limit 1)`
  const { rows } = await client.query<NewAgent>(
    `select code as "agentCode", coalesce(${said('agentName')}, code) as "fullName",
      ${said('agentEmail')} as email, ${said('agentPhone')} as phone
    from unnest($1::text[]) code`,
    [codes],
  )
  return rows
}
